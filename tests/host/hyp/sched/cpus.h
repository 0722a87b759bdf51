/* SPDX-License-Identifier: MIT */
/*
 * Fake CPUs for the scheduler's room. The test moves time and says which CPU the calling thread is; softirqs
 * and timer interrupts are run when it says so. context_switch() checks that nothing is loaded twice.
 */
#ifndef CPUS_H
#define CPUS_H

#include "domain/domain.h"

/* A machine with `n` CPUs at time 0, all idle. `threads`: each CPU is a thread (cpus_thread_*), locks spin.
 */
void cpus_reset(unsigned n);
/* The calling thread is this CPU from now on. */
void cpus_enter(unsigned cpu);
extern unsigned cpus_count;

/* Time is what the test says. */
void cpus_set_time(ns_t t);
/* What CPU's clock is armed for; 0: not. */
ns_t cpus_deadline(unsigned cpu);
/* Raises the timer softirq where the deadline has passed, runs all that is pending on this CPU. True:
 * something ran. */
bool cpus_run_pending(unsigned cpu);
/* The same on all CPUs until nothing is pending anywhere. */
void cpus_settle(void);
/* Lets `ns` pass, with every timer at its time. */
void cpus_advance(ns_t ns);

/* What that CPU has loaded; its idle vCPU if nothing. */
struct vcpu *cpus_running(unsigned cpu);
/* IPIs sent to it that the test has not looked at. */
unsigned cpus_take_kicks(unsigned cpu);
extern unsigned cpus_switches;

/* A domain with `n` vCPUs that are down. Freed by cpus_reset(). */
struct domain *cpus_domain(unsigned n);
/* Clears or sets a pause flag and tells the scheduler. */
void cpus_start(struct vcpu *v, u32 flag);
void cpus_stop(struct vcpu *v, u32 flag);

/* threads.c: runs fn(cpu) for each CPU in a thread of its own and waits for them. */
void threads_run(unsigned n, void (*fn)(unsigned cpu));
void threads_yield(void);
u32 threads_random(u64 *state);

#endif
