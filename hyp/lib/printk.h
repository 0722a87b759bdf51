/* SPDX-License-Identifier: MIT */
/* Messages to the console (serial, ring for `dmesg`), assertions, and the end of the machine. */
#ifndef HYP_LIB_PRINTK_H
#define HYP_LIB_PRINTK_H

#include <stdarg.h>
#include "lib/types.h"

enum log_level { LOG_ERROR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

/* One line each; the newline belongs to the format. Filtered by `loglvl=`. Formats: d u x p s c, flags 0
 * and #, width, precision (a star too), lengths l and z. */
void printk(enum log_level level, const char *fmt, ...) __printf(2, 3);
/* For messages that a guest can provoke: at most a few a second get through (`guest_loglvl=`). */
void gprintk(enum log_level level, const char *fmt, ...) __printf(2, 3);
int vsnprintf(char *buf, size_t size, const char *fmt, va_list ap);
int snprintf(char *buf, size_t size, const char *fmt, ...) __printf(3, 4);

/* Highest levels printed by printk() and gprintk(); -1: nothing. */
void log_set_limits(int loglvl, int guest_loglvl);
/* printk() whatever the limit. */
void vprintk_panic(const char *fmt, va_list ap) __printf(1, 0);
/* True: panic() restarts the machine after a moment; false (`noreboot`): it stands still. */
void panic_set_reboot(bool reboot);

/* Stops the machine (or reboots, unless `noreboot`): registers, backtrace. Never for a guest's mistake. */
void panic(const char *fmt, ...) __noreturn __printf(1, 2);

#define BUG_ON(cond)                                              \
    do {                                                          \
        if (unlikely(cond))                                       \
            panic("%s:%d: BUG: %s\n", __FILE__, __LINE__, #cond); \
    } while (0)
#if HYP_DEBUG
#define ASSERT(cond)                                                           \
    do {                                                                       \
        if (unlikely(!(cond)))                                                 \
            panic("%s:%d: assertion failed: %s\n", __FILE__, __LINE__, #cond); \
    } while (0)
#else
#define ASSERT(cond) ((void)sizeof(!(cond)))
#endif

#endif
