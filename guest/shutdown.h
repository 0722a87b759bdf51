/* SPDX-License-Identifier: MIT */
#ifndef GUEST_SHUTDOWN_H
#define GUEST_SHUTDOWN_H

/* reason is one of SHUTDOWN_* of <xen/sched.h>. */
void shutdown(unsigned reason) __attribute__((noreturn));

/* One line to the console, then SHUTDOWN_crash. */
void panic(const char *fmt, ...) __attribute__((noreturn, format(printf, 1, 2)));

#endif
