/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_CONSOLE_BACKLOG_H
#define HOSPES_CONSOLE_BACKLOG_H

#include <stddef.h>
#include <stdint.h>

/*
 * The last BACKLOG_BYTES of a console's output. Each viewer remembers how far it has read as a position in
 * the whole stream; one that was too slow goes on at the oldest byte that is kept. So the guest never waits
 * for a viewer, and a viewer that comes late is shown the past.
 *
 * It lies in a file that is mapped, and outlives a daemon that is killed. What was taken out of the ring is
 * in here or not at all: the ring's index follows from `end`, so that one store moves both.
 */
#define BACKLOG_BYTES 65536U

struct backlog {
    /* Which console this is of: one of another guest in the same file is of no use. */
    uint64_t ring_mfn;
    uint32_t ring_port;
    uint32_t ring_start; /* index in the ring of the stream's first byte */
    uint64_t end;        /* bytes that ever went through */
    char bytes[BACKLOG_BYTES];
};

/* Whether the file is that console's; else it is made so, and empty. cons: where the ring's output begins
 * now. */
void backlog_adopt(struct backlog *log, uint64_t mfn, uint32_t port, uint32_t cons);

/* The index of the ring's first byte that is not in here. */
uint32_t backlog_ring_index(const struct backlog *log);

/* At most a ring's worth. */
void backlog_append(struct backlog *log, const char *buf, size_t len);

/* Position of the oldest byte that is kept. */
uint64_t backlog_start(const struct backlog *log);

/*
 * The bytes that follow *position, as far as they lie in one piece; *position is moved up to what is kept.
 * The caller adds what it has used. 0: nothing new.
 */
size_t backlog_peek(const struct backlog *log, uint64_t *position, const char **bytes);

#endif
