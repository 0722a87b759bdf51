/* SPDX-License-Identifier: MIT */
#include "dom0/backends/console/backlog.h"

#include <string.h>

void backlog_adopt(struct backlog *log, uint64_t mfn, uint32_t port, uint32_t cons)
{
    if (log->ring_mfn == mfn && log->ring_port == port)
        return;
    log->end = 0;
    log->ring_start = cons;
    log->ring_port = port;
    log->ring_mfn = mfn;
}

uint32_t backlog_ring_index(const struct backlog *log)
{
    return log->ring_start + (uint32_t)log->end;
}

void backlog_append(struct backlog *log, const char *buf, size_t len)
{
    uint64_t end = log->end;

    while (len > 0) {
        size_t at = end % BACKLOG_BYTES;
        size_t piece = BACKLOG_BYTES - at < len ? BACKLOG_BYTES - at : len;

        memcpy(log->bytes + at, buf, piece);
        end += piece;
        buf += piece;
        len -= piece;
    }
    __atomic_store_n(&log->end, end, __ATOMIC_RELEASE);
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
