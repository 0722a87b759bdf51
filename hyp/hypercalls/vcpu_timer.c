/* SPDX-License-Identifier: MIT */
#include "hypercalls/vcpu_timer.h"
#include "cpu/clock.h"
#include "event/evtchn.h"
#include "sched/sched.h"
#include "sched/timer.h"

static void singleshot_fired(void *data)
{
    send_guest_vcpu_virq(data, VIRQ_TIMER);
}

static void poll_fired(void *data)
{
    struct vcpu *v = data;

    if (__atomic_fetch_and(&v->pause_flags, ~VPF_POLLING, __ATOMIC_SEQ_CST) & VPF_POLLING)
        vcpu_wake(v);
}

/* The vCPU runs on this CPU: sends the tick that is due and arms the next one. */
void vcpu_timer_resumed(struct vcpu *v)
{
    ns_t period = READ_ONCE(v->periodic_period), t = now();

    if (!period)
        return;
    if (t >= v->periodic_last + period) {
        v->periodic_last = t;
        send_guest_vcpu_virq(v, VIRQ_TIMER);
    }
    timer_set(&v->periodic, v->periodic_last + period);
}

/* While the vCPU does not run nothing ticks: vcpu_timer_resumed() goes on from there. */
static void periodic_fired(void *data)
{
    if (data == current)
        vcpu_timer_resumed(data);
}

void vcpu_timer_set_singleshot(struct vcpu *v, ns_t when)
{
    if (when > now()) {
        timer_set(&v->singleshot, when);
        return;
    }
    timer_stop_nosync(&v->singleshot);
    send_guest_vcpu_virq(v, VIRQ_TIMER);
}

void vcpu_timer_stop_singleshot(struct vcpu *v)
{
    timer_stop_nosync(&v->singleshot);
}

void vcpu_timer_set_periodic(struct vcpu *v, ns_t period)
{
    timer_stop_nosync(&v->periodic);
    WRITE_ONCE(v->periodic_period, period);
    if (v == current)
        vcpu_timer_resumed(v);
}

void vcpu_timer_set_poll(struct vcpu *v, ns_t when)
{
    if (when)
        timer_set(&v->poll_timer, when);
    else if (READ_ONCE(v->poll_timer.active))
        timer_stop_nosync(&v->poll_timer); /* of an earlier poll that ended before its time */
}

static int timer_vcpu_create(struct vcpu *v)
{
    timer_setup(&v->singleshot, singleshot_fired, v);
    timer_setup(&v->poll_timer, poll_fired, v);
    timer_setup(&v->periodic, periodic_fired, v);
    v->periodic_period = PERIODIC_DEFAULT;
    v->periodic_last = now();
    return 0;
}

static int timer_domain_kill(struct domain *d)
{
    struct vcpu *v;

    /* A domain whose creation failed half-way has holes. */
    for_each_vcpu (d, v) {
        if (!v)
            continue;
        timer_stop(&v->singleshot);
        timer_stop(&v->poll_timer);
        timer_stop(&v->periodic);
    }
    return 0;
}

const struct domain_unit vcpu_timer_unit = {
    .vcpu_create = timer_vcpu_create,
    .domain_kill = timer_domain_kill,
};
