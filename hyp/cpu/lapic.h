/* SPDX-License-Identifier: MIT */
/* The local interrupt controller of the calling CPU: xAPIC registers in memory or x2APIC ones in MSRs. */
#ifndef HYP_CPU_LAPIC_H
#define HYP_CPU_LAPIC_H

#include "lib/types.h"

#define VECTOR_SPURIOUS 0xff

/* APIC id by CPUID, before anything is set up. */
u32 lapic_boot_id(void);
/* Chooses the mode and maps the registers. Boot CPU, after acpi_init(). */
void lapic_init(void);
/* Enables the calling CPU's; all local sources masked but NMI. */
void lapic_init_cpu(void);
void lapic_eoi(void);
void lapic_send_ipi(u32 apic_id, u8 vector);
/* All but this CPU. */
void lapic_send_nmi_others(void);
void lapic_send_init(u32 apic_id);
void lapic_send_startup(u32 apic_id, u8 page);

/* Timer: counts down from `count` at the bus clock / 1 and interrupts once; 0 stops it. */
void lapic_timer_set(u32 count);
u32 lapic_timer_read(void);
/* Routes the timer to `vector`; `deadline`: MSR_TSC_DEADLINE drives it. 0: masked, for calibration. */
void lapic_timer_setup(u8 vector, bool deadline);

#endif
