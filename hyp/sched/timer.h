/* SPDX-License-Identifier: MIT */
/* Timers of the hypervisor: one queue a CPU, run from SOFTIRQ_TIMER. */
#ifndef HYP_SCHED_TIMER_H
#define HYP_SCHED_TIMER_H

#include "domain/domain.h"

void timers_init(void);
void timer_setup(struct timer *t, void (*fn)(void *), void *data);
/* (Re)arms on this CPU. Callable anywhere, also from the function itself. */
void timer_set(struct timer *t, ns_t expires);
/* After return the function is not running and will not run. Not from the function itself. */
void timer_stop(struct timer *t);

#endif
