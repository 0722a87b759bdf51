/* SPDX-License-Identifier: MIT */
#include "dom0/backends/console/logfile.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define STAMP_ROOM 32
#define TEXT_ROOM  4096

static void open_file(struct logfile *log, bool rotate)
{
    char last;

    log->fd = log->opener(log->arg, rotate);
    log->bytes = log->fd >= 0 ? (long)lseek(log->fd, 0, SEEK_END) : 0;
    if (log->bytes > 0 && pread(log->fd, &last, 1, log->bytes - 1) == 1)
        log->inside_line = last != '\n';
}

void logfile_open(struct logfile *log, logfile_opener *opener, void *arg)
{
    *log = (struct logfile){.fd = -1, .opener = opener, .arg = arg};
    open_file(log, false);
}

static void write_all(struct logfile *log, const char *buf, size_t len)
{
    while (log->fd >= 0 && len > 0) {
        ssize_t n = write(log->fd, buf, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return;
        log->bytes += n;
        buf += n;
        len -= (size_t)n;
    }
}

static size_t make_stamp(char stamp[STAMP_ROOM])
{
    time_t now = time(NULL);
    struct tm tm;

    gmtime_r(&now, &tm);
    return strftime(stamp, STAMP_ROOM, "%Y-%m-%dT%H:%M:%SZ ", &tm);
}

/* Fills text with as much of buf as fits, stamps included; how much of buf that is. */
static size_t stamp_lines(struct logfile *log, const char *buf, size_t len, const char *stamp,
                          size_t stamp_len, char text[TEXT_ROOM], size_t *text_len)
{
    size_t used = 0, filled = 0;

    while (used < len && filled + stamp_len + 1 <= TEXT_ROOM) {
        if (!log->inside_line) {
            memcpy(text + filled, stamp, stamp_len);
            filled += stamp_len;
        }
        log->inside_line = buf[used] != '\n';
        text[filled++] = buf[used++];
    }
    *text_len = filled;
    return used;
}

size_t logfile_write(struct logfile *log, const char *buf, size_t len)
{
    char stamp[STAMP_ROOM], text[TEXT_ROOM];
    size_t stamp_len = make_stamp(stamp), text_len, total = 0;

    while (len > 0) {
        size_t used = stamp_lines(log, buf, len, stamp, stamp_len, text, &text_len);

        write_all(log, text, text_len);
        total += text_len;
        buf += used;
        len -= used;
        if (log->bytes >= LOGFILE_BYTES) {
            logfile_close(log);
            open_file(log, true);
        }
    }
    return total;
}

void logfile_reopen(struct logfile *log)
{
    logfile_close(log);
    open_file(log, false);
}

void logfile_close(struct logfile *log)
{
    if (log->fd >= 0)
        close(log->fd);
    log->fd = -1;
}
