/* SPDX-License-Identifier: MIT */
/*
 * A connection: one client of the store behind a byte stream (a socket or a ring). It cuts the stream into
 * messages, has requests carried out one at a time, and keeps what the other side has not yet taken.
 *
 * Fairness: conn_work() does at most one request; the loop calls it for all connections that have work in
 * turn. Bounds: a connection whose output is not taken is not read any further; one whose domain has caused
 * too many events that others have not taken waits for them; a queue beyond its limit costs its owner the
 * connection.
 */
#ifndef XS_DAEMON_CONN_H
#define XS_DAEMON_CONN_H

#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "xs/store/wire.h"

struct conn;
struct server;

/* The byte stream below. */
struct conn_ops {
    /*
     * Bytes read or written; 0: nothing or no room now; negative errno: the stream is broken (-EPIPE: it
     * ended).
     */
    ssize_t (*read)(struct conn *c, void *to, size_t len);
    ssize_t (*write)(struct conn *c, const void *from, size_t len);

    /* Called after each piece of work: whether the connection waits for input, and for room for output. */
    void (*settle)(struct conn *c, bool want_input, bool want_room);

    /*
     * The connection breaks off for `reason` (negative errno); it may be in the middle of anything: only
     * tell.
     */
    void (*fail)(struct conn *c, int reason);

    /* The loop has come to a failed connection: free it, or let it go of all it holds. */
    void (*reap)(struct conn *c);
};

struct conn_msg {
    STAILQ_ENTRY(conn_msg) link;
    struct conn *cause; /* whose `outstanding` counts it, or NULL */
    size_t len;         /* of header and body */
    size_t sent;
    bool event;
    char bytes[];
};

struct conn {
    TAILQ_ENTRY(conn) link;
    TAILQ_ENTRY(conn) ready_link;
    bool ready; /* in the server's list of connections that have work */
    bool dead;  /* failed; ignored until it is reaped, or reset */
    struct server *srv;
    const struct conn_ops *ops;
    struct xs_client client;
    char name[48]; /* for logs */

    STAILQ_HEAD(conn_msgs, conn_msg) out;
    size_t out_bytes;
    size_t out_limit;
    unsigned int outstanding;
    int64_t progress_ms; /* when output last moved, or began to wait */
    bool blamed;         /* the log has said that it keeps domains waiting */

    size_t in_len;
    char in[sizeof(struct xsd_sockmsg) + XENSTORE_PAYLOAD_MAX];
};

/* Makes it a client of srv's store as `domid`; `out_limit` bounds the bytes that wait to be taken. */
void conn_init(struct conn *c, struct server *srv, const struct conn_ops *ops, unsigned int domid,
               size_t out_limit);

/* Ends it: watches, transactions, queued messages. */
void conn_fini(struct conn *c);

/* As new: like a conn_fini() and conn_init() that keeps its place and identity. */
void conn_reset(struct conn *c);

/* Has work: will be called in turn. */
void conn_ready(struct conn *c);

/* Moves output, carries out at most one request. True if it should be called again soon. */
bool conn_work(struct conn *c);

/* True while it may not be read because of events that others have not taken. */
bool conn_stalled(const struct conn *c);

/* True if it keeps another domain's event for longer than `ms`. */
bool conn_hoards(const struct conn *c, int64_t now_ms, int64_t ms);

/* Breaks it off for a reason (negative errno). */
void conn_fail(struct conn *c, int reason);

int64_t monotonic_ms(void);

#endif
