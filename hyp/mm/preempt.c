/* SPDX-License-Identifier: MIT */
#include "cpu/percpu.h"
#include "cpu/softirq.h"
#include "mm/pt_internal.h"

bool mm_preempt_needed(void)
{
    return softirq_is_pending(this_cpu_id());
}
