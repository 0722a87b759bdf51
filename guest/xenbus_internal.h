/* SPDX-License-Identifier: MIT */
#ifndef GUEST_XENBUS_INTERNAL_H
#define GUEST_XENBUS_INTERNAL_H

/* Between the files of the store's client. */

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xen/io/xs_wire.h>
#include "guest/xenbus.h"

/* A piece of a request's body. */
struct xenbus_part {
    const void *data;
    size_t len;
};

/* body has a NUL behind its last byte; it goes back with heap_free(). */
struct xenbus_answer {
    char *body;
    size_t len;
};

/*
 * Sends a request and waits for its answer: 0, or the error (answer->body is then NULL). answer may be NULL.
 * tx must be open on this connection, else -XEN_EAGAIN.
 */
int xenbus_request(uint32_t type, xenbus_tx_t tx, const struct xenbus_part *parts, unsigned n,
                   struct xenbus_answer *answer);

/* The path in memory of its own, for heap_free(); NULL and *rc negative on failure. */
char *xenbus_format(const char *fmt, va_list ap, int *rc) __attribute__((format(printf, 1, 0)));

/* From the thread that reads: an event of the store. Never waits. */
void xenbus_watch_event(const char *path, uint32_t token);

/* The store has forgotten all watches: the watches' thread sets them again. From any thread. */
void xenbus_watch_restore(void);

/* Once, from xenbus_init(). */
int xenbus_watch_start(void);

/*
 * Around a suspend (guest/suspend.c). xenbus_suspend() returns when no request is under way and lets none
 * begin; xenbus_resume() ends that, on a new ring unless the suspend was cancelled. Both do nothing without a
 * connection.
 */
void xenbus_suspend(void);
void xenbus_resume(bool cancelled);

#endif
