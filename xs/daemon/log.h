/* SPDX-License-Identifier: MIT */
/* One line per message: to the log file if there is one, else to standard error. */
#ifndef XS_DAEMON_LOG_H
#define XS_DAEMON_LOG_H

#include <stdbool.h>

/*
 * Messages go to `path` (appended) from now on; NULL: standard error. 0, or -1 with errno and nothing
 * changed.
 */
int log_open(const char *path);

/* Opens the same file anew, after somebody has moved it away. */
void log_reopen(void);

/* Whether each request and event is logged. */
void log_set_trace(bool on);
bool log_trace_on(void);

/* Something an operator should know. */
void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The same, for what a guest can cause: at most a few lines a second, the rest is only counted. */
void log_guest(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_trace(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
