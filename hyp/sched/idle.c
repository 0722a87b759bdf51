/* SPDX-License-Identifier: MIT */
/* What a CPU does while no vCPU wants it. */
#include "cpu/entry.h"
#include "cpu/processor.h"
#include "cpu/softirq.h"
#include "sched/sched.h"

void idle_loop(void)
{
    unsigned cpu = this_cpu_id();

    for (;;) {
        if (!is_idle_vcpu(current))
            resume_current();
        local_irq_disable();
        if (softirq_is_pending(cpu)) {
            local_irq_enable();
            softirq_run();
        } else {
            /* STI takes effect after HLT has begun: an interrupt since the look above still ends the halt. */
            __asm__ volatile("sti; hlt" ::: "memory");
        }
    }
}
