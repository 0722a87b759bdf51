/* SPDX-License-Identifier: MIT */
/*
 * Delivery by the 2-level ABI. The words lie in memory that the guest writes at will: each is changed by one
 * atomic operation, and nothing here depends on what they hold except whether this guest is woken.
 *
 * Order: pending bit of the port, then (unless masked) the selector bit of its word, then the vCPU's upcall
 * byte, then the kick. The guest goes the other way round, so that an event is seen at the latest by whoever
 * looks last.
 */
#include "event/ports.h"
#include "sched/sched.h"

_Static_assert(MAX_VCPUS_PER_DOMAIN <= 64, "a domain's pollers are one word");
_Static_assert(sizeof(xen_ulong_t) == sizeof(u64), "selector and pending words are 64-bit words");

static void raise_upcall(struct vcpu *v, struct vcpu_info *info)
{
    if (!__atomic_exchange_n(&info->evtchn_upcall_pending, 1, __ATOMIC_SEQ_CST))
        vcpu_kick(v);
}

static void select_word(struct vcpu *v, u32 port)
{
    /* Read after the pending bit is set: should the record move meanwhile, whoever moves it selects every
     * word of the new one afterwards, and the guest finds the bit. */
    struct vcpu_info *info = READ_ONCE(v->info);

    if (!atomic_test_and_set_bit(&info->evtchn_pending_sel, port / 64))
        raise_upcall(v, info);
}

/*
 * vCPUs in sched_op poll wait for the pending bit, masked or not. A poller sets its flag, then its bit in
 * `pollers`, then looks at the port; here the bit is cleared before the flag, so that one that polls again
 * meanwhile is woken once too often, never once too seldom. Bits that others' wake-ups leave behind cost a
 * look.
 */
static void wake_pollers(struct domain *d, u32 port)
{
    u64 left = READ_ONCE(d->pollers);

    while (unlikely(left)) {
        unsigned id = (unsigned)__builtin_ctzl(left);
        struct vcpu *v = d->vcpu[id];
        u32 wanted = READ_ONCE(v->poll_port);

        left &= left - 1;
        if (wanted && wanted != port)
            continue;
        __atomic_fetch_and(&d->pollers, ~(1UL << id), __ATOMIC_SEQ_CST);
        if (__atomic_fetch_and(&v->pause_flags, ~VPF_POLLING, __ATOMIC_SEQ_CST) & VPF_POLLING)
            vcpu_wake(v);
    }
}

void evtchn_raise(struct domain *d, const struct evtchn *chn, u32 port)
{
    struct shared_info *s = d->shared_info;

    if (atomic_test_and_set_bit(s->evtchn_pending, port))
        return;
    if (!test_bit(s->evtchn_mask, port))
        select_word(d->vcpu[READ_ONCE(chn->vcpu)], port);
    wake_pollers(d, port);
}

void evtchn_raise_if_pending(struct domain *d, const struct evtchn *chn, u32 port)
{
    struct shared_info *s = d->shared_info;

    if (atomic_test_and_clear_bit(s->evtchn_mask, port) && test_bit(s->evtchn_pending, port))
        select_word(d->vcpu[READ_ONCE(chn->vcpu)], port);
}

bool evtchn_port_pending(struct domain *d, u32 port)
{
    return port <= d->evtchn->max_port && test_bit(d->shared_info->evtchn_pending, port);
}
