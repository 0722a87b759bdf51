/* SPDX-License-Identifier: MIT */
/* domctl: vCPUs' contexts, where they run, and how much. */
#include "cpu/smp.h"
#include "sched/guest_time.h"
#include "hypercalls/control.h"
#include "hypercalls/hypercalls.h"
#include "mm/alloc.h"
#include "sched/cap.h"
#include "sched/sched.h"

#define VM_ASSIST_VALID                                                            \
    (1UL << VMASST_TYPE_4gb_segments | 1UL << VMASST_TYPE_writable_pagetables |    \
     1UL << VMASST_TYPE_pae_extended_cr3 | 1UL << VMASST_TYPE_architectural_iopl | \
     1UL << VMASST_TYPE_runstate_update_flag | 1UL << VMASST_TYPE_m2p_strict)

static void set_up_or_down(struct vcpu *v, bool up)
{
    if (up)
        __atomic_fetch_and(&v->pause_flags, ~VPF_DOWN, __ATOMIC_SEQ_CST);
    else
        __atomic_fetch_or(&v->pause_flags, VPF_DOWN, __ATOMIC_SEQ_CST);
}

static long install_context(struct vcpu *v, const struct vcpu_guest_context *c)
{
    struct domain *d = v->domain;
    bool first = v->id == 0 && !v->initialised;
    long r;

    if (v->id == 0 && (c->vm_assist & ~VM_ASSIST_VALID))
        return -EINVAL;
    domain_pause(d);
    r = d->dying == DOM_ALIVE ? vcpu_set_context(v, c) : -EINVAL;
    if (!r) {
        if (first) {
            d->vm_assist = c->vm_assist;
            /* Builders clear the shared page before they set the first context. */
            guest_wallclock_update(d);
        }
        set_up_or_down(v, c->flags & VGCF_online);
    }
    /* Also makes the scheduler look at the vCPU again. */
    domain_unpause(d);
    return r;
}

/* Back to a vCPU without a context. */
static void drop_context(struct vcpu *v)
{
    vcpu_pause(v);
    vcpu_reset(v);
    set_up_or_down(v, false);
    __atomic_fetch_and(&v->pause_flags, ~(VPF_BLOCKED | VPF_POLLING), __ATOMIC_SEQ_CST);
    vcpu_unpause(v);
}

long domctl_set_context(struct domain *d, struct xen_domctl *op)
{
    struct vcpu *v = vcpu_of(d, op->u.vcpucontext.vcpu);
    u64 src = (u64)op->u.vcpucontext.ctxt.p;
    struct vcpu_guest_context *c;
    long r;

    if (!v)
        return -EINVAL;
    if (!src) {
        drop_context(v);
        return 0;
    }
    c = hyp_zalloc(sizeof(*c));
    if (!c)
        return -ENOMEM;
    r = copy_from_guest(c, src, sizeof(*c)) ? -EFAULT : install_context(v, c);
    hyp_free(c);
    return r;
}

long domctl_get_context(struct domain *d, struct xen_domctl *op)
{
    struct vcpu *v = vcpu_of(d, op->u.vcpucontext.vcpu);
    struct vcpu_guest_context *c;
    long r;

    if (!v || v == current)
        return -EINVAL;
    if (!v->initialised)
        return -ENODATA;
    c = hyp_zalloc(sizeof(*c));
    if (!c)
        return -ENOMEM;
    vcpu_pause(v);
    vcpu_get_context(v, c);
    vcpu_unpause(v);
    r = copy_to_guest((u64)op->u.vcpucontext.ctxt.p, c, sizeof(*c)) ? -EFAULT : 0;
    hyp_free(c);
    return r;
}

long domctl_vcpu_info(struct domain *d, struct xen_domctl *op)
{
    struct xen_domctl_getvcpuinfo *info = &op->u.getvcpuinfo;
    struct vcpu_runstate_info rs;
    struct vcpu *v;
    u32 pause;

    if (info->vcpu >= d->max_vcpus)
        return -EINVAL;
    v = d->vcpu[info->vcpu];
    if (!v)
        return -ESRCH;
    sched_runstate_get(v, &rs);
    pause = READ_ONCE(v->pause_flags);
    info->online = !(pause & VPF_DOWN);
    info->blocked = !!(pause & (VPF_BLOCKED | VPF_POLLING));
    info->running = sched_is_scheduled(v);
    info->cpu_time = rs.time[RUNSTATE_running];
    info->cpu = READ_ONCE(v->cpu);
    return 0;
}

static struct vcpu *affinity_vcpu(struct domain *d, const struct xen_domctl_vcpuaffinity *a, long *r)
{
    struct vcpu *v = NULL;

