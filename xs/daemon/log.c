/* SPDX-License-Identifier: MIT */
/* The log of the daemon. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "xs/daemon/log.h"

#define GUEST_LINES_PER_SECOND 5

static int log_fd = STDERR_FILENO;
static char *log_path;
static bool tracing;

static int open_file(const char *path)
{
    return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
}

int log_open(const char *path)
{
    char *copy = NULL;
    int fd = STDERR_FILENO;

    if (path) {
        copy = strdup(path);
        fd = copy ? open_file(path) : -1;
        if (fd < 0) {
            free(copy);
            return -1;
        }
    }
    if (log_fd != STDERR_FILENO)
        close(log_fd);
    free(log_path);
    log_fd = fd;
    log_path = copy;
    return 0;
}

void log_reopen(void)
{
    int fd = log_path ? open_file(log_path) : -1;

    if (fd < 0)
        return;
    close(log_fd);
    log_fd = fd;
}

void log_set_trace(bool on)
{
    tracing = on;
}

bool log_trace_on(void)
{
    return tracing;
}

/* One write() for each line, so that lines of several processes do not mix. */
__attribute__((format(printf, 2, 0))) static void put_line(const char *kind, const char *fmt, va_list args)
{
    char line[1024];
    struct timespec now;
    struct tm tm;
    size_t len;
    int n;
    ssize_t r;

    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &tm);
    len = strftime(line, sizeof(line), "%Y-%m-%dT%H:%M:%S", &tm);
    len += (size_t)snprintf(line + len, sizeof(line) - len, ".%03ldZ xenstored: %s", now.tv_nsec / 1000000,
                            kind);
    n = vsnprintf(line + len, sizeof(line) - len - 1, fmt, args);
    if (n > 0)
        len += (size_t)n < sizeof(line) - len - 1 ? (size_t)n : sizeof(line) - len - 2;
    line[len++] = '\n';
    r = write(log_fd, line, len);
    (void)r; /* nowhere to complain */
}

void log_error(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    put_line("error: ", fmt, args);
    va_end(args);
}

void log_info(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    put_line("", fmt, args);
    va_end(args);
}

static void say_dropped(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void say_dropped(const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    put_line("guest: ", fmt, args);
    va_end(args);
}

void log_guest(const char *fmt, ...)
{
    static time_t second;
    static unsigned int lines, dropped;
    time_t now = time(NULL);
    va_list args;

    if (now != second) {
        if (dropped)
            say_dropped("%u messages were left out", dropped);
        second = now;
        lines = dropped = 0;
    }
    if (lines++ >= GUEST_LINES_PER_SECOND) {
        dropped++;
        return;
    }
    va_start(args, fmt);
    put_line("guest: ", fmt, args);
    va_end(args);
}

void log_trace(const char *fmt, ...)
{
    va_list args;

    if (!tracing)
        return;
    va_start(args, fmt);
    put_line("trace: ", fmt, args);
    va_end(args);
}
