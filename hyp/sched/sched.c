/* SPDX-License-Identifier: MIT */
/*
 * The mechanism of scheduling. Lost wake-ups are excluded in two places:
 *  - a CPU first declares itself idle and then looks for work elsewhere (schedule); who queues a vCPU on a
 * busy CPU first queues it and then looks for an idle CPU (find_helper). One of the two sees the other;
 *  - a vCPU whose state is still being saved cannot be stolen: sched_context_saved() looks for a helper then.
 */
#include "sched/sched.h"
#include "cpu/clock.h"
#include "cpu/smp.h"
#include "cpu/softirq.h"
#include "domain/above.h"
#include "sched/guest_time.h"
#include "sched/cap.h"
#include "sched/run_queues.h"

/* --- accounting by RUNSTATE_, under the lock of the vCPU's run queue; readers use sched_runstate_get() ---
 */

/* Closes the present state at `t` and enters `state`. The sum of all times stays equal to t minus the time of
 * creation. */
static void runstate_change(struct vcpu *v, int state, ns_t t)
{
    struct vcpu_runstate_info *rs = &v->runstate;

    if (t > rs->state_entry_time) {
        rs->time[rs->state] += t - rs->state_entry_time;
        rs->state_entry_time = t;
    }
    rs->state = state;
}

/* The state of a vCPU that is not runnable. */
static int runstate_of_sleeper(const struct vcpu *v)
{
    u32 why = READ_ONCE(v->pause_flags);

    /* One that only its domain's cap keeps from running wants to. */
    return why == VPF_CAPPED                   ? RUNSTATE_runnable
           : why & (VPF_BLOCKED | VPF_POLLING) ? RUNSTATE_blocked
                                               : RUNSTATE_offline;
}

/* --- */

void vcpu_wake(struct vcpu *v)
{
    u64 flags;
    struct cpu_sched *s = lock_home(v, &flags);
    ns_t t;

    if (!wants_queue(s, v)) {
        spin_unlock_irqrestore(&s->lock, flags);
        return;
    }
    t = now();
    if (v->runstate.state != RUNSTATE_runnable && t > v->runstate.state_entry_time)
        sched_policy_rested(v, t - v->runstate.state_entry_time);
    runstate_change(v, RUNSTATE_runnable, t);
    place_and_enqueue(s, v, flags);
}

void vcpu_sleep_nosync(struct vcpu *v)
{
    u64 flags;
    struct cpu_sched *s = lock_home(v, &flags);

    if (!vcpu_is_runnable(v)) {
        if (s->curr == v) {
            softirq_raise_cpu(v->cpu, SOFTIRQ_SCHEDULE);
        } else {
            if (v->sched.queued)
                dequeue(s, v);
            runstate_change(v, runstate_of_sleeper(v), now());
        }
    }
    spin_unlock_irqrestore(&s->lock, flags);
}

/* As in finish_move(): a vCPU that is neither queued nor to be moved may be gone once `running` is cleared.
 */
void sched_context_saved(struct vcpu *v)
{
    u64 flags;
    struct cpu_sched *s = lock_home(v, &flags);
    bool move = v->sched.migrate && vcpu_is_runnable(v) && s->curr != v, queued = v->sched.queued;

    v->sched.migrate = false;
    __atomic_store_n(&v->sched.running, false, __ATOMIC_SEQ_CST);
    if (move) {
        if (queued)
            dequeue(s, v);
        place_and_enqueue(s, v, flags);
        return;
    }
    if (queued)
        find_helper(v);
    spin_unlock_irqrestore(&s->lock, flags);
}

void vcpu_kick(struct vcpu *v)
{
    smp_mb(); /* the event's bits before the flags: sched_block() does it the other way round */
    if (READ_ONCE(v->pause_flags) & (VPF_BLOCKED | VPF_POLLING)) {
        __atomic_fetch_and(&v->pause_flags, ~(VPF_BLOCKED | VPF_POLLING), __ATOMIC_SEQ_CST);
        vcpu_wake(v);
    } else {
        unsigned cpu = READ_ONCE(v->cpu);

        if (cpu != this_cpu_id() && READ_ONCE(cpu_sched[cpu].curr) == v)
            smp_kick(cpu);
    }
}

void sched_yield(void)
{
    if (!READ_ONCE(nr_queued))
        return;
    this_cpu(cpu_sched).yielded = true;
    softirq_raise(SOFTIRQ_SCHEDULE);
}

void sched_block(struct vcpu *v)
{
    __atomic_fetch_or(&v->pause_flags, VPF_BLOCKED, __ATOMIC_SEQ_CST);
    if (vcpu_event_pending(v))
        __atomic_fetch_and(&v->pause_flags, ~VPF_BLOCKED, __ATOMIC_SEQ_CST);
    else
        softirq_raise(SOFTIRQ_SCHEDULE);
}

/* The first vCPU of that queue that `thief` may run: now homed there, moving. */
static struct vcpu *take_from(unsigned victim, unsigned thief)
{
    struct cpu_sched *s = &cpu_sched[victim];
    struct vcpu *v, *found = NULL;
    u64 flags = spin_lock_irqsave(&s->lock);

    list_for_each_entry (v, &s->queue.vcpus, sched.queue) {
        if (__atomic_load_n(&v->sched.running, __ATOMIC_ACQUIRE) || !sched_cpu_allowed(v, thief))
            continue;
        found = v;
        dequeue(s, v);
        v->sched.moving = true;
        WRITE_ONCE(v->cpu, thief);
        break;
    }
    spin_unlock_irqrestore(&s->lock, flags);
    return found;
}

