/* SPDX-License-Identifier: MIT */
/* The Unix socket for processes of dom0. Who may connect is decided by the socket's mode: all are dom0. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "xs/daemon/log.h"
#include "xs/daemon/sock.h"

/* Bytes that a process may leave untaken before it loses its connection. */
#define SOCK_OUT_LIMIT (16 * 1024 * 1024)

struct sock {
    struct conn conn; /* first: a sock is a conn */
    struct source src;
    uint32_t events;
};

static struct sock *sock_of(struct conn *c)
{
    return (struct sock *)(void *)c;
}

static struct source listen_source;

/* ---- one connection ---- */

static ssize_t sock_read(struct conn *c, void *to, size_t len)
{
    ssize_t n = recv(sock_of(c)->src.fd, to, len, 0);

    if (n == 0)
        return -EPIPE;
    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    return n;
}

static ssize_t sock_write(struct conn *c, const void *from, size_t len)
{
    ssize_t n = send(sock_of(c)->src.fd, from, len, MSG_NOSIGNAL);

    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    return n;
}

static void sock_settle(struct conn *c, bool want_input, bool want_room)
{
    struct sock *s = sock_of(c);
    uint32_t events = (want_input ? EPOLLIN : 0) | (want_room ? EPOLLOUT : 0);

    if (events != s->events && server_change_source(c->srv, &s->src, events) == 0)
        s->events = events;
}

static void sock_fail(struct conn *c, int reason)
{
    if (reason == -ENOBUFS)
        log_error("%s: closed: it does not take its messages, %zu bytes wait", c->name, c->out_bytes);
    else if (reason != -EPIPE && reason != -ECONNRESET)
        log_error("%s: closed: %s", c->name, strerror(-reason));
}

static void sock_free(struct conn *c)
{
    struct sock *s = sock_of(c);
    struct server *srv = c->srv;

    log_trace("%s: gone", c->name);
    server_remove_source(srv, &s->src);
    close(s->src.fd);
    conn_fini(c);
    free(s);
    srv->nr_sockets--;
    if (!srv->listening && srv->listener >= 0)
        srv->listening = server_add_source(srv, &listen_source, EPOLLIN) == 0;
}

static const struct conn_ops sock_ops = {
    .read = sock_read,
    .write = sock_write,
    .settle = sock_settle,
    .fail = sock_fail,
    .reap = sock_free,
};

static void sock_ready(struct server *srv, struct source *src, uint32_t events)
{
    struct sock *s = (struct sock *)(void *)((char *)src - offsetof(struct sock, src));

    (void)srv;
    /* A hang-up cannot be masked: while input is paused nothing else would end this connection. */
    if ((events & (EPOLLHUP | EPOLLERR)) && !(s->events & EPOLLIN))
        conn_fail(&s->conn, -EPIPE);
    conn_ready(&s->conn);
}

/* The process that connected; it may have passed the connection on since. */
static int peer_pid(int fd)
{
    struct ucred cred;
    socklen_t len = sizeof(cred);

    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) ? 0 : (int)cred.pid;
}

static int sock_new(struct server *srv, int fd)
{
    struct sock *s = malloc(sizeof(*s));

    if (!s)
        return -1;
    s->src = (struct source){.fd = fd, .ready = sock_ready};
    s->events = EPOLLIN;
    if (server_add_source(srv, &s->src, s->events)) {
        free(s);
        return -1;
    }
    conn_init(&s->conn, srv, &sock_ops, 0, SOCK_OUT_LIMIT);
    snprintf(s->conn.name, sizeof(s->conn.name), "socket %d of process %d", fd, peer_pid(fd));
    srv->nr_sockets++;
    log_trace("%s: connected", s->conn.name);
    return 0;
}

/* ---- listening ---- */

static void listener_ready(struct server *srv, struct source *src, uint32_t events)
{
    int fd = accept4(src->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    (void)events;
    if (fd >= 0) {
        if (sock_new(srv, fd) == 0)
            return;
        close(fd);
    } else if (errno != EMFILE && errno != ENFILE && errno != ENOMEM && errno != ENOBUFS) {
        return;
    }
    /* Out of descriptors or memory: those who wait stay in the kernel's queue until a connection ends. */
    log_error("socket: cannot accept a connection: %s; %u are open", strerror(errno), srv->nr_sockets);
    if (srv->nr_sockets) {
        server_remove_source(srv, src);
        srv->listening = false;
    }
}

/* Whether somebody answers at the address. */
static bool answered(const struct sockaddr_un *addr)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool yes;

    if (fd < 0)
        return true;
    yes = connect(fd, (const struct sockaddr *)addr, sizeof(*addr)) == 0 || errno == EAGAIN;
    close(fd);
    return yes;
}

static int make_parent(const char *path)
{
    char dir[sizeof(((struct sockaddr_un *)0)->sun_path)];
    char *slash;

    strcpy(dir, path);
    slash = strrchr(dir, '/');
    if (!slash || slash == dir)
        return 0;
    *slash = '\0';
    return mkdir(dir, 0755) && errno != EEXIST ? -1 : 0;
}

static int bind_private(int fd, const struct sockaddr_un *addr)
{
    mode_t old = umask(0177);
    int rc = bind(fd, (const struct sockaddr *)addr, sizeof(*addr));

    umask(old);
    return rc;
}

int sock_listen(struct server *srv, const char *path)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int fd, saved;

    if (strlen(path) >= sizeof(addr.sun_path)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    strcpy(addr.sun_path, path);
    if (make_parent(path))
        return -1;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -1;
    if (bind_private(fd, &addr)) {
        if (errno != EADDRINUSE)
            goto fail;
        if (answered(&addr)) {
            errno = EADDRINUSE;
            goto fail;
        }
        if (unlink(path) || bind_private(fd, &addr))
            goto fail;
    }
    listen_source = (struct source){.fd = fd, .ready = listener_ready};
    if (listen(fd, SOMAXCONN) || server_add_source(srv, &listen_source, EPOLLIN))
        goto fail;
    srv->listener = fd;
    srv->listening = true;
    return 0;
fail:
    saved = errno;
    close(fd);
    errno = saved;
    return -1;
}

void sock_close_all(struct server *srv)
{
    struct conn *c, *next;

    if (srv->listener >= 0)
        close(srv->listener);
    srv->listener = -1;
    for (c = TAILQ_FIRST(&srv->conns); c; c = next) {
        next = TAILQ_NEXT(c, link);
        if (c->ops == &sock_ops)
            sock_free(c);
    }
}
