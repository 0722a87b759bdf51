/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_BLOCK_WRITELOG_H
#define HOSPES_BLOCK_WRITELOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Writes to an image whose process may have them in memory only (the tables of a qcow2 image are written at
 * a flush). They are kept here, data and all, until a flush that came after them has ended: should the
 * process be killed, its successor is given them again, in their order. So what a guest was told to be
 * written is there, as it would be in the page cache with a raw image.
 *
 * The log lies in a file in memory, which outlives the worker: a write is in it before it is sent. Positions
 * are counted over the whole life of the log. One writer; the reader comes after it.
 */
#define WRITELOG_BYTES     (16u << 20)
#define WRITELOG_MAX_WRITE (4u << 20)

struct writelog;

/* Whether mem (WRITELOG_BYTES of it) is a log of this image that can be gone on with. */
bool writelog_is_of(const struct writelog *log, uint64_t image);

/* An empty one. */
void writelog_format(struct writelog *log, uint64_t image);

/* Room for a write's data; NULL: full, flush first. It counts when it is filled, which has to be before it is
 * sent. */
void *writelog_append(struct writelog *log, uint64_t offset, uint32_t bytes, uint64_t *position);
void writelog_filled(struct writelog *log, uint64_t position);

/* The write at the position has ended; ok: it is to be repeated if need be. */
void writelog_ended(struct writelog *log, uint64_t position, bool ok);

/* What a flush that is sent now covers. */
uint64_t writelog_mark(const struct writelog *log);

/* Whether a flush would make room. */
bool writelog_can_release(const struct writelog *log);

/* That flush has ended well. */
void writelog_release(struct writelog *log, uint64_t mark);

/* Bytes in use. */
size_t writelog_used(const struct writelog *log);

struct writelog_write {
    uint64_t position;
    uint64_t offset;
    uint32_t bytes;
    void *data;
};

/*
 * For repeating them: the first write that is kept, and the one behind *position (0 at first; moved on).
 * False: none. What was never filled is dropped.
 */
bool writelog_next(struct writelog *log, uint64_t *position, struct writelog_write *write);

#endif