static unsigned longest_queue(const cpumask_t *among)
{
    unsigned cpu, victim = NR_CPUS, longest = 0;

    for_each_cpu (cpu, among) {
        unsigned n = READ_ONCE(cpu_sched[cpu].queue.length);

        if (n > longest) {
            longest = n;
            victim = cpu;
        }
    }
    return victim;
}

/* Moves one waiting vCPU from the longest queue that has a suitable one to this CPU's. */
static bool steal(unsigned thief)
{
    struct cpu_sched *s = &cpu_sched[thief];
    cpumask_t left = sched_cpus;

    cpumask_clear(&left, thief);
    while (READ_ONCE(nr_queued)) {
        unsigned victim = longest_queue(&left);
        struct vcpu *v;
        u64 flags;
        bool got;

        if (victim == NR_CPUS)
            return false;
        cpumask_clear(&left, victim);
        v = take_from(victim, thief);
        if (!v)
            continue;
        flags = spin_lock_irqsave(&s->lock);
        got = finish_move(v);
        if (got && !sched_cpu_allowed(v, thief)) {
            place_and_enqueue(s, v, flags);
            continue;
        }
        if (got)
            enqueue(s, v, ENQ_STOLEN);
        spin_unlock_irqrestore(&s->lock, flags);
        if (got)
            return true;
    }
    return false;
}

/* Has this CPU a reason to look at others' queues before it picks? Its own is empty, and what it runs stops
 * or has had its share. */
static bool should_steal(const struct cpu_sched *s, ns_t t)
{
    const struct vcpu *prev = s->curr;

    if (!READ_ONCE(nr_queued) || READ_ONCE(s->queue.length))
        return false;
    return is_idle_vcpu(prev) || !vcpu_is_runnable(prev) || s->yielded ||
           t - s->run_since >= sched_policy_slice_left(prev);
}

static struct vcpu *pick_next(struct cpu_sched *s, ns_t t)
{
    struct vcpu *prev = s->curr, *next;
    unsigned cpu = this_cpu_id(), before = s->queue.length;
    bool stays;

    if (!is_idle_vcpu(prev) && t > s->run_since) {
        sched_policy_charge(prev, t - s->run_since);
        cap_charge(prev, t - s->run_since);
    }
    s->run_since = t;
    stays = !is_idle_vcpu(prev) && vcpu_is_runnable(prev) && !prev->sched.migrate;
    next = sched_policy_pick(&s->queue, stays ? prev : NULL, s->yielded);
    s->yielded = false;
    __atomic_fetch_add(&nr_queued, s->queue.length - before, __ATOMIC_RELAXED);
    if (!next)
        next = idle_vcpu[cpu];
    if (next == prev)
        return next;
    runstate_change(prev, vcpu_is_runnable(prev) ? RUNSTATE_runnable : runstate_of_sleeper(prev), t);
    runstate_change(next, RUNSTATE_running, t);
    next->sched.running = true;
    WRITE_ONCE(s->curr, next);
    return next;
}

static void arm_slice(struct cpu_sched *s, const struct vcpu *v, ns_t t)
{
    ns_t end = t + cap_limit(v->domain, sched_policy_slice_left(v));

    /* Left to fire early: cheaper than setting the clock at each switch. schedule() arms it for the rest
     * then. */
    if (!s->slice.active || s->slice.expires > end)
        timer_set(&s->slice, end);
}

static void schedule(void)
{
    unsigned cpu = this_cpu_id();
    struct cpu_sched *s = &cpu_sched[cpu];
    struct vcpu *prev = s->curr, *next;
    ns_t t = now();

    if (should_steal(s, t))
        steal(cpu);
    for (;;) {
        u64 flags = spin_lock_irqsave(&s->lock);

        next = pick_next(s, t);
        if (is_idle_vcpu(next))
            cpumask_set(&idle_cpus, cpu);
        else
            cpumask_clear(&idle_cpus, cpu);
        if (s->queue.length)
            find_helpers(s);
        spin_unlock_irqrestore(&s->lock, flags);
        smp_mb();
        if (!is_idle_vcpu(next) || !steal(cpu))
            break;
    }
    if (!is_idle_vcpu(next))
        arm_slice(s, next, t);
    if (next == prev)
        return;
    if (!is_idle_vcpu(prev))
        guest_runstate_update(prev);
    context_switch(prev, next);
    if (!is_idle_vcpu(next)) {
        guest_time_update(next);
        guest_runstate_update(next);
        if (unlikely(next->periodic_period))
            vcpu_timer_resumed(next);
    }
}

static void slice_over(void *)
{
    softirq_raise(SOFTIRQ_SCHEDULE);
}

void sched_init(void)
{
    run_queues_init();
    softirq_register(SOFTIRQ_SCHEDULE, schedule);
}

void sched_init_cpu(unsigned c)
{
    struct cpu_sched *s = &cpu_sched[c];
    struct vcpu *idle = idle_vcpu[c];

    idle->cpu = c;
    list_init(&idle->sched.queue);
    idle->sched.running = true;
    idle->runstate = (struct vcpu_runstate_info){.state = RUNSTATE_running, .state_entry_time = now()};
    s->run_since = now();
    timer_setup(&s->slice, slice_over, NULL);
    s->slice.cpu = c;
    s->curr = idle;
    cpumask_set(&sched_cpus, c);
    cpumask_set(&idle_cpus, c);
}
