/* SPDX-License-Identifier: MIT */
#include "tests/host/backends/fake_store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "dom0/backends/common/broker_internal.h"
#include "dom0/backends/common/guest_ring.h"
#include "dom0/backends/common/xenbus_internal.h"
#include "xs/client/conn.h"
#include "xs/store/wire.h"

/* xs/client/conn.h's structure, and the store's side of it. */
struct connection {
    struct xsc xs;
    struct xs_client client;
    bool attached, daemon;
    struct connection *next;
};

static struct xs_store store;
static bool up;
static unsigned int requests;
static struct connection *connections;

bool fake_domain_lives = true;

/* ---- the store ---- */

void fake_store_begin(void)
{
    assert_int_equal(xs_store_init(&store), 0);
    up = true;
    fake_domain_lives = true;
}

void fake_store_end(void)
{
    assert_int_equal(xs_store_check(&store, stderr), 0);
    xs_store_fini(&store);
}

static void detach(struct connection *c)
{
    if (c->attached)
        xs_client_fini(&c->client);
    c->attached = false;
    c->xs.broken = true;
}

void fake_store_down(void)
{
    const uint64_t one = 1;

    up = false;
    for (struct connection *c = connections; c; c = c->next) {
        detach(c);
        /* A socket whose other side is gone is readable. */
        assert_int_equal(write(c->xs.pending, &one, sizeof(one)), sizeof(one));
    }
}

void fake_store_up(bool keep_contents)
{
    if (!keep_contents) {
        xs_store_fini(&store);
        assert_int_equal(xs_store_init(&store), 0);
    }
    up = true;
}

void fake_release_domain(unsigned int domid)
{
    assert_int_equal(xs_store_forget_domain(&store, domid), 0);
    xs_store_fire_special(&store, XS_RELEASE_DOMAIN, domid);
}

unsigned int fake_store_requests(void)
{
    unsigned int n = requests;

    requests = 0;
    return n;
}

unsigned int fake_store_watches(void)
{
    return store.nr_watches;
}

/* ---- connections: what conn.c does with a socket ---- */

static void take_event(void *ctx, const char *path, const char *token, struct xs_client *cause)
{
    struct connection *c = ctx;
    size_t path_len = strlen(path) + 1, token_len = strlen(token) + 1;
    struct xsc_queued *q = malloc(sizeof(*q) + path_len + token_len);

    (void)cause;
    assert_non_null(q);
    q->len = path_len + token_len;
    memcpy(q->body, path, path_len);
    memcpy(q->body + path_len, token, token_len);
    STAILQ_INSERT_TAIL(&c->xs.events, q, link);
    xsc_update_pending(&c->xs);
}

static void take_reply(void *ctx, const struct xsd_sockmsg *hdr, const void *body)
{
    struct connection *c = ctx;

    c->xs.hdr = *hdr;
    memcpy(c->xs.body, body, hdr->len);
    c->xs.body[hdr->len] = '\0';
}

struct xsc *fake_store_connect(unsigned int domid)
{
    struct connection *c = calloc(1, sizeof(*c));

    assert_non_null(c);
    STAILQ_INIT(&c->xs.events);
    c->xs.pending = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    assert_true(c->xs.pending >= 0);
    xs_client_init(&c->client, &store, domid, take_event, c);
    c->attached = true;
    c->next = connections;
    connections = c;
    return &c->xs;
}

struct xsc *xsc_adopt(int fd)
{
    struct connection *c = (struct connection *)fake_store_connect(0);

    close(fd);
    c->daemon = true;
    return &c->xs;
}

void xsc_close(struct xsc *xs)
{
    struct connection *c = (struct connection *)xs, **link = &connections;
    struct xsc_queued *q;

    if (!xs)
        return;
    while (*link != c)
        link = &(*link)->next;
    *link = c->next;
    detach(c);
    while ((q = STAILQ_FIRST(&xs->events))) {
        STAILQ_REMOVE_HEAD(&xs->events, link);
        free(q);
    }
    close(xs->pending);
    free(c);
}

