/* SPDX-License-Identifier: MIT */
/* The connection below the client's requests: messages in and out, queue of watch events. */
#ifndef XS_CLIENT_CONN_H
#define XS_CLIENT_CONN_H

#include <errno.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>
#include <xen/io/xs_wire.h>

#include "xs/client/xs.h"

struct xsc_queued {
    STAILQ_ENTRY(xsc_queued) link;
    size_t len;
    char body[]; /* as it came: path NUL token NUL, checked */
};

struct xsc {
    int fd;       /* the server */
    int pending;  /* eventfd: readable while the queue is not empty */
    int poll;     /* epoll of both: what the caller polls */
    bool stream;  /* a socket: it takes any number of messages at once */
    bool broken;  /* the byte stream is lost */
    uint32_t req; /* id of the last request */
    STAILQ_HEAD(xsc_queue, xsc_queued) events;

    /* The message being received; body has room for the payload limit and a NUL. */
    struct xsd_sockmsg hdr;
    size_t have; /* bytes of header and body so far */
    char body[XENSTORE_PAYLOAD_MAX + 1];
};

/* One piece of a request's payload. */
struct xsc_piece {
    const void *data;
    size_t len;
};

/*
 * Sends a request and waits for its reply. Returns the payload, which is in xs->body until the next call and
 * has a NUL behind it; NULL with errno, also for an error reply.
 */
const char *xsc_request(struct xsc *xs, uint32_t type, xsc_tx_t tx, const struct xsc_piece *pieces, int count,
                        size_t *len);

/*
 * Sends several requests at once and then takes their replies. `bytes` are messages, of which the last byte
 * of the i-th is before ends[i]; their req_id is filled in here. fn is called for each in order, with an
 * errno value and NULL, or with 0 and the payload, which has a NUL behind it and is valid until fn returns;
 * fn must not use the connection. -1 with errno EIO when the connection is lost: then fn may have been called
 * for some.
 *
 * All replies to earlier requests have been taken, so the server has read those: bytes of up to
 * XSC_EXCHANGE_MAX always have room on the way, and neither side waits for the other one to read.
 */
#define XSC_EXCHANGE_MAX 16384

typedef void xsc_answered(void *arg, unsigned int index, int error, const char *body, size_t len);

int xsc_exchange(struct xsc *xs, char *bytes, const size_t *ends, unsigned int count, xsc_answered *fn,
                 void *arg);

/*
 * Receives what is there, at most one whole message, and queues it if it is an event. 1: an event was queued.
 * 0: nothing (no whole message within timeout_ms). -1 with errno.
 */
int xsc_receive_event(struct xsc *xs, int timeout_ms);

/* Permissions as the wire has them: their length, or -1 with E2BIG. */
ssize_t xsc_format_perms(char *text, size_t size, const struct xsc_perm *perms, size_t count);

/* Takes the first event out of the queue, or NULL. */
struct xsc_queued *xsc_dequeue(struct xsc *xs);

/* Makes the pending descriptor say whether the queue is empty. */
void xsc_update_pending(struct xsc *xs);

#endif
