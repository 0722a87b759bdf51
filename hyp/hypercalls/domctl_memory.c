/* SPDX-License-Identifier: MIT */
/* domctl: types of a domain's frames, its hypercall page, and the hardware that it may use. */
#include "cpu/irq.h"
#include "hypercalls/control.h"
#include "hypercalls/hypercalls.h"
#include "lib/string.h"
#include "mm/page.h"

#define PAGE_TYPES_MAX 1024

_Static_assert(XEN_DOMCTL_PFINFO_L4TAB / XEN_DOMCTL_PFINFO_L1TAB == PGT_l4 / PGT_l1, "tables by their level");

static u64 type_for_tools(const struct page_info *pg)
{
    u64 info = READ_ONCE(pg->type_info), level = info >> PGT_SHIFT;
    u64 type = level <= PGT_l4 >> PGT_SHIFT ? level * XEN_DOMCTL_PFINFO_L1TAB : XEN_DOMCTL_PFINFO_NOTAB;

    if (READ_ONCE(pg->count_info) & PGC_hyp)
        return XEN_DOMCTL_PFINFO_XTAB; /* shared info, grant table: no memory of the domain to save */
    if (info & PGT_pinned)
        return type | XEN_DOMCTL_PFINFO_LPINTAB;
    return info & PGT_validated ? type : XEN_DOMCTL_PFINFO_NOTAB;
}

long domctl_page_types(struct domain *d, struct xen_domctl *op)
{
    u64 n = op->u.getpageframeinfo3.num, at = (u64)op->u.getpageframeinfo3.array.p;

    if (n > PAGE_TYPES_MAX)
        return -E2BIG;
    for (u64 i = 0; i < n; i++, at += sizeof(u64)) {
        u64 mfn, type = XEN_DOMCTL_PFINFO_XTAB;

        if (get_guest_u64(&mfn, at))
            return -EFAULT;
        if (mfn_valid(mfn_of(mfn)) && get_page(mfn_to_page(mfn_of(mfn)), mm_of(d))) {
            type = type_for_tools(mfn_to_page(mfn_of(mfn)));
            put_page(mfn_to_page(mfn_of(mfn)));
        }
        if (put_guest_u64(at, type))
            return -EFAULT;
    }
    return 0;
}

/* A slot of 32 bytes for each hypercall: save what SYSCALL destroys, number into EAX, SYSCALL. */
void hypercall_page_fill(u8 *page)
{
    static const u8 save[] = {0x51, 0x41, 0x53};                   /* push %rcx; push %r11 */
    static const u8 call[] = {0x0f, 0x05, 0x41, 0x5b, 0x59, 0xc3}; /* syscall; pop %r11; pop %rcx; ret */
    static const u8 iret[] = {0x51, 0x41, 0x53, 0x50, 0xb8, __HYPERVISOR_iret, 0, 0, 0, 0x0f, 0x05};

    memset(page, 0xcc, PAGE_SIZE);
    for (unsigned nr = 0; nr < PAGE_SIZE / 32; nr++) {
        u8 *p = page + nr * 32;

        memcpy(p, save, sizeof(save));
        p[3] = 0xb8; /* mov $nr, %eax */
        memcpy(p + 4, &nr, 4);
        memcpy(p + 8, call, sizeof(call));
    }
    /* Takes its frame from the stack, RAX on top, and does not come back. */
    memset(page + __HYPERVISOR_iret * 32, 0xcc, 32);
    memcpy(page + __HYPERVISOR_iret * 32, iret, sizeof(iret));
}

long domctl_hypercall_page(struct domain *d, struct xen_domctl *op)
{
    mfn_t mfn = mfn_of(op->u.hypercall_init.gmfn);
    struct page_info *pg;

    if (!mfn_valid(mfn))
        return -EINVAL;
    pg = mfn_to_page(mfn);
    if (!get_page(pg, mm_of(d)))
        return -EINVAL;
    if (get_page_type(pg, PGT_writable, false)) {
        put_page(pg);
        return -EPERM;
    }
    hypercall_page_fill(mfn_to_virt(mfn));
    put_page_and_type(pg);
    return 0;
}

/* Hardware belongs to dom0 and is not given away: taking it from a domain that has none succeeds, granting it
 * does not. */
static long hardware_access(const struct domain *d, u64 first, u64 n, bool allow)
{
    if (!n || first + n - 1 < first)
        return -EINVAL;
    return !allow && !d->privileged ? 0 : -EOPNOTSUPP;
}

long domctl_iomem(struct domain *d, struct xen_domctl *op)
{
    const struct xen_domctl_iomem_permission *p = &op->u.iomem_permission;

    return hardware_access(d, p->first_mfn, p->nr_mfns, p->allow_access);
}

long domctl_ioport(struct domain *d, struct xen_domctl *op)
{
    const struct xen_domctl_ioport_permission *p = &op->u.ioport_permission;

    if (p->first_port + (u64)p->nr_ports > 0x10000)
        return -EINVAL;
    return hardware_access(d, p->first_port, p->nr_ports, p->allow_access);
}

long domctl_irq(struct domain *d, struct xen_domctl *op)
{
    const struct xen_domctl_irq_permission *p = &op->u.irq_permission;

    return p->pirq < NR_IRQS ? hardware_access(d, p->pirq, 1, p->allow_access) : -EINVAL;
}
