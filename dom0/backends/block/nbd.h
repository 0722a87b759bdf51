/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_BLOCK_NBD_H
#define HOSPES_BLOCK_NBD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/uio.h>

#include "dom0/backends/common/loop.h"

/*
 * The part of the NBD protocol that moves data (simple replies): requests out, replies in, over a socket
 * whose handshake has been made. It is this little that Debian's libnbd, which loads libxml2, ICU and GnuTLS
 * into whoever uses it, is not for a process that serves guests.
 */
enum nbd_type { NBD_READ = 0, NBD_WRITE = 1, NBD_FLUSH = 3, NBD_TRIM = 4 };

/* A request; the caller's until done(). */
struct nbd_request {
    enum nbd_type type;
    uint64_t offset;
    uint32_t bytes;
    struct iovec *iov; /* read, write: changed on the way */
    unsigned int niov;
    void (*done)(struct nbd_request *request, int error); /* an errno value */

    /* The connection's own. */
    TAILQ_ENTRY(nbd_request) link;
    uint64_t cookie;
    uint8_t header[28];
    unsigned int header_sent;
};

struct nbd_connection;

/*
 * Takes over the socket. lost() is called once when the other side is gone or talks nonsense: no request is
 * done() any more, and nbd_close() gives them back. NULL with errno; the socket is closed then too.
 */
struct nbd_connection *nbd_open(struct loop *loop, int fd, void (*lost)(void *arg), void *arg);

void nbd_send(struct nbd_connection *nbd, struct nbd_request *request);

/* Ends it. Requests that are not done go to `rest` in the order in which they were sent (NULL: there are
 * none). */
TAILQ_HEAD(nbd_requests, nbd_request);
void nbd_close(struct nbd_connection *nbd, struct nbd_requests *rest);

#endif
