/* SPDX-License-Identifier: MIT */
#include "dom0/toolstack/hv.h"

#include <errno.h>
#include <string.h>

/* A cleared operation for one domain. */
static struct xen_domctl domctl_for(uint32_t cmd, uint32_t domid)
{
    struct xen_domctl op;

    memset(&op, 0, sizeof(op));
    op.cmd = cmd;
    op.domain = (domid_t)domid;
    return op;
}

static int domctl_simple(struct hv *hv, uint32_t cmd, uint32_t domid)
{
    struct xen_domctl op = domctl_for(cmd, domid);

    return hv_domctl(hv, &op);
}

int hv_domain_create(struct hv *hv, const struct xen_domctl_createdomain *create, uint32_t *domid)
{
    struct xen_domctl op = domctl_for(XEN_DOMCTL_createdomain, 0);

    op.u.createdomain = *create;
    if (hv_domctl(hv, &op) != 0)
        return -1;
    *domid = op.domain;
    return 0;
}

int hv_domain_destroy(struct hv *hv, uint32_t domid)
{
    int r;

    do {
        r = domctl_simple(hv, XEN_DOMCTL_destroydomain, domid);
    } while (r != 0 && (errno == EAGAIN || errno == EBUSY || errno == EINTR));
    return r;
}

int hv_domain_pause(struct hv *hv, uint32_t domid)
{
    return domctl_simple(hv, XEN_DOMCTL_pausedomain, domid);
}

int hv_domain_unpause(struct hv *hv, uint32_t domid)
{
    return domctl_simple(hv, XEN_DOMCTL_unpausedomain, domid);
}

int hv_domain_info(struct hv *hv, uint32_t domid, struct xen_domctl_getdomaininfo *info)
{
    struct xen_domctl op = domctl_for(XEN_DOMCTL_getdomaininfo, domid);

    if (hv_domctl(hv, &op) != 0)
        return -1;
    if (op.domain != domid) {
        errno = ESRCH;
        return -1;
    }
    *info = op.u.getdomaininfo;
    return 0;
}

int hv_domain_max_vcpus(struct hv *hv, uint32_t domid, uint32_t max)
{
    struct xen_domctl op = domctl_for(XEN_DOMCTL_max_vcpus, domid);

    op.u.max_vcpus.max = max;
    return hv_domctl(hv, &op);
}

int hv_domain_max_mem(struct hv *hv, uint32_t domid, uint64_t kib)
{
    struct xen_domctl op = domctl_for(XEN_DOMCTL_max_mem, domid);

    op.u.max_mem.max_memkb = kib;
    return hv_domctl(hv, &op);
}

int hv_domain_set_tsc(struct hv *hv, uint32_t domid, uint32_t tsc_mode)
{
    struct xen_domctl op = domctl_for(XEN_DOMCTL_settscinfo, domid);

    op.u.tsc_info.tsc_mode = tsc_mode;
    return hv_domctl(hv, &op);
}

int hv_domain_set_width(struct hv *hv, uint32_t domid, uint32_t bits)
{
    struct xen_domctl op = domctl_for(XEN_DOMCTL_set_address_size, domid);

    op.u.address_size.size = bits;
    return hv_domctl(hv, &op);
}

int hv_domain_set_handle(struct hv *hv, uint32_t domid, const uint8_t uuid[16])
{
    struct xen_domctl op = domctl_for(XEN_DOMCTL_setdomainhandle, domid);

    memcpy(op.u.setdomainhandle.handle, uuid, sizeof(op.u.setdomainhandle.handle));
    return hv_domctl(hv, &op);
}

int hv_vcpu_set_context(struct hv *hv, uint32_t domid, uint32_t vcpu, const vcpu_guest_context_t *ctx)
{
    struct xen_domctl op = domctl_for(XEN_DOMCTL_setvcpucontext, domid);
    vcpu_guest_context_t *copy = hv_scratch(hv, sizeof(*copy));

    if (!copy)
        return -1;
    *copy = *ctx;
    op.u.vcpucontext.vcpu = vcpu;
    set_xen_guest_handle(op.u.vcpucontext.ctxt, copy);
    return hv_domctl(hv, &op);
}

