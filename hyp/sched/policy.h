/* SPDX-License-Identifier: MIT */
/*
 * What a scheduling policy decides. sched.c owns the mechanism: locks, states, switches, accounting. All
 * functions but place() are called with the queue's lock held and interrupts off; place() with the lock of
 * v's present CPU.
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

struct sched_policy {
    void (*vcpu_init)(struct vcpu *v);
    /* v has used the CPU for `ran` ns / was not runnable for `slept` ns. */
    void (*charge)(struct vcpu *v, ns_t ran);
    void (*rested)(struct vcpu *v, ns_t slept);
    void (*enqueue)(struct run_queue *q, struct vcpu *v, enum enqueue_reason why);
    void (*dequeue)(struct run_queue *q, struct vcpu *v);
    /* The next to run, no longer queued; NULL: nothing. prev: what runs now and could go on, or NULL; if
     * another one is chosen, prev has been queued. `yielded`: prev asked for somebody else. */
    struct vcpu *(*pick)(struct run_queue *q, struct vcpu *prev, bool yielded);
    /* Does v, just queued, take the CPU from `running` at once? */
    bool (*preempts)(const struct vcpu *v, const struct vcpu *running);
    /* May run so long before it is asked again. */
    ns_t (*slice_left)(const struct vcpu *v);
    /* A CPU for a vCPU that is about to be queued. `idle`: CPUs with nothing to do. */
    unsigned (*place)(const struct vcpu *v, const cpumask_t *idle);
};

extern const struct sched_policy round_robin_policy;

/* A vCPU runs at least so many ns before a wake-up takes the CPU from it; 0: no such limit. */
extern ns_t sched_rate_limit;
extern cpumask_t sched_cpus; /* CPUs that schedule */
/* For policies: the length of a CPU's queue plus the vCPU that it runs, as a hint. */
unsigned sched_load_hint(unsigned cpu);
bool sched_cpu_allowed(const struct vcpu *v, unsigned cpu);

#endif
