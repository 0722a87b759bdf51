/* SPDX-License-Identifier: MIT */
/* Work put off to the way out of the hypervisor. */
#include "cpu/softirq.h"
#include "cpu/percpu.h"
#include "cpu/processor.h"
#include "cpu/smp.h"
#include "lib/printk.h"

u32 softirq_pending[NR_CPUS];
static void (*handlers[NR_SOFTIRQS])(void);

void softirq_register(enum softirq nr, void (*handler)(void))
{
    BUG_ON(handlers[nr]);
    handlers[nr] = handler;
}

void softirq_raise(enum softirq nr)
{
    __atomic_fetch_or(&softirq_pending[this_cpu_id()], 1u << nr, __ATOMIC_SEQ_CST);
}

void softirq_raise_cpu(unsigned cpu, enum softirq nr)
{
    u32 old = __atomic_fetch_or(&softirq_pending[cpu], 1u << nr, __ATOMIC_SEQ_CST);

    /* Whoever set the first bit has sent the interrupt. */
    if (cpu != this_cpu_id() && !old)
        smp_kick(cpu);
}

void softirq_run(void)
{
    u32 *pending = &softirq_pending[this_cpu_id()], bits;

    ASSERT(local_irq_is_enabled());
    while ((bits = READ_ONCE(*pending)) != 0) {
        unsigned nr = (unsigned)__builtin_ctz(bits);

        __atomic_fetch_and(pending, ~(1u << nr), __ATOMIC_SEQ_CST);
        if (handlers[nr])
            handlers[nr]();
    }
}
