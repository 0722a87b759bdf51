/* SPDX-License-Identifier: MIT */
#ifndef GUEST_HEAP_H
#define GUEST_HEAP_H

/*
 * Small objects, out of pages of page_alloc(). From any thread on any vCPU; not from handlers of events.
 */

#include <stddef.h>

/*
 * Zeroed memory of at least size bytes, aligned to 16; NULL when there is none. Above 1984 bytes it costs a
 * power of 2 KiB it costs a power of two of pages: what wants whole pages asks page_alloc().
 */
void *heap_alloc(size_t size) __attribute__((malloc, alloc_size(1)));

/* p from heap_alloc(), or NULL. Anything else is a bug of the caller and ends the domain. */
void heap_free(void *p);

#endif
