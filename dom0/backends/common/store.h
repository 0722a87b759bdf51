/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_BACKEND_STORE_H
#define HOSPES_BACKEND_STORE_H

#include "dom0/backends/common/broker.h"
#include "dom0/backends/common/loop.h"
#include "xs/client/xs.h"

/*
 * A worker's connection to the store, which outlives the store's own daemon: when that ends, the connection
 * is made again as soon as there is a new one. Watches belong to a connection, so whoever uses this sets them
 * in `connected`, and looks there at all that may have changed meanwhile.
 */
struct store;

struct store_user {
    /* There is a (new) connection: set watches. */
    void (*connected)(void *arg, struct xsc *xs);
    /* An event; the strings are the callee's only during the call. */
    void (*event)(void *arg, const char *path, const char *token);
    /* All events that were there have been delivered. */
    void (*settled)(void *arg);
    void *arg;
};

/* With the worker's first connection. NULL after a log line. */
struct store *store_open(struct broker *broker);

/* From the loop's next round on, connected() is called, then event()s. The user must outlive the store. */
void store_start(struct store *store, const struct store_user *user);

/*
 * The connection; NULL while there is none. It may break in any call, which then fails with EIO; the store
 * notices by itself.
 */
struct xsc *store_xs(struct store *store);

/* NULL is allowed. */
void store_close(struct store *store);

#endif
