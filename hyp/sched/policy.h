/* SPDX-License-Identifier: MIT */
/*
 * What a scheduling policy (round_robin.c) decides. sched.c owns the mechanism: locks, states, switches,
 * accounting. All functions but sched_policy_place() are called with the queue's lock held and interrupts
 * off; sched_policy_place() with the lock of v's present CPU.
 */
#ifndef HYP_SCHED_POLICY_H
#define HYP_SCHED_POLICY_H

#include "domain/domain.h"

struct run_queue {
    struct list vcpus;    /* sched_vcpu.queue, next to run first */
    unsigned length;      /* read without the lock as a hint */
    unsigned passed_over; /* of the policy */
};

enum enqueue_reason { ENQ_WOKEN, ENQ_STOLEN };

void sched_policy_vcpu_init(struct vcpu *v);
/* v has used the CPU for `ran` ns / was not runnable for `slept` ns. */
void sched_policy_charge(struct vcpu *v, ns_t ran);
void sched_policy_rested(struct vcpu *v, ns_t slept);
void sched_policy_enqueue(struct run_queue *q, struct vcpu *v, enum enqueue_reason why);
void sched_policy_dequeue(struct run_queue *q, struct vcpu *v);
/* The next to run, no longer queued; NULL: nothing. prev: what runs now and could go on, or NULL; if another
 * one is chosen, prev has been queued. `yielded`: prev asked for somebody else. */
struct vcpu *sched_policy_pick(struct run_queue *q, struct vcpu *prev, bool yielded);
/* Does v, just queued, take the CPU from `running` at once? */
bool sched_policy_preempts(const struct vcpu *v, const struct vcpu *running);
/* May run so long before it is asked again. */
ns_t sched_policy_slice_left(const struct vcpu *v);
/* A CPU for a vCPU that is about to be queued. `idle`: CPUs with nothing to do. */
unsigned sched_policy_place(const struct vcpu *v, const cpumask_t *idle);

/* A vCPU runs at least so many ns before a wake-up takes the CPU from it; 0: no such limit. */
extern ns_t sched_rate_limit;
extern cpumask_t sched_cpus; /* CPUs that schedule */
/* For policies: the length of a CPU's queue plus the vCPU that it runs, as a hint. */
unsigned sched_load_hint(unsigned cpu);
bool sched_cpu_allowed(const struct vcpu *v, unsigned cpu);

#endif
