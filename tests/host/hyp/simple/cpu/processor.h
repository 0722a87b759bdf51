/* SPDX-License-Identifier: MIT */
/* Stands before hyp/cpu/processor.h in the include path: what the rooms above the memory room use of it, for
 * a thread instead of a CPU. */
#ifndef HYP_CPU_PROCESSOR_H
#define HYP_CPU_PROCESSOR_H

#include <sched.h>
#include "lib/types.h"

u64 local_irq_save(void);
void local_irq_restore(u64 flags);

/* Waiting lets the other threads run. */
static inline void cpu_relax(void)
{
    sched_yield();
}

#endif
