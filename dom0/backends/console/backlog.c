/* SPDX-License-Identifier: MIT */
#include "dom0/backends/console/backlog.h"

#include <string.h>

void backlog_append(struct backlog *log, const char *buf, size_t len)
{
    if (len > BACKLOG_BYTES) {
        log->end += len - BACKLOG_BYTES;
        buf += len - BACKLOG_BYTES;
        len = BACKLOG_BYTES;
    }
    while (len > 0) {
        size_t at = log->end % BACKLOG_BYTES;
        size_t piece = BACKLOG_BYTES - at < len ? BACKLOG_BYTES - at : len;

        memcpy(log->bytes + at, buf, piece);
        log->end += piece;
        buf += piece;
        len -= piece;
    }
}

uint64_t backlog_start(const struct backlog *log)
{
    return log->end > BACKLOG_BYTES ? log->end - BACKLOG_BYTES : 0;
}

size_t backlog_peek(const struct backlog *log, uint64_t *position, const char **bytes)
{
    uint64_t start = backlog_start(log), left;
    size_t at;

    if (*position < start || *position > log->end)
        *position = start;
    left = log->end - *position;
    at = *position % BACKLOG_BYTES;
    *bytes = log->bytes + at;
    return left < BACKLOG_BYTES - at ? left : BACKLOG_BYTES - at;
}
