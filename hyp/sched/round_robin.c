/* SPDX-License-Identifier: MIT */
/*
 * Round robin with one class of privilege: a vCPU that sleeps more than it runs is boosted when it wakes,
 * goes before those that use their slices up, and takes the CPU from one of them. So a driver domain answers
 * at once however busy its neighbours are. The boost lasts while its slice does, and sleeping earns it back
 * at half the rate. MAX_PASSED_OVER bounds what the others can lose by it.
 */
#include "sched/policy.h"
#include "cpu/clock.h"

#define SLICE           (20 * 1000 * 1000L) /* ns, at the default weight */
#define SLICE_MIN       (5 * 1000 * 1000L)
#define SLICE_MAX       (80 * 1000 * 1000L)
#define DEFAULT_WEIGHT  256
#define MAX_PASSED_OVER 8

static s64 full_slice(const struct vcpu *v)
{
    s64 slice = SLICE * (s64)READ_ONCE(v->domain->sched_weight) / DEFAULT_WEIGHT;

    return MAX(SLICE_MIN, MIN(SLICE_MAX, slice));
}

void sched_policy_vcpu_init(struct vcpu *v)
{
    v->sched.credit = full_slice(v);
    v->sched.boosted = false;
}

void sched_policy_charge(struct vcpu *v, ns_t ran)
{
    /* After one slice it makes no difference how much longer it was. */
    v->sched.credit -= (s64)MIN(ran, (ns_t)SLICE_MAX);
    if (v->sched.credit < 0)
        v->sched.credit = 0;
}

void sched_policy_rested(struct vcpu *v, ns_t slept)
{
    s64 slice = full_slice(v), gain = (s64)MIN(slept / 2, (ns_t)SLICE_MAX);

    v->sched.credit = MIN(slice, v->sched.credit + gain);
    v->sched.boosted = v->sched.credit > 0;
}

static struct vcpu *queue_head(struct run_queue *q)
{
    return list_empty(&q->vcpus) ? NULL : list_first(&q->vcpus, struct vcpu, sched.queue);
}

/* The first that is not boosted; the boosted ones all stand before it. */
static struct vcpu *first_ordinary(struct run_queue *q)
{
    struct vcpu *v;

    list_for_each_entry (v, &q->vcpus, sched.queue)
        if (!v->sched.boosted)
            return v;
    return NULL;
}

static void insert_before(struct run_queue *q, struct vcpu *at, struct vcpu *v)
{
    list_append(at ? &at->sched.queue : &q->vcpus, &v->sched.queue);
    v->sched.queued = true;
    WRITE_ONCE(q->length, q->length + 1);
}

static void insert_last(struct run_queue *q, struct vcpu *v)
{
    insert_before(q, NULL, v);
}

void sched_policy_dequeue(struct run_queue *q, struct vcpu *v)
{
    list_remove(&v->sched.queue);
    v->sched.queued = false;
    WRITE_ONCE(q->length, q->length - 1);
}

void sched_policy_enqueue(struct run_queue *q, struct vcpu *v, enum enqueue_reason why)
{
    if (why == ENQ_STOLEN)
        insert_before(q, queue_head(q), v);
    else if (v->sched.boosted)
        insert_before(q, first_ordinary(q), v);
    else
        insert_last(q, v);
}

/* Takes the next one off the queue: the head, unless boosted ones have passed the others too often. */
static struct vcpu *take_next(struct run_queue *q)
{
    struct vcpu *v = queue_head(q), *ordinary;

    if (!v)
        return NULL;
    ordinary = v->sched.boosted ? first_ordinary(q) : v;
    if (!v->sched.boosted || !ordinary) {
        q->passed_over = 0;
    } else if (++q->passed_over > MAX_PASSED_OVER) {
        q->passed_over = 0;
        v = ordinary;
        v->sched.boosted = true; /* or the next wake-up would take the CPU away again */
    }
    sched_policy_dequeue(q, v);
    if (v->sched.credit <= 0)
        v->sched.credit = full_slice(v);
    return v;
}

/* How much longer the running v is safe from a wake-up. */
static ns_t rate_limit_left(const struct vcpu *v)
{
    ns_t limit = READ_ONCE(sched_rate_limit), ran;

    if (!limit)
        return 0;
    ran = now() - v->runstate.state_entry_time;
    return ran < limit ? limit - ran : 0;
}

struct vcpu *sched_policy_pick(struct run_queue *q, struct vcpu *prev, bool yielded)
{
    struct vcpu *head = queue_head(q);

    if (!prev)
        return take_next(q);
    prev->sched.held = 0;
    if (!head) {
        if (prev->sched.credit <= 0) {
            prev->sched.credit = full_slice(prev);
            prev->sched.boosted = false;
        }
        return prev;
    }
    if (yielded || prev->sched.credit <= 0) {
        prev->sched.boosted = false;
        insert_last(q, prev);
        return take_next(q);
    }
    if (prev->sched.boosted || !head->sched.boosted)
        return prev;
    prev->sched.held = rate_limit_left(prev);
    if (prev->sched.held)
        return prev;
    /* Preempted: it goes on with the rest of its slice as soon as the boosted ones are done. */
    insert_before(q, first_ordinary(q), prev);
    return take_next(q);
}

bool sched_policy_preempts(const struct vcpu *v, const struct vcpu *running)
{
    return v->sched.boosted && !running->sched.boosted;
}

ns_t sched_policy_slice_left(const struct vcpu *v)
{
    ns_t left = v->sched.credit > 0 ? (ns_t)v->sched.credit : (ns_t)SLICE_MIN;

    return v->sched.held ? MIN(left, v->sched.held) : left;
}

static bool is_idle_choice(const struct vcpu *v, const cpumask_t *idle, unsigned cpu, bool soft)
{
    return cpumask_test(idle, cpu) && sched_cpu_allowed(v, cpu) &&
           (!soft || test_bit(v->sched.affinity_soft, cpu));
}

/* An idle CPU, the last one for choice, soft affinity first; else the shortest queue. */
unsigned sched_policy_place(const struct vcpu *v, const cpumask_t *idle)
{
    unsigned cpu, best = v->cpu, best_load = ~0u;

    for (int soft = 1; soft >= 0; soft--) {
        if (is_idle_choice(v, idle, v->cpu, soft))
            return v->cpu;
        for_each_cpu (cpu, idle)
            if (is_idle_choice(v, idle, cpu, soft))
                return cpu;
    }
    for_each_cpu (cpu, &sched_cpus) {
        unsigned load = 2 * sched_load_hint(cpu) + (cpu != v->cpu);

        if (sched_cpu_allowed(v, cpu) && load < best_load) {
            best_load = load;
            best = cpu;
        }
    }
    return best;
}
