/* SPDX-License-Identifier: MIT */
#include "sched/cap.h"
#include "cpu/clock.h"
#include "sched/sched.h"
#include "sched/timer.h"

#define PERIOD    (100 * 1000 * 1000L) /* ns */
#define SLICE_MIN (1000 * 1000L)       /* what a wake-up may run even of a budget that is nearly used */

static s64 budget_of(u32 percent)
{
    return PERIOD / 100 * (s64)percent;
}

/* After the cap or the budget has changed: the others look at them after they have set their flag. */
static void unpark_all(struct domain *d)
{
    struct vcpu *v;

    for_each_vcpu (d, v)
        if (__atomic_fetch_and(&v->pause_flags, ~VPF_CAPPED, __ATOMIC_SEQ_CST) & VPF_CAPPED)
            vcpu_wake(v);
}

static void refill(void *data)
{
    struct domain *d = data;
    u32 cap = READ_ONCE(d->sched_cap);
    s64 left = __atomic_add_fetch(&d->cap_left, budget_of(cap), __ATOMIC_SEQ_CST);

    if (!cap)
        return;
    /* What was not used is not saved up. */
    if (left > budget_of(cap))
        __atomic_store_n(&d->cap_left, budget_of(cap), __ATOMIC_SEQ_CST);
    if (left > 0)
        unpark_all(d);
    timer_set(&d->cap_timer, now() + PERIOD);
}

void cap_domain_init(struct domain *d)
{
    timer_setup(&d->cap_timer, refill, d);
}

void cap_set(struct domain *d, u32 percent)
{
    if (percent == d->sched_cap)
        return;
    timer_stop(&d->cap_timer);
    __atomic_store_n(&d->cap_left, budget_of(percent), __ATOMIC_SEQ_CST);
    __atomic_store_n(&d->sched_cap, percent, __ATOMIC_SEQ_CST);
    unpark_all(d);
    if (percent && d->dying == DOM_ALIVE)
        timer_set(&d->cap_timer, now() + PERIOD);
}

void cap_stop(struct domain *d)
{
    timer_stop(&d->cap_timer);
}

void cap_charge(struct vcpu *v, ns_t ran)
{
    struct domain *d = v->domain;

    if (likely(!READ_ONCE(d->sched_cap)))
        return;
    if (__atomic_sub_fetch(&d->cap_left, (s64)ran, __ATOMIC_SEQ_CST) > 0)
        return;
    __atomic_fetch_or(&v->pause_flags, VPF_CAPPED, __ATOMIC_SEQ_CST);
    /* Refilled, or no cap any more, before they could see the flag? */
    if (!__atomic_load_n(&d->sched_cap, __ATOMIC_SEQ_CST) ||
        __atomic_load_n(&d->cap_left, __ATOMIC_SEQ_CST) > 0)
        __atomic_fetch_and(&v->pause_flags, ~VPF_CAPPED, __ATOMIC_SEQ_CST);
}

ns_t cap_limit(const struct domain *d, ns_t slice)
{
    s64 left;

    if (likely(!READ_ONCE(d->sched_cap)))
        return slice;
    left = READ_ONCE(d->cap_left);
    return MIN(slice, (ns_t)MAX(left, SLICE_MIN));
}
