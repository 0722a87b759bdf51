/* SPDX-License-Identifier: MIT */
/* Behind lib/printk.h: the limits, and what panic() needs. */
#ifndef HYP_CPU_LOG_H
#define HYP_CPU_LOG_H

#include <stdarg.h>
#include "lib/printk.h"

/* Highest levels printed by printk() and gprintk(); -1: nothing. */
void log_set_limits(int loglvl, int guest_loglvl);
/* printk() whatever the limit. */
void vprintk_panic(const char *fmt, va_list ap) __printf(1, 0);
/* True: panic() restarts the machine after a moment; false (`noreboot`): it stands still. */
void panic_set_reboot(bool reboot);

#endif
