/* SPDX-License-Identifier: MIT */
/* Clocks of known frequency, for calibration; and the battery-backed one. */
#ifndef HYP_CPU_CLOCK_SOURCE_H
#define HYP_CPU_CLOCK_SOURCE_H

#include "lib/types.h"

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

#endif
