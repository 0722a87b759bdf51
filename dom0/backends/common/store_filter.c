/* SPDX-License-Identifier: MIT */
#include "dom0/backends/common/store_filter.h"

#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xen/io/xs_wire.h>

#define MESSAGE_ROOM (sizeof(struct xsd_sockmsg) + XENSTORE_PAYLOAD_MAX)

/* One direction: what was read, of it whole messages that may pass, of these what was passed on. */
struct channel {
    size_t have, whole, sent;
    bool dry; /* the last read took all there was */
    char bytes[4 * MESSAGE_ROOM];
};

struct refusal {
    struct xsd_sockmsg header;
    char text[sizeof("EACCES")];
};

#define REFUSAL_BYTES (offsetof(struct refusal, text) + sizeof("EACCES"))

struct store_filter {
    const char *const *writable;
    int store, worker; /* -1: lost */
    struct loop_handle *store_handle, *worker_handle;
    bool many_at_once; /* the store is a socket; the kernel's device takes one message with each write */
    unsigned int unanswered; /* requests that passed and are not answered */
    bool refusing;
    struct refusal refusal;
    size_t refusal_sent;
    struct channel up, down;
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

/* True if something came. */
static bool fill(struct store_filter *f, struct channel *c, int fd)
{
    size_t room = sizeof(c->bytes) - c->have;
    ssize_t n;

    if (c->dry)
        return false;
    n = read(fd, c->bytes + c->have, room);
    if (n <= 0) {
        c->dry = true;
        if (n == 0 || (errno != EAGAIN && errno != EINTR))
            lose(f);
        return false;
    }
    c->dry = (size_t)n < room;
    c->have += (size_t)n;
    return true;
}

/* Sockets and the kernel's device alike, so nothing in here is for sockets alone; SIGPIPE is ignored. */
static bool write_some(struct store_filter *f, int fd, const void *bytes, size_t len, size_t *sent)
{
    ssize_t n = write(fd, (const char *)bytes + *sent, len - *sent);

    if (n < 0) {
        if (errno != EAGAIN && errno != EINTR)
            lose(f);
        return false;
    }
    *sent += (size_t)n;
    return true;
}

/* Length of the message at the end of the whole ones; 0 if it is not there yet, or the connection is lost. */
static size_t next_message(struct store_filter *f, const struct channel *c, struct xsd_sockmsg *header)
{
    size_t left = c->have - c->whole;

    if (left < sizeof(*header))
        return 0;
    memcpy(header, c->bytes + c->whole, sizeof(*header));
    if (header->len > XENSTORE_PAYLOAD_MAX) {
        lose(f);
        return 0;
    }
    return left < sizeof(*header) + header->len ? 0 : sizeof(*header) + header->len;
}

static void refuse(struct store_filter *f, const struct xsd_sockmsg *header)
{
    f->refusal = (struct refusal){*header, "EACCES"};
    f->refusal.header.type = XS_ERROR;
    f->refusal.header.len = sizeof(f->refusal.text);
    f->refusal_sent = 0;
    f->refusing = true;
}

/* A worker's next request waits until the last one was refused. */
static void judge(struct store_filter *f)
{
    struct channel *c = &f->up;
    struct xsd_sockmsg header;
    size_t len;

    while (!f->refusing && (len = next_message(f, c, &header))) {
        if (store_filter_allows(f->writable, header.type, c->bytes + c->whole + sizeof(header), header.len)) {
            c->whole += len;
            f->unanswered++;
            if (!f->many_at_once)
                return;
        } else {
            refuse(f, &header);
            c->have -= len;
            memmove(c->bytes + c->whole, c->bytes + c->whole + len, c->have - c->whole);
        }
    }
}

static void count_answers(struct store_filter *f)
{
    struct xsd_sockmsg header;
    size_t len;

    while ((len = next_message(f, &f->down, &header))) {
        f->down.whole += len;
        if (header.type != XS_WATCH_EVENT && f->unanswered > 0)
            f->unanswered--;
    }
}

static bool has_to_send(const struct channel *c)
{
    return c->sent < c->whole;
}

static bool pass_on(struct store_filter *f, struct channel *c, int fd)
{
    if (!write_some(f, fd, c->bytes, c->whole, &c->sent))
        return false;
    if (c->sent == c->whole) {
        c->have -= c->whole;
        memmove(c->bytes, c->bytes + c->whole, c->have);
        c->whole = c->sent = 0;
    }
    return true;
}

/* True if a step was made. */
static bool step_up(struct store_filter *f)
{
    if (has_to_send(&f->up))
        return pass_on(f, &f->up, f->store);
    if (f->refusing)
        return false;
    judge(f);
    if (f->worker < 0 || has_to_send(&f->up) || f->refusing)
        return f->worker >= 0;
    return fill(f, &f->up, f->worker);
}

/* Answers come in the order of the requests: a refusal waits for what was asked before it. */
static bool may_refuse(const struct store_filter *f)
{
    return f->refusing && f->unanswered == 0;
}

/* Whole messages, so a refusal comes between two. */
static bool step_down(struct store_filter *f)
{
    if (has_to_send(&f->down))
        return pass_on(f, &f->down, f->worker);
    if (may_refuse(f)) {
        if (!write_some(f, f->worker, &f->refusal, REFUSAL_BYTES, &f->refusal_sent))
            return false;
        f->refusing = f->refusal_sent < REFUSAL_BYTES;
        return true;
    }
    if (!fill(f, &f->down, f->store))
        return false;
    count_answers(f);
    return f->store >= 0;
}

static void move(struct store_filter *f)
{
    bool refused;

    /* What follows a refused request was read together with it. */
    do {
        while (f->worker >= 0 && step_up(f))
            ;
        refused = f->refusing;
        while (f->worker >= 0 && step_down(f))
            ;
    } while (f->worker >= 0 && refused && !f->refusing);
    if (f->worker < 0)
        return;
    loop_set_events(f->worker_handle, (has_to_send(&f->up) || f->refusing ? 0 : EPOLLIN) |
                                          (has_to_send(&f->down) || may_refuse(f) ? EPOLLOUT : 0));
    loop_set_events(f->store_handle,
                    (has_to_send(&f->up) ? EPOLLOUT : 0) | (has_to_send(&f->down) ? 0 : EPOLLIN));
}

static void on_worker(void *arg, uint32_t events)
{
    struct store_filter *f = arg;

    (void)events;
    f->up.dry = false;
    move(f);
}

static void on_store(void *arg, uint32_t events)
{
    struct store_filter *f = arg;

    (void)events;
    f->down.dry = false;
    move(f);
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
    struct stat st;

    if (!f || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair) != 0) {
        saved = f ? errno : saved;
        free(f);
        close(store);
        errno = saved;
        return NULL;
    }
    f->writable = writable;
    f->store = store;
    f->worker = pair[0];
    f->many_at_once = fstat(store, &st) == 0 && S_ISSOCK(st.st_mode);
    *worker = pair[1];
    f->worker_handle = loop_add(loop, f->worker, EPOLLIN, on_worker, f);
    f->store_handle = loop_add(loop, f->store, EPOLLIN, on_store, f);
    if (f->worker_handle && f->store_handle && fcntl(store, F_SETFL, O_RDWR | O_NONBLOCK) == 0)
        return f;
    saved = errno;
    close(pair[1]);
    store_filter_free(f);
    errno = saved;
    return NULL;
}
