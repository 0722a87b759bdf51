/* SPDX-License-Identifier: MIT */
/* HYPERVISOR_sched_op. */
#include <xen/sched.h>
#include "event/evtchn.h"
#include "hypercalls/hypercalls.h"
#include "hypercalls/vcpu_timer.h"
#include "sched/sched.h"
#include "sched/watchdog.h"

#define POLL_PORTS_MAX 128

static long do_block(struct vcpu *v)
{
    WRITE_ONCE(v->info->evtchn_upcall_mask, 0);
    sched_block(v);
    return 0;
}

/* 1: one of the ports is pending; 0: none; -EINVAL, -EFAULT. *only: the port if there is one only. */
static int look_at_ports(struct domain *d, const struct sched_poll *poll, u32 *only)
{
    for (unsigned i = 0; i < poll->nr_ports; i++) {
        u32 port;

        if (copy_from_guest(&port, (u64)poll->ports.p + i * sizeof(port), sizeof(port)))
            return -EFAULT;
        if (!evtchn_port_valid(d, port))
            return -EINVAL;
        if (evtchn_port_pending(d, port))
            return 1;
        *only = poll->nr_ports == 1 ? port : 0;
    }
    return 0;
}

static long do_poll(struct vcpu *v, u64 arg)
{
    struct sched_poll poll;
    u32 only = 0;
    int r;

    if (copy_from_guest(&poll, arg, sizeof(poll)))
        return -EFAULT;
    if (poll.nr_ports > POLL_PORTS_MAX)
        return -EINVAL;
    if (!guest_range_ok((u64)poll.ports.p, poll.nr_ports * sizeof(evtchn_port_t)))
        return -EFAULT;

    /* Flag first, then look: an event that comes in between finds the flag and takes it away. */
    WRITE_ONCE(v->poll_port, 0);
    __atomic_fetch_or(&v->pause_flags, VPF_POLLING, __ATOMIC_SEQ_CST);
    __atomic_fetch_or(&v->domain->pollers, 1UL << v->id, __ATOMIC_SEQ_CST);
    r = vcpu_event_pending(v) ? 1 : look_at_ports(v->domain, &poll, &only);
    if (r) {
        __atomic_fetch_and(&v->pause_flags, ~VPF_POLLING, __ATOMIC_SEQ_CST);
        return r < 0 ? r : 0;
    }
    WRITE_ONCE(v->poll_port, only);
    vcpu_timer_set_poll(v, poll.timeout);
    vcpu_sleep_nosync(v);
    return 0;
}

static long do_shutdown(struct domain *d, u64 arg, bool only_reason)
{
    struct sched_shutdown s;

    if (copy_from_guest(&s, arg, sizeof(s)))
        return -EFAULT;
    if (!only_reason) {
        domain_shutdown(d, (u8)s.reason);
        return 0;
    }
    spin_lock(&d->lock);
    if (d->shutdown_code == ~0u)
        d->shutdown_code = (u8)s.reason;
    spin_unlock(&d->lock);
    return 0;
}

static long do_remote_shutdown(u64 arg)
{
    struct sched_remote_shutdown s;
    struct domain *d;
    long r = 0;

    if (copy_from_guest(&s, arg, sizeof(s)))
        return -EFAULT;
    d = domain_get(s.domain_id);
    if (!d)
        return -ESRCH;
    if (current->domain->privileged && d != current->domain)
        domain_shutdown(d, (u8)s.reason);
    else
        r = -EPERM;
    domain_put(d);
    return r;
}

static long do_watchdog(struct domain *d, u64 arg)
{
    struct sched_watchdog w;

    return copy_from_guest(&w, arg, sizeof(w)) ? -EFAULT : watchdog_arm(d, w.id, w.timeout);
}

long do_sched_op(u64 cmd, u64 arg, u64, u64, u64)
{
    struct vcpu *v = current;

    switch ((u32)cmd) {
    case SCHEDOP_yield:
        sched_yield();
        return 0;
    case SCHEDOP_block:
        return do_block(v);
    case SCHEDOP_shutdown:
        return do_shutdown(v->domain, arg, false);
    case SCHEDOP_shutdown_code:
        return do_shutdown(v->domain, arg, true);
    case SCHEDOP_poll:
        return do_poll(v, arg);
    case SCHEDOP_remote_shutdown:
        return do_remote_shutdown(arg);
    case SCHEDOP_pin_override:
        /* Firmware calls of dom0 drivers that must run on CPU 0: not offered. */
        return v->domain->privileged ? -ENOSYS : -EPERM;
    case SCHEDOP_watchdog:
        return do_watchdog(v->domain, arg);
    default:
        return hypercall_unknown(__HYPERVISOR_sched_op, (u32)cmd);
    }
}
