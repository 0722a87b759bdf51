/* SPDX-License-Identifier: MIT */
/* System time from the TSC, and the one-shot timer interrupt of each CPU. */
#ifndef HYP_CPU_CLOCK_H
#define HYP_CPU_CLOCK_H

#include "lib/types.h"

/* The pvclock formula: ns = base_ns + (((tsc - base_tsc) << shift or >> -shift) * mul >> 32). One set a CPU,
 * changed only by that CPU. */
struct clock_scale {
    u64 base_tsc;
    ns_t base_ns;
    u32 mul;
    s8 shift;
};
extern struct clock_scale clock_scale[NR_CPUS];
extern u64 tsc_khz;

/* Calibrates the TSC against the ACPI PM timer, HPET or PIT; boot CPU. */
void clock_init(void);
/* On each secondary CPU: takes over the boot CPU's time so that it is never behind. */
void clock_init_cpu(void);
/* The boot CPU's half of the same. */
void clock_sync_cpu(void);
/* Nanoseconds since clock_init(); monotonic on one CPU. */
ns_t now(void);
/* Arms this CPU's timer interrupt (raises SOFTIRQ_TIMER when it fires) for that moment; 0 disarms. In the
 * past: at once. */
void clock_set_deadline(ns_t when);
/* --- behind it: clocks of known frequency, for calibration; and the battery-backed one --- */
struct clock_source {
    const char *name;
    u64 hz;
    u64 mask; /* of the counter's width */
    u64 (*read)(void);
};

/* The best that the machine has: ACPI timer, HPET, 8254. */
const struct clock_source *clock_source_find(void);
/* Reads the CMOS clock, once. */
void wallclock_init(void);

/* Seconds and nanoseconds since 1970 at system time 0, from the RTC; and its setting by dom0. */
void wallclock_get(u64 *sec, u32 *nsec);
void wallclock_set(u64 sec, u32 nsec, ns_t at);

#endif
