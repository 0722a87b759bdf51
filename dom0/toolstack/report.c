/* SPDX-License-Identifier: MIT */
#include "dom0/toolstack/report.h"

#include <stdarg.h>
#include <stdio.h>

#define LINE_BYTES 1024

static void (*report_sink)(void *arg, const char *line);
static void *report_sink_arg;
static bool report_is_quiet;
static const char *report_where;

void report_within(const char *where)
{
    report_where = where;
}

void report_quiet(bool quiet)
{
    report_is_quiet = quiet;
}

void report_set_sink(void (*sink)(void *arg, const char *line), void *arg)
{
    report_sink = sink;
    report_sink_arg = arg;
}

/* Names in messages come from guests and files: nothing of theirs may drive the operator's terminal. */
static void make_printable(char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            *s = '?';
}

static void emit(const char *prefix, const char *file, unsigned int line, const char *fmt, va_list ap)
{
    char text[LINE_BYTES];
    size_t used;

    if (file && line)
        used = (size_t)snprintf(text, sizeof(text), "hospes: %.400s:%u: %s", file, line, prefix);
    else if (file)
        used = (size_t)snprintf(text, sizeof(text), "hospes: %.400s: %s", file, prefix);
    else if (report_where)
        used = (size_t)snprintf(text, sizeof(text), "hospes: %.400s: %s", report_where, prefix);
    else
        used = (size_t)snprintf(text, sizeof(text), "hospes: %s", prefix);
    vsnprintf(text + used, sizeof(text) - used - 1, fmt, ap);
    make_printable(text);
    if (report_sink) {
        report_sink(report_sink_arg, text);
        return;
    }
    fprintf(stderr, "%s\n", text);
}

void report_error(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    emit("", NULL, 0, fmt, ap);
    va_end(ap);
}

void report_warning(const char *fmt, ...)
{
    va_list ap;

    if (report_is_quiet)
        return;
    va_start(ap, fmt);
    emit("warning: ", NULL, 0, fmt, ap);
    va_end(ap);
}

void report_error_at(const char *file, unsigned int line, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    emit("", file, line, fmt, ap);
    va_end(ap);
}

void report_warning_at(const char *file, unsigned int line, const char *fmt, ...)
{
    va_list ap;

    if (report_is_quiet)
        return;
    va_start(ap, fmt);
    emit("warning: ", file, line, fmt, ap);
    va_end(ap);
}
