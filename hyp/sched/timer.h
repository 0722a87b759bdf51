/* SPDX-License-Identifier: MIT */
/*
 * Timers of the hypervisor: one queue a CPU, run from SOFTIRQ_TIMER with interrupts on and no lock held.
 *
 * All functions may be called from any context and any CPU at the same time; of two calls on one timer, one
 * comes first. A timer's function may set its own timer again. It may be late by the time until the CPU next
 * runs softirqs, never early.
 */
#ifndef HYP_SCHED_TIMER_H
#define HYP_SCHED_TIMER_H

#include "domain/domain.h"

/* Boot CPU, before any timer is set. */
void timers_init(void);
/* An inactive timer. Once in its life. */
void timer_setup(struct timer *t, void (*fn)(void *), void *data);
/* (Re)arms on this CPU: fn(data) runs once, here, at `expires` (system time) or at once if that has passed.
 */
void timer_set(struct timer *t, ns_t expires);
/* After return the function is not running and will not run, unless it is set again. Not from the function
 * itself, nor while holding a lock that the function takes. */
void timer_stop(struct timer *t);
/* Only takes it off its queue; a call under way is not waited for. Anywhere. */
void timer_stop_nosync(struct timer *t);

#endif
