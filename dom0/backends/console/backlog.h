/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_CONSOLE_BACKLOG_H
#define HOSPES_CONSOLE_BACKLOG_H

#include <stddef.h>
#include <stdint.h>

/*
 * The last BACKLOG_BYTES of a console's output. Each viewer remembers how far it has read as a position in
 * the whole stream; one that was too slow goes on at the oldest byte that is kept. So the guest never waits
 * for a viewer, and a viewer that comes late is shown the past.
 */
#define BACKLOG_BYTES 65536U

struct backlog {
    uint64_t end; /* bytes that ever went through */
    char bytes[BACKLOG_BYTES];
};

void backlog_append(struct backlog *log, const char *buf, size_t len);

/* Position of the oldest byte that is kept. */
uint64_t backlog_start(const struct backlog *log);

/*
 * The bytes that follow *position, as far as they lie in one piece; *position is moved up to what is kept.
 * The caller adds what it has used. 0: nothing new.
 */
size_t backlog_peek(const struct backlog *log, uint64_t *position, const char **bytes);

#endif
