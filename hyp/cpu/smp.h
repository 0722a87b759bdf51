/* SPDX-License-Identifier: MIT */
/* CPUs: starting them, calling functions on them. */
#ifndef HYP_CPU_SMP_H
#define HYP_CPU_SMP_H

#include "lib/bitops.h"

struct cpu_ids {
    u32 apic_id, acpi_id;
};
extern cpumask_t cpu_online_mask;
extern unsigned cpu_count; /* CPUs online; numbers 0..cpu_count-1, no holes */
extern struct cpu_ids cpu_ids[NR_CPUS];
extern void *cpu_stack[NR_CPUS]; /* stack block (STACK_SIZE, aligned) of each CPU, allocated by acpi_init() */

/* The boot CPU's numbers and the vectors of calls. After irq_init(). */
void smp_prepare_boot_cpu(void);
/* Starts all CPUs that ACPI lists; each ends in cpu_startup(cpu) of main.c on its own stack with interrupts
 * off. */
void smp_init(void);
/* Makes the CPU leave the guest (or idle) and look at its softirqs and events. No work of its own. */
void smp_kick(unsigned cpu);
/* Runs fn(arg) on every CPU of the mask (this one included, if in it) in interrupt context with interrupts
 * off; returns when all have finished. Interrupts must be on, or the caller must hold no lock that another
 * CPU may spin on with interrupts off. */
void smp_call(const cpumask_t *mask, void (*fn)(void *), void *arg);
/* Serves other CPUs' smp_call() now: for loops that wait with interrupts off. */
void smp_call_poll(void);
/* main.c: where a started CPU goes; its tables, features, local APIC and clock are set up, interrupts are
 * off. */
void cpu_startup(unsigned cpu) __attribute__((noreturn));
/* Halts all other CPUs for panic or power-off; does not wait for ever. */
void smp_stop_others(void);

#endif
