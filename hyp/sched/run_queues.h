/* SPDX-License-Identifier: MIT */
/*
 * Run queues, for the files of the scheduler only: one for each CPU, with what that CPU runs. Of two queues
 * never both are locked.
 */
#ifndef HYP_SCHED_RUN_QUEUES_H
#define HYP_SCHED_RUN_QUEUES_H

#include "cpu/percpu.h"
#include "sched/policy.h"
#include "sched/timer.h"

struct cpu_sched {
    struct spinlock lock; /* LOCK_SCHED */
    struct run_queue queue;
    struct vcpu *curr; /* scheduled; the idle vCPU of this CPU if none */
    ns_t run_since;    /* up to there curr has been charged */
    bool yielded;      /* curr asked for somebody else; own CPU only */
    struct timer slice;
};
extern struct cpu_sched cpu_sched[NR_CPUS];
extern cpumask_t idle_cpus; /* nothing to do and not yet called; hints */
extern unsigned nr_queued;  /* on all queues: a hint, but never 0 while one is queued for good */

/* All empty, no CPU takes part. Boot CPU. */
void run_queues_init(void);
/* Locks the queue of v->cpu; it can change while we wait. */
struct cpu_sched *lock_home(struct vcpu *v, u64 *flags);

/* --- with the lock of `s`, the queue of v->cpu --- */

/* Runnable, and nobody has it: to be queued. */
bool wants_queue(const struct cpu_sched *s, const struct vcpu *v);
/* Queues v and makes somebody look at it. */
void enqueue(struct cpu_sched *s, struct vcpu *v, enum enqueue_reason why);
void dequeue(struct cpu_sched *s, struct vcpu *v);
/* Puts a runnable vCPU on the queue of the CPU that the policy chooses. Releases the lock. */
void place_and_enqueue(struct cpu_sched *s, struct vcpu *v, u64 flags);
/*
 * The second half of a move (`moving` was set, v->cpu changed, the other lock released). True: v is to be
 * queued here. False: it may be gone for good as soon as `moving` is cleared (vcpu_sync() waits for that), so
 * that was the last that we did to it.
 */
bool finish_move(struct vcpu *v);
/* Calls one idle CPU that may run v, so that it comes and steals. After v has been queued. */
void find_helper(const struct vcpu *v);
/* For all that had to be left on the queue: a wake-up that preempts is not followed by a search. */
void find_helpers(struct cpu_sched *s);

#endif