int hv_vcpu_info(struct hv *hv, uint32_t domid, uint32_t vcpu, struct xen_domctl_getvcpuinfo *info)
{
    struct xen_domctl op = domctl_for(XEN_DOMCTL_getvcpuinfo, domid);

    op.u.getvcpuinfo.vcpu = vcpu;
    if (hv_domctl(hv, &op) != 0)
        return -1;
    *info = op.u.getvcpuinfo;
    return 0;
}

int hv_vcpu_set_affinity(struct hv *hv, uint32_t domid, uint32_t vcpu, const uint64_t *map, size_t words)
{
    struct xen_domctl op = domctl_for(XEN_DOMCTL_setvcpuaffinity, domid);
    uint64_t *bits = hv_scratch(hv, words * sizeof(*bits));

    if (!bits)
        return -1;
    memcpy(bits, map, words * sizeof(*bits));
    op.u.vcpuaffinity.vcpu = vcpu;
    op.u.vcpuaffinity.flags = XEN_VCPUAFFINITY_HARD;
    op.u.vcpuaffinity.cpumap_hard.nr_bits = (uint32_t)(words * 64);
    set_xen_guest_handle(op.u.vcpuaffinity.cpumap_hard.bitmap, (uint8_t *)bits);
    return hv_domctl(hv, &op);
}

int hv_vcpu_get_affinity(struct hv *hv, uint32_t domid, uint32_t vcpu, uint64_t *map, size_t words)
{
    struct xen_domctl op = domctl_for(XEN_DOMCTL_getvcpuaffinity, domid);
    uint64_t *bits = hv_scratch(hv, words * sizeof(*bits));

    if (!bits)
        return -1;
    memset(bits, 0, words * sizeof(*bits));
    op.u.vcpuaffinity.vcpu = vcpu;
    op.u.vcpuaffinity.flags = XEN_VCPUAFFINITY_HARD;
    op.u.vcpuaffinity.cpumap_hard.nr_bits = (uint32_t)(words * 64);
    set_xen_guest_handle(op.u.vcpuaffinity.cpumap_hard.bitmap, (uint8_t *)bits);
    if (hv_domctl(hv, &op) != 0)
        return -1;
    memcpy(map, bits, words * sizeof(*bits));
    return 0;
}

int hv_hypercall_page(struct hv *hv, uint32_t domid, uint64_t gmfn)
{
    struct xen_domctl op = domctl_for(XEN_DOMCTL_hypercall_init, domid);

    op.u.hypercall_init.gmfn = gmfn;
    return hv_domctl(hv, &op);
}

int hv_domain_get_sched(struct hv *hv, uint32_t domid, uint32_t *weight, uint32_t *cap)
{
    struct xen_domctl op = domctl_for(XEN_DOMCTL_scheduler_op, domid);

    op.u.scheduler_op.sched_id = XEN_SCHEDULER_CREDIT2;
    op.u.scheduler_op.cmd = XEN_DOMCTL_SCHEDOP_getinfo;
    if (hv_domctl(hv, &op) != 0)
        return -1;
    *weight = op.u.scheduler_op.u.credit2.weight;
    *cap = op.u.scheduler_op.u.credit2.cap;
    return 0;
}

int hv_domain_set_sched(struct hv *hv, uint32_t domid, uint32_t weight, bool set_cap, uint32_t cap)
{
    struct xen_domctl op = domctl_for(XEN_DOMCTL_scheduler_op, domid);

    op.u.scheduler_op.sched_id = XEN_SCHEDULER_CREDIT2;
    op.u.scheduler_op.cmd = XEN_DOMCTL_SCHEDOP_getinfo;
    if (hv_domctl(hv, &op) != 0)
        return -1;
    op.u.scheduler_op.cmd = XEN_DOMCTL_SCHEDOP_putinfo;
    if (weight)
        op.u.scheduler_op.u.credit2.weight = (uint16_t)weight;
    if (set_cap)
        op.u.scheduler_op.u.credit2.cap = (uint16_t)cap;
    return hv_domctl(hv, &op);
}

int hv_vcpu_nmi(struct hv *hv, uint32_t domid, uint32_t vcpu)
{
    struct xen_domctl op = domctl_for(XEN_DOMCTL_sendtrigger, domid);

    op.u.sendtrigger.trigger = XEN_DOMCTL_SENDTRIGGER_NMI;
    op.u.sendtrigger.vcpu = vcpu;
    return hv_domctl(hv, &op);
}
