/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_BLOCK_BUFFERS_H
#define HOSPES_BLOCK_BUFFERS_H

#include <stddef.h>

/*
 * Page-aligned memory that guests' data is copied through. Freed buffers are kept for the next request up to
 * a bound for the whole daemon; one disk holds at most its account's bound, so that a disk whose I/O does not
 * end cannot starve the others.
 */
#define BUFFERS_DISK_BYTES (4u << 20)
#define BUFFERS_MAX_BYTES  (1u << 20) /* the largest single one */

struct buffer_account {
    size_t used;
};

/* NULL: the account is full, try again when one was freed; or no memory. At most BUFFERS_MAX_BYTES. */
void *buffer_get(struct buffer_account *account, size_t bytes);

/* `bytes` as it was asked for. NULL is allowed. */
void buffer_put(struct buffer_account *account, void *buffer, size_t bytes);

/* Gives back to the system what is kept. */
void buffers_trim(void);

#endif
