/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_TOOLSTACK_REPORT_H
#define HOSPES_TOOLSTACK_REPORT_H

#include <stdbool.h>

/*
 * What the operator reads. Every message is one line on standard error, begins with "hospes: " and has no
 * newline of its own. Control characters in it (a guest may have chosen the text) are shown as '?'.
 *
 * Convention of the whole toolstack: a function that returns int returns 0 for success and -1 for a failure
 * that it has already reported, unless its header says something else. The one who reports is the one who
 * knows the reason; callers only clean up and pass -1 on.
 */

/* "hospes: " + text. */
void report_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* "hospes: warning: " + text. */
void report_warning(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* "hospes: FILE:LINE: " + text, for anything that a configuration file says. */
void report_error_at(const char *file, unsigned int line, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void report_warning_at(const char *file, unsigned int line, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * Until the next call, messages without a place of their own begin with "hospes: WHERE: " (a file and line
 * whose setting is being carried out). NULL ends it. where is borrowed.
 */
void report_within(const char *where);

/* Warnings are not shown while quiet. */
void report_quiet(bool quiet);

/*
 * Divert whole lines (without newline) from standard error to sink; NULL restores. For the monitor's log and
 * for tests with golden messages.
 */
void report_set_sink(void (*sink)(void *arg, const char *line), void *arg);

#endif
