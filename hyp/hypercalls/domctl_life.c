/* SPDX-License-Identifier: MIT */
/* domctl: creation, end, pauses and the plain properties of a domain. */
#include "cpu/clock.h"
#include "hypercalls/control.h"
#include "hypercalls/hypercalls.h"
#include "lib/string.h"
#include "sched/guest_time.h"

#define TSC_MODE_DEFAULT 0
#define TSC_MODE_NATIVE  2

/* Everything that is not a 64-bit PV guest is refused as by a build without it. */
static long check_config(const struct xen_domctl_createdomain *c)
{
    if (c->flags & ~XEN_DOMCTL_CDF_xs_domain & ~XEN_DOMCTL_CDF_oos_off)
        return -EINVAL;
    if (c->iommu_opts || c->vmtrace_size || !c->max_vcpus)
        return -EINVAL;
    if (c->arch.emulation_flags || (c->arch.misc_flags & ~(u32)XEN_X86_MSR_RELAXED))
        return -EINVAL;
    if (c->grant_opts & ~XEN_DOMCTL_GRANT_version_mask || XEN_DOMCTL_GRANT_version(c->grant_opts) != 1)
        return -EINVAL;
    return c->cpupool_id ? -ENOENT : 0;
}

long domctl_create(struct xen_domctl *op)
{
    const struct xen_domctl_createdomain *c = &op->u.createdomain;
    u16 domid = op->domain > 0 && op->domain < DOMID_FIRST_RESERVED ? op->domain : 0xffff;
    struct domain *d;
    long r = check_config(c);

    if (!r)
        r = domain_create(domid, c, false, &d);
    if (r)
        return r;
    op->domain = d->id;
    domain_put(d);
    return 0;
}

long domctl_destroy(struct domain *d, struct xen_domctl *)
{
    return domain_kill(d);
}

long domctl_pause(struct domain *d, struct xen_domctl *)
{
    return domain_pause_by_toolstack(d);
}

long domctl_unpause(struct domain *d, struct xen_domctl *)
{
    return domain_unpause_by_toolstack(d);
}

long domctl_resume(struct domain *d, struct xen_domctl *)
{
    domain_resume(d);
    return 0;
}

/* All vCPUs exist since creation. */
long domctl_max_vcpus(struct domain *d, struct xen_domctl *op)
{
    return op->u.max_vcpus.max == d->max_vcpus ? 0 : -EINVAL;
}

long domctl_max_mem(struct domain *d, struct xen_domctl *op)
{
    spin_lock(&d->mm.page_lock);
    /* May be below what it has: then it gets no more until it has given back enough. */
    d->mm.max_pages = op->u.max_mem.max_memkb >> (PAGE_SHIFT - 10);
    spin_unlock(&d->mm.page_lock);
    return 0;
}

long domctl_set_handle(struct domain *d, struct xen_domctl *op)
{
    memcpy(d->handle, op->u.setdomainhandle.handle, sizeof(d->handle));
    return 0;
}

long domctl_set_time_offset(struct domain *d, struct xen_domctl *op)
{
    if (!d->shared_info)
        return -ESRCH;
    d->time_offset_seconds = op->u.settimeoffset.time_offset_seconds;
    guest_wallclock_update(d);
    return 0;
}

/* The TSC is the machine's own, always: emulating it costs guests half of their traps. */
long domctl_set_tsc(struct domain *d, struct xen_domctl *op)
{
    u32 mode = op->u.tsc_info.tsc_mode;

    if (mode != TSC_MODE_DEFAULT && mode != TSC_MODE_NATIVE)
        return -EINVAL;
    d->tsc_mode = mode;
    return 0;
}

long domctl_get_tsc(struct domain *d, struct xen_domctl *op)
{
    struct xen_domctl_tsc_info *t = &op->u.tsc_info;

    t->tsc_mode = d->tsc_mode;
    t->gtsc_khz = (u32)tsc_khz;
    t->incarnation = 0;
    t->elapsed_nsec = now();
    return 0;
}

long domctl_set_width(struct domain *, struct xen_domctl *op)
{
    return op->u.address_size.size == 64 ? 0 : -EINVAL;
}

long domctl_get_width(struct domain *, struct xen_domctl *op)
{
    op->u.address_size.size = 64;
    return 0;
}
