/* SPDX-License-Identifier: MIT */
/* The real header, except that waiting lets other threads run: here CPUs are threads, and there may be fewer
 * processors. */
#ifndef FAKE_CPU_PROCESSOR_H
#define FAKE_CPU_PROCESSOR_H

#include <sched.h>
#define cpu_relax real_cpu_relax
#include "../../../../../hyp/cpu/processor.h"
#undef cpu_relax

static inline void cpu_relax(void)
{
    sched_yield();
}

#endif
