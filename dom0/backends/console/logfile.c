/* SPDX-License-Identifier: MIT */
#include "dom0/backends/console/logfile.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void open_path(struct logfile *log)
{
    struct stat st;

    log->fd = open(log->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
    log->bytes = log->fd >= 0 && fstat(log->fd, &st) == 0 ? (long)st.st_size : 0;
}

void logfile_open(struct logfile *log, const char *dir, const char *name)
{
    char safe[129];
    size_t i;

    for (i = 0; name[i] && i < sizeof(safe) - 1; i++)
        safe[i] = isalnum((unsigned char)name[i]) || strchr("-_.+", name[i]) ? name[i] : '_';
    safe[i] = '\0';
    snprintf(log->path, sizeof(log->path), "%.300s/console-%s.log", dir, safe);
    open_path(log);
}

static void rotate(struct logfile *log)
{
    char from[sizeof(log->path) + 16], to[sizeof(log->path) + 16];

    for (int i = LOGFILE_KEEP; i > 0; i--) {
        if (i > 1)
            snprintf(from, sizeof(from), "%s.%d", log->path, i - 1);
        else
            snprintf(from, sizeof(from), "%s", log->path);
        snprintf(to, sizeof(to), "%s.%d", log->path, i);
        rename(from, to);
    }
    logfile_reopen(log);
}

void logfile_write(struct logfile *log, const char *buf, size_t len)
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
        if (log->bytes >= LOGFILE_BYTES)
            rotate(log);
    }
}

void logfile_reopen(struct logfile *log)
{
    logfile_close(log);
    open_path(log);
}

void logfile_close(struct logfile *log)
{
    if (log->fd >= 0)
        close(log->fd);
    log->fd = -1;
}