    *r = -EINVAL;
    if (a->flags && (!(a->flags & XEN_VCPUAFFINITY_HARD) || a->cpumap_hard.bitmap.p) &&
        (!(a->flags & XEN_VCPUAFFINITY_SOFT) || a->cpumap_soft.bitmap.p) && a->vcpu < d->max_vcpus) {
        v = d->vcpu[a->vcpu];
        *r = v ? 0 : -ESRCH;
    }
    return v;
}

static void keep_online(cpumask_t *m)
{
    for (unsigned i = 0; i < ARRAY_SIZE(m->bits); i++)
        m->bits[i] &= cpu_online_mask.bits[i];
}

/* Only CPUs that exist are kept. Reports what is in force afterwards. */
long domctl_set_affinity(struct domain *d, struct xen_domctl *op)
{
    const struct xen_domctl_vcpuaffinity *a = &op->u.vcpuaffinity;
    cpumask_t hard = {{0}}, soft = {{0}};
    bool set_hard = a->flags & XEN_VCPUAFFINITY_HARD, set_soft = a->flags & XEN_VCPUAFFINITY_SOFT;
    struct vcpu *v;
    long r;

    v = affinity_vcpu(d, a, &r);
    if (!r && set_hard)
        r = bitmap_from_guest(hard.bits, NR_CPUS, &a->cpumap_hard);
    if (!r && set_soft)
        r = bitmap_from_guest(soft.bits, NR_CPUS, &a->cpumap_soft);
    keep_online(&hard);
    keep_online(&soft);
    if (!r)
        r = sched_set_affinity(v, set_hard ? hard.bits : NULL, set_soft ? soft.bits : NULL);
    if (!r && set_hard)
        r = bitmap_to_guest(&a->cpumap_hard, hard.bits, NR_CPUS);
    if (!r && set_soft) {
        for (unsigned i = 0; i < ARRAY_SIZE(soft.bits); i++)
            soft.bits[i] &= v->sched.affinity_hard[i];
        r = bitmap_to_guest(&a->cpumap_soft, soft.bits, NR_CPUS);
    }
    return r;
}

long domctl_get_affinity(struct domain *d, struct xen_domctl *op)
{
    const struct xen_domctl_vcpuaffinity *a = &op->u.vcpuaffinity;
    struct vcpu *v;
    long r;

    v = affinity_vcpu(d, a, &r);
    if (!r && (a->flags & XEN_VCPUAFFINITY_HARD))
        r = bitmap_to_guest(&a->cpumap_hard, v->sched.affinity_hard, NR_CPUS);
    if (!r && (a->flags & XEN_VCPUAFFINITY_SOFT))
        r = bitmap_to_guest(&a->cpumap_soft, v->sched.affinity_soft, NR_CPUS);
    return r;
}

/* There is one node; a map without it names no memory at all. */
long domctl_set_node_affinity(struct domain *, struct xen_domctl *op)
{
    u64 map[1];
    long r = bitmap_from_guest(map, 64, &op->u.nodeaffinity.nodemap);

    return r ? r : (map[0] & 1 ? 0 : -EINVAL);
}

long domctl_get_node_affinity(struct domain *, struct xen_domctl *op)
{
    const u64 map[1] = {1};

    return bitmap_to_guest(&op->u.nodeaffinity.nodemap, map, 64);
}

long domctl_scheduler(struct domain *d, struct xen_domctl *op)
{
    struct xen_domctl_scheduler_op *s = &op->u.scheduler_op;

    if (s->sched_id != SCHED_ID_REPORTED)
        return -EINVAL;
    switch (s->cmd) {
    case XEN_DOMCTL_SCHEDOP_putinfo:
        if (s->u.credit2.weight)
            WRITE_ONCE(d->sched_weight, s->u.credit2.weight);
        cap_set(d, s->u.credit2.cap);
        return 0;
    case XEN_DOMCTL_SCHEDOP_getinfo:
        s->u.credit2.weight = (u16)d->sched_weight;
        s->u.credit2.cap = (u16)d->sched_cap;
        return 0;
    default:
        return -EINVAL;
    }
}

long domctl_trigger(struct domain *d, struct xen_domctl *op)
{
    struct vcpu *v = vcpu_of(d, op->u.sendtrigger.vcpu);

    if (!v)
        return -ESRCH;
    switch (op->u.sendtrigger.trigger) {
    case XEN_DOMCTL_SENDTRIGGER_NMI:
        if (!__atomic_exchange_n(&v->nmi_pending, true, __ATOMIC_SEQ_CST))
            vcpu_kick(v);
        return 0;
    case XEN_DOMCTL_SENDTRIGGER_POWER:
    case XEN_DOMCTL_SENDTRIGGER_SLEEP:
        return -EINVAL; /* buttons of an HVM guest */
    default:
        return -ENOSYS;
    }
}
