/* SPDX-License-Identifier: MIT */
/*
 * Connecting, sending, receiving. The descriptor is non-blocking; whoever waits does it in poll(), so that a
 * message that came only in part never blocks a caller who asked not to wait.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "xs/client/conn.h"

/* ---- connecting ---- */

static int open_socket(const char *path)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int fd;

    if (strlen(path) >= sizeof(addr.sun_path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(addr.sun_path, path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)) || fcntl(fd, F_SETFL, O_NONBLOCK)) {
        int saved = errno;

        close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

static int open_path(const char *path)
{
    struct stat st;

    if (stat(path, &st))
        return -1;
    if (S_ISSOCK(st.st_mode))
        return open_socket(path);
    return open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
}

static int open_default(void)
{
    const char *path = getenv("XENSTORED_PATH"), *rundir = getenv("XENSTORED_RUNDIR");
    char buf[sizeof(((struct sockaddr_un *)0)->sun_path)];
    static const char *const places[] = {"/run/xenstored/socket", "/dev/xen/xenbus", "/proc/xen/xenbus"};
    int fd = -1, first_errno = 0;

    if (path)
        return open_path(path);
    if (rundir) {
        if ((size_t)snprintf(buf, sizeof(buf), "%s/socket", rundir) >= sizeof(buf)) {
            errno = ENAMETOOLONG;
            return -1;
        }
        return open_path(buf);
    }
    for (size_t i = 0; fd < 0 && i < sizeof(places) / sizeof(places[0]); i++) {
        fd = open_path(places[i]);
        if (fd < 0 && (first_errno == 0 || first_errno == ENOENT))
            first_errno = errno;
    }
    if (fd < 0)
        errno = first_errno;
    return fd;
}

static int poll_on(int epoll, int fd)
{
    struct epoll_event ev = {.events = EPOLLIN, .data.fd = fd};

    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &ev);
}

int xsc_connect(const char *path)
{
    return path ? open_path(path) : open_default();
}

struct xsc *xsc_adopt(int fd)
{
    struct xsc *xs = calloc(1, sizeof(*xs));
    socklen_t type_len = sizeof(int);
    int saved, type;

    if (!xs) {
        close(fd);
        return NULL;
    }
    STAILQ_INIT(&xs->events);
    xs->poll = -1;
    xs->fd = fd;
    xs->stream = getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &type_len) == 0;
    xs->pending = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (xs->pending >= 0)
        xs->poll = epoll_create1(EPOLL_CLOEXEC);
    if (xs->poll >= 0 && poll_on(xs->poll, xs->fd) == 0 && poll_on(xs->poll, xs->pending) == 0)
        return xs;
    saved = errno;
    xsc_close(xs);
    errno = saved;
    return NULL;
}

struct xsc *xsc_open(const char *path)
{
    int fd = xsc_connect(path);

    return fd >= 0 ? xsc_adopt(fd) : NULL;
}

void xsc_close(struct xsc *xs)
{
    struct xsc_queued *q;

    if (!xs)
        return;
    while ((q = STAILQ_FIRST(&xs->events))) {
        STAILQ_REMOVE_HEAD(&xs->events, link);
        free(q);
    }
    if (xs->poll >= 0)
        close(xs->poll);
    if (xs->pending >= 0)
        close(xs->pending);
    if (xs->fd >= 0)
        close(xs->fd);
    free(xs);
}

int xsc_fd(const struct xsc *xs)
{
    return xs->poll;
}

/* ---- bytes ---- */

static int broken(struct xsc *xs)
{
    xs->broken = true;
    errno = EIO;
    return -1;
}

/* 1 when ready, 0 at the end of the time, -1 with errno. */
static int wait_for(struct xsc *xs, short what, int timeout_ms)
{
    struct pollfd p = {.fd = xs->fd, .events = what};

    return poll(&p, 1, timeout_ms);
}

static int send_all(struct xsc *xs, struct iovec *v, int count)
{
    while (count) {
        ssize_t n = writev(xs->fd, v, count);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN && (wait_for(xs, POLLOUT, -1) >= 0 || errno == EINTR))
            continue;
        if (n < 0)
            return broken(xs);
        while (count && (size_t)n >= v->iov_len) {
            n -= (ssize_t)v->iov_len;
            v++;
            count--;
        }
        if (count) {
            v->iov_base = (char *)v->iov_base + n;
            v->iov_len -= (size_t)n;
        }
    }
    return 0;
}

/*
 * Receives until the message at hand is whole: 1. Without anything to receive: 0. A message that is half here
 * when the time is over stays, and goes on with the next call.
 */
static int receive(struct xsc *xs, int timeout_ms)
{
    for (;;) {
        size_t want = sizeof(xs->hdr);
        char *to = (char *)&xs->hdr + xs->have;
        ssize_t n;

        if (xs->have >= sizeof(xs->hdr)) {
            if (xs->hdr.len > XENSTORE_PAYLOAD_MAX)
                return broken(xs);
            want += xs->hdr.len;
            to = xs->body + (xs->have - sizeof(xs->hdr));
        }
        if (xs->have == want) {
            xs->body[xs->hdr.len] = '\0';
            return 1;
        }
        n = read(xs->fd, to, want - xs->have);
        if (n > 0) {
            xs->have += (size_t)n;
            continue;
        }
        if (n == 0)
            return broken(xs);
        if (errno == EINTR)
            continue;
        if (errno != EAGAIN)
            return broken(xs);
        n = wait_for(xs, POLLIN, timeout_ms);
        if (n <= 0)
            return (int)n;
    }
}

/* ---- events ---- */

