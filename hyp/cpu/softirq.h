/* SPDX-License-Identifier: MIT */
/* Work put off to the next return to the guest (or to the idle loop) on one CPU. Handlers run with interrupts
 * on. */
#ifndef HYP_CPU_SOFTIRQ_H
#define HYP_CPU_SOFTIRQ_H

#include "lib/types.h"

enum softirq { SOFTIRQ_TIMER, SOFTIRQ_REAP, SOFTIRQ_SCHEDULE, NR_SOFTIRQS };

extern u32 softirq_pending[NR_CPUS]; /* bit per softirq */

/* At boot, once a number. */
void softirq_register(enum softirq nr, void (*handler)(void));
/* On this CPU. */
void softirq_raise(enum softirq nr);
/* On that CPU, with an IPI if it is another one. */
void softirq_raise_cpu(unsigned cpu, enum softirq nr);
/* Runs what is pending on this CPU; interrupts on at entry and exit. */
void softirq_run(void);
static inline bool softirq_is_pending(unsigned cpu)
{
    return READ_ONCE(softirq_pending[cpu]) != 0;
}

#endif
