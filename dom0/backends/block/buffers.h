/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_BLOCK_BUFFERS_H
#define HOSPES_BLOCK_BUFFERS_H

#include <stdbool.h>
#include <stddef.h>

#include "dom0/backends/block/uring.h"

/*
 * Page-aligned memory that guests' data is copied through, cut from chunks of 1 MiB. A chunk is registered
 * with the ring as long as the ring takes more: direct I/O to and from it then costs the kernel no look at
 * page tables. Chunks that are not needed are kept for the next requests up to a bound for the whole daemon;
 * one disk holds at most its account's bound, so that a disk whose I/O does not end cannot starve the others.
 */
#define BUFFERS_DISK_BYTES (4u << 20)
#define BUFFERS_MAX_BYTES  (1u << 20) /* the largest single one */

struct buffers;
struct buffer_chunk;

struct buffer {
    char *data; /* NULL: none */
    size_t bytes;
    struct buffer_chunk *chunk;
};

/* Of a disk: bytes that it holds. */
struct buffer_account {
    size_t used;
};

/* NULL: no memory. The ring must outlive it. */
struct buffers *buffers_new(struct uring *uring);

/* All buffers have been given back. NULL is allowed. */
void buffers_free(struct buffers *buffers);

/* At most BUFFERS_MAX_BYTES. False: the account is full, try again when one was freed; or no memory. */
bool buffer_get(struct buffers *buffers, struct buffer_account *account, size_t bytes, struct buffer *buffer);

/* No buffer is allowed; it is none afterwards. */
void buffer_put(struct buffers *buffers, struct buffer_account *account, struct buffer *buffer);

/* The number under which the ring knows its memory; -1: it does not. */
int buffer_number(const struct buffer *buffer);

/* Gives back to the system what is kept. */
void buffers_trim(struct buffers *buffers);

#endif
