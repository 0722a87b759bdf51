/* SPDX-License-Identifier: MIT */
#include "dom0/backends/block/nbd.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define REQUEST_MAGIC 0x25609513u
#define REPLY_MAGIC   0x67446698u
#define MAX_IOV       64

struct reply {
    uint32_t magic, error;
    uint64_t cookie;
} __attribute__((packed));

struct nbd_connection {
    struct loop *loop;
    int fd;
    struct loop_handle *handle;
    void (*lost)(void *arg);
    void *arg;
    bool is_lost;
    uint64_t next_cookie;
    struct nbd_requests unsent, sent; /* the first of unsent may be half on its way */

    struct reply reply;
    size_t reply_have;
    struct nbd_request *reading; /* whose data comes next */
};

static void on_ready(void *arg, uint32_t events);

struct nbd_connection *nbd_open(struct loop *loop, int fd, void (*lost)(void *arg), void *arg)
{
    struct nbd_connection *nbd = calloc(1, sizeof(*nbd));
    int error = ENOMEM;

    if (nbd) {
        *nbd = (struct nbd_connection){.loop = loop, .fd = fd, .lost = lost, .arg = arg};
        TAILQ_INIT(&nbd->unsent);
        TAILQ_INIT(&nbd->sent);
        if (fcntl(fd, F_SETFL, O_RDWR | O_NONBLOCK) == 0)
            nbd->handle = loop_add(loop, fd, EPOLLIN, on_ready, nbd);
        error = errno;
    }
    if (nbd && nbd->handle)
        return nbd;
    free(nbd);
    close(fd);
    errno = error;
    return NULL;
}

void nbd_close(struct nbd_connection *nbd, struct nbd_requests *rest)
{
    if (rest) {
        TAILQ_CONCAT(rest, &nbd->sent, link);
        TAILQ_CONCAT(rest, &nbd->unsent, link);
    }
    loop_remove(nbd->handle);
    close(nbd->fd);
    free(nbd);
}

static void lose(struct nbd_connection *nbd)
{
    if (nbd->is_lost)
        return;
    nbd->is_lost = true;
    loop_set_events(nbd->handle, 0);
    nbd->lost(nbd->arg);
}

/* Moves a vector past bytes that were transferred; how many bytes of it are left does not matter to anybody.
 */
static void advance(struct nbd_request *r, size_t bytes)
{
    while (r->niov > 0 && bytes >= r->iov->iov_len) {
        bytes -= r->iov->iov_len;
        r->iov++;
        r->niov--;
    }
    if (r->niov > 0) {
        r->iov->iov_base = (char *)r->iov->iov_base + bytes;
        r->iov->iov_len -= bytes;
    }
}

/* ---- out ---- */

static void put32(uint8_t *to, uint32_t value)
{
    value = htobe32(value);
    memcpy(to, &value, sizeof(value));
}

static void put64(uint8_t *to, uint64_t value)
{
    value = htobe64(value);
    memcpy(to, &value, sizeof(value));
}

static void make_header(struct nbd_connection *nbd, struct nbd_request *r)
{
    r->cookie = ++nbd->next_cookie;
    r->header_sent = 0;
    put32(r->header, REQUEST_MAGIC);
    put32(r->header + 4, r->type); /* no flags */
    put64(r->header + 8, r->cookie);
    put64(r->header + 16, r->offset);
    put32(r->header + 24, r->bytes);
}

/* One piece of a request. 1: it is sent; 0: not yet; -1: the connection is gone, or full with errno EAGAIN.
 */
