/* SPDX-License-Identifier: MIT */
/* HYPERVISOR_vcpu_op, HYPERVISOR_set_timer_op. */
#include <xen/sched.h>
#include "cpu/clock.h"
#include "hypercalls/hypercalls.h"
#include "hypercalls/vcpu_timer.h"
#include "mm/alloc.h"
#include "sched/guest_time.h"
#include "sched/sched.h"

static long initialise(struct vcpu *v, u64 arg)
{
    struct vcpu_guest_context *c;
    long r;

    if (v->info == &dummy_vcpu_info)
        return -EINVAL;
    c = hyp_zalloc(sizeof(*c));
    if (!c)
        return -ENOMEM;
    if (copy_from_guest(c, arg, sizeof(*c))) {
        r = -EFAULT;
    } else {
        spin_lock(&v->domain->lock);
        r = v->initialised ? -EEXIST : vcpu_set_context(v, c);
        spin_unlock(&v->domain->lock);
    }
    hyp_free(c);
    return r == -ERESTART ? hypercall_continue(__HYPERVISOR_vcpu_op, 3, VCPUOP_initialise, v->id, arg, 0, 0)
                          : r;
}

static long up(struct vcpu *v)
{
    bool wake = false;
    long r = 0;

    spin_lock(&v->domain->lock);
    if (!v->initialised)
        r = -EINVAL;
    else
        wake = __atomic_fetch_and(&v->pause_flags, ~VPF_DOWN, __ATOMIC_SEQ_CST) & VPF_DOWN;
    spin_unlock(&v->domain->lock);
    if (wake)
        vcpu_wake(v);
    return r;
}

/* A domain whose last vCPU goes down has switched itself off. */
static long down(struct vcpu *v)
{
    struct domain *d = v->domain;
    struct vcpu *other;

    for_each_vcpu (d, other) {
        if (other != v && !(READ_ONCE(other->pause_flags) & VPF_DOWN)) {
            if (!(__atomic_fetch_or(&v->pause_flags, VPF_DOWN, __ATOMIC_SEQ_CST) & VPF_DOWN))
                vcpu_sleep_nosync(v);
            return 0;
        }
    }
    domain_shutdown(d, SHUTDOWN_poweroff);
    return 0;
}

static long get_runstate(struct vcpu *v, u64 dst)
{
    struct vcpu_runstate_info rs;

    sched_runstate_get(v, &rs);
    return copy_to_guest(dst, &rs, sizeof(rs)) ? -EFAULT : 0;
}

static long register_runstate(struct vcpu *v, u64 arg)
{
    struct vcpu_register_runstate_memory_area area;

    if (copy_from_guest(&area, arg, sizeof(area)) ||
        !guest_range_ok(area.addr.p, sizeof(struct vcpu_runstate_info)))
        return -EFAULT;
    WRITE_ONCE(v->runstate_guest, area.addr.p);
    /* A first look at it; no error if the page is not there yet. */
    if (area.addr.p)
        (void)get_runstate(v, area.addr.p);
    return 0;
}

static long register_time(struct vcpu *v, u64 arg)
{
    struct vcpu_register_time_memory_area area;

    if (copy_from_guest(&area, arg, sizeof(area)) ||
        !guest_range_ok(area.addr.p, sizeof(struct vcpu_time_info)))
        return -EFAULT;
    WRITE_ONCE(v->time_info_guest, area.addr.p);
    guest_time_update(v);
    return 0;
}

static long register_info(struct vcpu *v, u64 arg)
{
    struct vcpu_register_vcpu_info info;
    long r;

    if (copy_from_guest(&info, arg, sizeof(info)))
        return -EFAULT;
    r = vcpu_register_info(v, mfn_of(info.mfn), info.offset);
    if (!r)
        guest_time_update(v);
    return r;
}

static long set_periodic(struct vcpu *v, u64 arg)
{
    struct vcpu_set_periodic_timer set;

    if (copy_from_guest(&set, arg, sizeof(set)))
        return -EFAULT;
    if (set.period_ns < PERIODIC_MIN || set.period_ns > (1UL << 62))
        return -EINVAL;
    vcpu_timer_set_periodic(v, set.period_ns);
    return 0;
}

static long set_singleshot(struct vcpu *v, u64 arg)
{
    struct vcpu_set_singleshot_timer set;

    if (v != current)
        return -EINVAL;
    if (copy_from_guest(&set, arg, sizeof(set)))
        return -EFAULT;
    vcpu_timer_set_singleshot(v, set.timeout_abs_ns);
    return 0;
}

static long send_nmi(struct vcpu *v, u64 arg)
{
    if (arg)
        return -EINVAL;
    if (!__atomic_exchange_n(&v->nmi_pending, true, __ATOMIC_SEQ_CST))
        vcpu_kick(v);
    return 0;
}

long do_vcpu_op(u64 cmd, u64 vcpu, u64 arg, u64, u64)
{
    struct domain *d = current->domain;
    struct vcpu *v;

    if ((u32)vcpu >= d->max_vcpus)
        return -ENOENT;
    v = d->vcpu[(u32)vcpu];

    switch ((u32)cmd) {
    case VCPUOP_initialise:
        return initialise(v, arg);
    case VCPUOP_up:
        return up(v);
    case VCPUOP_down:
        return down(v);
    case VCPUOP_is_up:
        return !(READ_ONCE(v->pause_flags) & VPF_DOWN);
    case VCPUOP_get_runstate_info:
        return get_runstate(v, arg);
    case VCPUOP_register_runstate_memory_area:
        return register_runstate(v, arg);
    case VCPUOP_set_periodic_timer:
        return set_periodic(v, arg);
    case VCPUOP_stop_periodic_timer:
        vcpu_timer_set_periodic(v, 0);
        return 0;
    case VCPUOP_set_singleshot_timer:
        return set_singleshot(v, arg);
    case VCPUOP_stop_singleshot_timer:
        if (v != current)
            return -EINVAL;
        vcpu_timer_stop_singleshot(v);
        return 0;
    case VCPUOP_register_vcpu_info:
        return register_info(v, arg);
    case VCPUOP_send_nmi:
        return send_nmi(v, arg);
    case VCPUOP_get_physid:
        return -EINVAL; /* only for a dom0 whose vCPUs are pinned; ours float */
    case VCPUOP_register_vcpu_time_memory_area:
        return register_time(v, arg);
    default:
        return hypercall_unknown(__HYPERVISOR_vcpu_op, (u32)cmd);
    }
}

/* --- set_timer_op: the older form of the single-shot timer --- */

#define FAR_FUTURE (1UL << 50) /* about 13 days */
#define SOON       (100 * 1000 * 1000UL)

long do_set_timer_op(u64 timeout, u64, u64, u64, u64)
{
    struct vcpu *v = current;
    ns_t t;

    if (!timeout) {
        vcpu_timer_stop_singleshot(v);
        return 0;
    }
    /* A time that has wrapped, or one that means "no timer": an event soon serves the first and costs the
     * second little. */
    t = now();
    if ((s64)timeout < 0 || (timeout > t && timeout - t >= FAR_FUTURE))
        timeout = t + SOON;
    vcpu_timer_set_singleshot(v, timeout);
    return 0;
}