int xsc_fd(const struct xsc *xs)
{
    return xs->pending;
}

void xsc_update_pending(struct xsc *xs)
{
    uint64_t one = 1;
    ssize_t r = STAILQ_EMPTY(&xs->events) ? read(xs->pending, &one, sizeof(one))
                                          : write(xs->pending, &one, sizeof(one));

    (void)r;
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
    (void)timeout_ms;
    errno = EIO;
    return xs->broken ? -1 : 0;
}

static int error_number(const char *name)
{
    for (size_t i = 0; i < sizeof(xsd_errors) / sizeof(xsd_errors[0]); i++)
        if (strcmp(xsd_errors[i].errstring, name) == 0)
            return xsd_errors[i].errnum;
    fail_msg("error \"%s\" is not in the protocol", name);
    return EINVAL;
}

/* One wait, so one request. */
int xsc_exchange(struct xsc *xs, char *bytes, const size_t *ends, unsigned int count, xsc_answered *fn,
                 void *arg)
{
    struct connection *c = (struct connection *)xs;

    requests += c->daemon && count > 0;
    if (xs->broken) {
        errno = EIO;
        return -1;
    }
    for (unsigned int i = 0; i < count; i++) {
        const char *at = bytes + (i ? ends[i - 1] : 0);
        struct xsd_sockmsg hdr;

        memcpy(&hdr, at, sizeof(hdr));
        assert_int_equal(at + sizeof(hdr) + hdr.len - bytes, ends[i]);
        hdr.req_id = ++xs->req;
        xs_wire_request(&c->client, NULL, &hdr, at + sizeof(hdr), take_reply);
        if (xs->hdr.type == XS_ERROR)
            fn(arg, i, error_number(xs->body), NULL, 0);
        else
            fn(arg, i, 0, xs->body, xs->hdr.len);
    }
    return 0;
}

const char *xsc_request(struct xsc *xs, uint32_t type, xsc_tx_t tx, const struct xsc_piece *pieces, int count,
                        size_t *len)
{
    struct connection *c = (struct connection *)xs;
    struct xsd_sockmsg hdr = {.type = type, .req_id = ++xs->req, .tx_id = tx};
    char payload[XENSTORE_PAYLOAD_MAX];

    requests += c->daemon;
    if (xs->broken) {
        errno = EIO;
        return NULL;
    }
    for (int i = 0; i < count; i++) {
        assert_true(hdr.len + pieces[i].len <= sizeof(payload));
        memcpy(payload + hdr.len, pieces[i].data, pieces[i].len);
        hdr.len += (uint32_t)pieces[i].len;
    }
    xs_wire_request(&c->client, NULL, &hdr, payload, take_reply);
    if (xs->hdr.type == XS_ERROR) {
        errno = error_number(xs->body);
        return NULL;
    }
    if (len)
        *len = xs->hdr.len;
    return xs->body;
}

/* ---- the rest of a worker ---- */

struct loop *broker_loop(struct broker *broker)
{
    return broker->loop;
}

int broker_call(struct broker *broker, uint32_t op, const void *req, size_t len, struct broker_reply *reply)
{
    (void)broker;
    (void)req;
    (void)len;
    if (op == BROKER_OP_LIVES)
        return fake_domain_lives ? 0 : ESRCH;
    assert_int_equal(op, BROKER_OP_STORE);
    reply->nfds = 0;
    if (!up)
        return ECONNREFUSED;
    reply->fds[reply->nfds++] = eventfd(0, EFD_CLOEXEC);
    return 0;
}

struct guest_access *guest_access_open(void)
{
    return (struct guest_access *)&store;
}

int guest_access_start(struct guest_access *access, struct loop *loop)
{
    (void)access;
    (void)loop;
    return 0;
}