void xsc_update_pending(struct xsc *xs)
{
    uint64_t one = 1;
    ssize_t r;

    if (STAILQ_EMPTY(&xs->events))
        r = read(xs->pending, &one, sizeof(one));
    else
        r = write(xs->pending, &one, sizeof(one));
    (void)r; /* EAGAIN either way means that it already is as it should be */
}

/* Queues the message at hand, an event: two strings. */
static int enqueue(struct xsc *xs)
{
    size_t len = xs->hdr.len, path_len = strlen(xs->body);
    struct xsc_queued *q;
    bool was_empty = STAILQ_EMPTY(&xs->events);

    xs->have = 0;
    if (path_len + 1 >= len || xs->body[len - 1] != '\0')
        return broken(xs);
    q = malloc(sizeof(*q) + len);
    if (!q)
        return broken(xs);
    q->len = len;
    memcpy(q->body, xs->body, len);
    STAILQ_INSERT_TAIL(&xs->events, q, link);
    if (was_empty)
        xsc_update_pending(xs);
    return 0;
}

struct xsc_queued *xsc_dequeue(struct xsc *xs)
{
    struct xsc_queued *q = STAILQ_FIRST(&xs->events);

    if (q) {
        STAILQ_REMOVE_HEAD(&xs->events, link);
        if (STAILQ_EMPTY(&xs->events))
            xsc_update_pending(xs);
    }
    return q;
}

int xsc_receive_event(struct xsc *xs, int timeout_ms)
{
    int rc;

    if (xs->broken)
        return broken(xs);
    rc = receive(xs, timeout_ms);
    if (rc <= 0)
        return rc;
    if (xs->hdr.type != XS_WATCH_EVENT)
        return broken(xs);
    return enqueue(xs) ? -1 : 1;
}

/* ---- requests ---- */

static int error_number(const char *name)
{
    for (size_t i = 0; i < sizeof(xsd_errors) / sizeof(xsd_errors[0]); i++)
        if (strcmp(xsd_errors[i].errstring, name) == 0)
            return xsd_errors[i].errnum;
    return EINVAL;
}

#define MAX_PIECES 3

static int send_request(struct xsc *xs, uint32_t type, xsc_tx_t tx, const struct xsc_piece *pieces, int count)
{
    struct xsd_sockmsg hdr = {.type = type, .req_id = ++xs->req, .tx_id = tx};
    struct iovec v[MAX_PIECES + 1] = {{.iov_base = &hdr, .iov_len = sizeof(hdr)}};
    int used = 1;

    for (int i = 0; i < count; i++) {
        if (pieces[i].len > XENSTORE_PAYLOAD_MAX - hdr.len) {
            errno = E2BIG;
            return -1;
        }
        hdr.len += (uint32_t)pieces[i].len;
        if (pieces[i].len)
            v[used++] = (struct iovec){(void *)(uintptr_t)pieces[i].data, pieces[i].len};
    }
    return send_all(xs, v, used);
}

/* Waits for the reply to one request: its payload, or NULL with errno. */
static const char *reply_to(struct xsc *xs, uint32_t type, uint32_t req_id, size_t *len)
{
    int rc;

    do
        rc = receive(xs, -1);
    while (rc == 0 || (rc < 0 && !xs->broken && errno == EINTR) ||
           (rc == 1 && xs->hdr.type == XS_WATCH_EVENT && enqueue(xs) == 0));
    if (rc < 0 || xs->broken) {
        broken(xs);
        return NULL;
    }
    xs->have = 0;
    if (xs->hdr.req_id != req_id || (xs->hdr.type != type && xs->hdr.type != XS_ERROR)) {
        broken(xs);
        return NULL;
    }
    if (xs->hdr.type == XS_ERROR) {
        errno = error_number(xs->body);
        return NULL;
    }
    if (len)
        *len = xs->hdr.len;
    return xs->body;
}

const char *xsc_request(struct xsc *xs, uint32_t type, xsc_tx_t tx, const struct xsc_piece *pieces, int count,
                        size_t *len)
{
    if (xs->broken) {
        errno = EIO;
        return NULL;
    }
    if (send_request(xs, type, tx, pieces, count))
        return NULL;
    return reply_to(xs, type, xs->req, len);
}

static int send_bytes(struct xsc *xs, char *bytes, size_t len)
{
    struct iovec v = {bytes, len};

    return send_all(xs, &v, 1);
}

int xsc_exchange(struct xsc *xs, char *bytes, const size_t *ends, unsigned int count, xsc_answered *fn,
                 void *arg)
{
    uint32_t first = xs->req + 1;

    if (xs->broken)
        return broken(xs);
    for (unsigned int i = 0; i < count; i++) {
        struct xsd_sockmsg hdr;
        char *at = bytes + (i ? ends[i - 1] : 0);

        memcpy(&hdr, at, sizeof(hdr));
        hdr.req_id = ++xs->req;
        memcpy(at, &hdr, sizeof(hdr));
    }
    if (xs->stream && count > 0 && send_bytes(xs, bytes, ends[count - 1]))
        return -1;
    for (unsigned int i = 0; i < count; i++) {
        size_t start = i ? ends[i - 1] : 0, len = 0;
        struct xsd_sockmsg hdr;
        const char *body;

        memcpy(&hdr, bytes + start, sizeof(hdr));
        /* The kernel's device takes one message with each write. */
        if (!xs->stream && send_bytes(xs, bytes + start, ends[i] - start))
            return -1;
        body = reply_to(xs, hdr.type, first + i, &len);
        if (xs->broken)
            return broken(xs);
        fn(arg, i, body ? 0 : errno, body, len);
    }
    return 0;
}
