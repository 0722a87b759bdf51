/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_BACKEND_STORE_FILTER_H
#define HOSPES_BACKEND_STORE_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dom0/backends/common/loop.h"

/*
 * Stands, in the broker, between a worker and the store. dom0's connections may do anything there; a worker
 * may look at everything, and change only nodes that are on its daemon's list: else one that was taken over
 * could name itself another image, of which the broker then thinks that the toolstack wrote it.
 */
struct store_filter;

/*
 * writable: patterns (fnmatch, '*' stays inside one component) of absolute paths that may be written, made
 * and removed; NULL at the end, kept. store: a connection, taken over also on failure. *worker is the
 * worker's end, the caller's. NULL with errno.
 */
struct store_filter *store_filter_new(struct loop *loop, int store, const char *const *writable, int *worker);

/* NULL is allowed. */
void store_filter_free(struct store_filter *filter);

/* The rule itself: a request's type and payload. */
bool store_filter_allows(const char *const *writable, uint32_t type, const char *payload, size_t len);

#endif
