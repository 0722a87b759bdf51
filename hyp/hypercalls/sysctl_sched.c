/* SPDX-License-Identifier: MIT */
/* sysctl: the scheduler and its one pool of CPUs. */
#include "cpu/smp.h"
#include "hypercalls/control.h"
#include "hypercalls/hypercalls.h"
#include "hypercalls/sysctl.h"
#include "sched/policy.h"
#include "sched/sched.h"

long sysctl_sched_id(struct xen_sysctl *op)
{
    op->u.sched_id.sched_id = SCHED_ID_REPORTED;
    return 0;
}

/* The rate limit is the one parameter of the scheduler as a whole. */
long sysctl_scheduler(struct xen_sysctl *op)
{
    struct xen_sysctl_scheduler_op *s = &op->u.scheduler_op;
    u32 *limit_us = &s->u.sched_credit2.ratelimit_us;

    if (s->cmd != XEN_SYSCTL_SCHEDOP_putinfo && s->cmd != XEN_SYSCTL_SCHEDOP_getinfo)
        return -EINVAL;
    if (s->cpupool_id)
        return -ESRCH;
    if (s->sched_id != SCHED_ID_REPORTED)
        return -EINVAL;
    if (s->cmd == XEN_SYSCTL_SCHEDOP_putinfo) {
        if (*limit_us &&
            (*limit_us < XEN_SYSCTL_SCHED_RATELIMIT_MIN || *limit_us > XEN_SYSCTL_SCHED_RATELIMIT_MAX))
            return -EINVAL;
        WRITE_ONCE(sched_rate_limit, *limit_us * 1000UL);
    }
    *limit_us = (u32)(sched_rate_limit / 1000);
    return 0;
}

static long pool_info(struct xen_sysctl_cpupool_op *p)
{
    struct domain *d;

    if (p->cpupool_id != 0 && p->cpupool_id != XEN_SYSCTL_CPUPOOL_PAR_ANY)
        return -ENOENT;
    p->cpupool_id = 0;
    p->sched_id = SCHED_ID_REPORTED;
    p->n_dom = 0;
    for_each_domain (d)
        p->n_dom++;
    return bitmap_to_guest(&p->cpumap, cpu_online_mask.bits, NR_CPUS);
}

static long pool_move(const struct xen_sysctl_cpupool_op *p)
{
    struct domain *d = p->domid < DOMID_FIRST_RESERVED ? domain_get((u16)p->domid) : NULL;

    if (!d)
        return -ESRCH;
    domain_put(d);
    return p->cpupool_id == 0 ? 0 : -ENOENT;
}

/* One pool, number 0, with every CPU in it: none is free to be added, none is given up. */
long sysctl_cpu_pool(struct xen_sysctl *op)
{
    struct xen_sysctl_cpupool_op *p = &op->u.cpupool_op;
    const u64 none[BITS_TO_WORDS(NR_CPUS)] = {0};
    bool any = p->cpu == XEN_SYSCTL_CPUPOOL_PAR_ANY;

    switch (p->op) {
    case XEN_SYSCTL_CPUPOOL_OP_INFO:
        return pool_info(p);
    case XEN_SYSCTL_CPUPOOL_OP_FREEINFO:
        return bitmap_to_guest(&p->cpumap, none, NR_CPUS);
    case XEN_SYSCTL_CPUPOOL_OP_MOVEDOMAIN:
        return pool_move(p);
    case XEN_SYSCTL_CPUPOOL_OP_CREATE:
        return -EOPNOTSUPP;
    case XEN_SYSCTL_CPUPOOL_OP_DESTROY:
        return p->cpupool_id ? -ENOENT : -EBUSY;
    case XEN_SYSCTL_CPUPOOL_OP_ADDCPU:
        return p->cpupool_id ? -ENOENT : any || p->cpu < cpu_count ? -ENODEV : -EINVAL;
    case XEN_SYSCTL_CPUPOOL_OP_RMCPU:
        return p->cpupool_id ? -ENOENT : any || p->cpu < cpu_count ? -EOPNOTSUPP : -EINVAL;
    default:
        return hypercall_unknown(__HYPERVISOR_sysctl, op->cmd);
    }
}
