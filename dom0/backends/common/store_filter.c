/* SPDX-License-Identifier: MIT */
#include "dom0/backends/common/store_filter.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <xen/io/xs_wire.h>

/* One message on its way: first it is collected, then, when it is whole, sent. */
struct message {
    size_t have, sent;
    bool whole;
    struct xsd_sockmsg header;
    char body[XENSTORE_PAYLOAD_MAX];
};

_Static_assert(offsetof(struct message, body) ==
                   offsetof(struct message, header) + sizeof(struct xsd_sockmsg),
               "header and body are sent as one");

struct store_filter {
    const char *const *writable;
    int store, worker; /* -1: lost */
    struct loop_handle *store_handle, *worker_handle;
    struct message up, down, refusal;
};

/* ---- the rule ---- */

static bool may_change(const char *const *writable, const char *payload, size_t len)
{
    if (len == 0 || !memchr(payload, '\0', len) || payload[0] != '/')
        return false;
    for (; writable && *writable; writable++)
        if (fnmatch(*writable, payload, FNM_PATHNAME | FNM_PERIOD) == 0)
            return true;
    return false;
}

bool store_filter_allows(const char *const *writable, uint32_t type, const char *payload, size_t len)
{
    switch (type) {
    case XS_READ:
    case XS_DIRECTORY:
    case XS_DIRECTORY_PART:
    case XS_GET_PERMS:
    case XS_WATCH:
    case XS_UNWATCH:
    case XS_TRANSACTION_START:
    case XS_TRANSACTION_END:
    case XS_IS_DOMAIN_INTRODUCED:
    case XS_GET_DOMAIN_PATH:
        return true;
    case XS_WRITE:
    case XS_MKDIR:
    case XS_RM:
        return may_change(writable, payload, len);
    default:
        return false;
    }
}

/* ---- bytes ---- */

/* Both sides see an end, as either would of the other. */
static void lose(struct store_filter *f)
{
    loop_remove(f->store_handle);
    loop_remove(f->worker_handle);
    f->store_handle = f->worker_handle = NULL;
    if (f->store >= 0)
        close(f->store);
    if (f->worker >= 0)
        close(f->worker);
    f->store = f->worker = -1;
}

/* True if a step was made. */
static bool collect(struct store_filter *f, struct message *m, int fd)
{
    size_t want = sizeof(m->header) + (m->have < sizeof(m->header) ? 0 : m->header.len);
    ssize_t n = read(fd, (char *)&m->header + m->have, want - m->have);

    if (n <= 0) {
        if (n == 0 || (errno != EAGAIN && errno != EINTR))
            lose(f);
        return false;
    }
    m->have += (size_t)n;
    if (m->have < sizeof(m->header))
        return true;
    if (m->header.len > sizeof(m->body)) {
        lose(f);
        return false;
    }
    m->whole = m->have == sizeof(m->header) + m->header.len;
    return true;
}

/* Sockets and the kernel's device alike, so nothing in here is for sockets alone; SIGPIPE is ignored. */
static bool pass_on(struct store_filter *f, struct message *m, int fd)
{
    ssize_t n = write(fd, (char *)&m->header + m->sent, m->have - m->sent);

    if (n < 0) {
        if (errno != EAGAIN && errno != EINTR)
            lose(f);
        return false;
    }
    m->sent += (size_t)n;
    if (m->sent == m->have)
        m->have = m->sent = m->whole = 0;
    return true;
}

static void judge(struct store_filter *f)
{
    static const char text[] = "EACCES";
    struct message *m = &f->up;

    if (store_filter_allows(f->writable, m->header.type, m->body, m->header.len))
        return;
    f->refusal.header = m->header;
    f->refusal.header.type = XS_ERROR;
    f->refusal.header.len = sizeof(text);
    memcpy(f->refusal.body, text, sizeof(text));
    f->refusal.have = sizeof(m->header) + sizeof(text);
    f->refusal.sent = 0;
    f->refusal.whole = true;
    m->have = 0;
    m->whole = false;
}

/* A worker's next request waits until the last one was refused. */
static bool step_up(struct store_filter *f)
{
    bool moved;

    if (f->up.whole)
        return pass_on(f, &f->up, f->store);
    if (f->refusal.whole)
        return false;
    moved = collect(f, &f->up, f->worker);
    if (f->up.whole)
        judge(f);
    return moved;
}

/* Whole messages, so a refusal comes between two. */
static bool step_down(struct store_filter *f)
{
    if (f->down.whole)
        return pass_on(f, &f->down, f->worker);
    if (f->refusal.whole)
        return pass_on(f, &f->refusal, f->worker);
    return collect(f, &f->down, f->store);
}

static void on_ready(void *arg, uint32_t events)
{
    struct store_filter *f = arg;

    (void)events;
    while (f->worker >= 0 && step_up(f))
        ;
    while (f->worker >= 0 && step_down(f))
        ;
    if (f->worker < 0)
        return;
    loop_set_events(f->worker_handle, (f->up.whole || f->refusal.whole ? 0 : EPOLLIN) |
                                          (f->down.whole || f->refusal.whole ? EPOLLOUT : 0));
    loop_set_events(f->store_handle, (f->up.whole ? EPOLLOUT : 0) | (f->down.whole ? 0 : EPOLLIN));
}

/* ---- life ---- */

void store_filter_free(struct store_filter *filter)
{
    if (!filter)
        return;
    lose(filter);
    free(filter);
}

struct store_filter *store_filter_new(struct loop *loop, int store, const char *const *writable, int *worker)
{
    struct store_filter *f = calloc(1, sizeof(*f));
    int pair[2], saved = ENOMEM;

    if (!f || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) {
        saved = f ? errno : saved;
        free(f);
        close(store);
        errno = saved;
        return NULL;
    }
    *f = (struct store_filter){.writable = writable, .store = store, .worker = pair[0]};
    *worker = pair[1];
    f->worker_handle = loop_add(loop, f->worker, EPOLLIN, on_ready, f);
    f->store_handle = loop_add(loop, f->store, EPOLLIN, on_ready, f);
    if (f->worker_handle && f->store_handle && fcntl(store, F_SETFL, O_RDWR | O_NONBLOCK) == 0)
        return f;
    saved = errno;
    close(pair[1]);
    store_filter_free(f);
    errno = saved;
    return NULL;
}