static int send_piece(struct nbd_connection *nbd, struct nbd_request *r)
{
    struct iovec iov[MAX_IOV + 1];
    struct msghdr msg = {.msg_iov = iov};
    size_t n = 0;
    ssize_t sent;
    size_t header_left = sizeof(r->header) - r->header_sent;

    if (header_left > 0)
        iov[n++] = (struct iovec){r->header + r->header_sent, header_left};
    for (unsigned int i = 0; r->type == NBD_WRITE && i < r->niov && i < MAX_IOV; i++)
        iov[n++] = r->iov[i];
    msg.msg_iovlen = n;
    sent = sendmsg(nbd->fd, &msg, MSG_NOSIGNAL);
    if (sent < 0)
        return errno == EINTR ? 0 : -1;
    if ((size_t)sent < header_left) {
        r->header_sent += (unsigned int)sent;
        return 0;
    }
    r->header_sent = sizeof(r->header);
    if (r->type != NBD_WRITE)
        return 1;
    advance(r, (size_t)sent - header_left);
    return r->niov == 0;
}

static void send_some(struct nbd_connection *nbd)
{
    struct nbd_request *r;

    while ((r = TAILQ_FIRST(&nbd->unsent))) {
        int done = send_piece(nbd, r);

        if (done < 0) {
            if (errno != EAGAIN)
                lose(nbd);
            break;
        }
        if (done) {
            TAILQ_REMOVE(&nbd->unsent, r, link);
            TAILQ_INSERT_TAIL(&nbd->sent, r, link);
        }
    }
    if (!nbd->is_lost)
        loop_set_events(nbd->handle, EPOLLIN | (TAILQ_EMPTY(&nbd->unsent) ? 0 : EPOLLOUT));
}

void nbd_send(struct nbd_connection *nbd, struct nbd_request *request)
{
    bool idle = TAILQ_EMPTY(&nbd->unsent);

    make_header(nbd, request);
    TAILQ_INSERT_TAIL(&nbd->unsent, request, link);
    if (idle && !nbd->is_lost)
        send_some(nbd);
}

/* ---- in ---- */

static void finish(struct nbd_connection *nbd, struct nbd_request *r, int error)
{
    TAILQ_REMOVE(&nbd->sent, r, link);
    nbd->reading = NULL;
    nbd->reply_have = 0;
    r->done(r, error);
}

/* True: a whole reply's head is there, and the request that it answers is in *r. */
static bool read_head(struct nbd_connection *nbd, struct nbd_request **r)
{
    ssize_t got = read(nbd->fd, (char *)&nbd->reply + nbd->reply_have, sizeof(nbd->reply) - nbd->reply_have);

    if (got <= 0) {
        if (got == 0 || (errno != EAGAIN && errno != EINTR))
            lose(nbd);
        return false;
    }
    nbd->reply_have += (size_t)got;
    if (nbd->reply_have < sizeof(nbd->reply))
        return false;
    TAILQ_FOREACH (*r, &nbd->sent, link)
        if ((*r)->cookie == be64toh(nbd->reply.cookie))
            break;
    if (be32toh(nbd->reply.magic) != REPLY_MAGIC || !*r) {
        lose(nbd);
        return false;
    }
    return true;
}

/* False: no more for now. */
static bool read_data(struct nbd_connection *nbd)
{
    struct nbd_request *r = nbd->reading;
    ssize_t got = readv(nbd->fd, r->iov, (int)(r->niov < MAX_IOV ? r->niov : MAX_IOV));

    if (got <= 0) {
        if (got == 0 || (errno != EAGAIN && errno != EINTR))
            lose(nbd);
        return false;
    }
    advance(r, (size_t)got);
    if (r->niov == 0)
        finish(nbd, r, 0);
    return true;
}

static bool receive(struct nbd_connection *nbd)
{
    struct nbd_request *r;
    int error;

    if (nbd->reading)
        return read_data(nbd);
    if (!read_head(nbd, &r))
        return false;
    error = (int)be32toh(nbd->reply.error); /* the protocol's numbers are Linux's */
    if (r->type == NBD_READ && error == 0)
        nbd->reading = r;
    else
        finish(nbd, r, error);
    return true;
}

static void on_ready(void *arg, uint32_t events)
{
    struct nbd_connection *nbd = arg;
    bool more = true;

    /* done() may send more, and nothing in here closes the connection: lost() leaves that for later. */
    while (more && !nbd->is_lost && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
        more = receive(nbd);
    if (!nbd->is_lost)
        send_some(nbd);
}
