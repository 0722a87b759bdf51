/* SPDX-License-Identifier: MIT */
/* Messages in and out of a byte stream, one request at a time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "xs/daemon/log.h"
#include "xs/daemon/server.h"

/* A client that does not take its replies is not read beyond this. */
#define PAUSE_INPUT_BYTES (16 * 1024)

/* How much is written at once. */
#define WRITE_BYTES 8192

/* How many queued messages are looked at for an event of the same content. */
#define DUPLICATE_WINDOW 64

int64_t monotonic_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* ---- output ---- */

/* The connection that waited for this message may go on. */
static void release_cause(struct conn_msg *m)
{
    if (!m->cause)
        return;
    m->cause->outstanding--;
    conn_ready(m->cause);
    m->cause = NULL;
}

static void drop_first(struct conn *c)
{
    struct conn_msg *m = STAILQ_FIRST(&c->out);

    STAILQ_REMOVE_HEAD(&c->out, link);
    c->out_bytes -= m->len;
    release_cause(m);
    free(m);
}

static void enqueue(struct conn *c, const struct xsd_sockmsg *hdr, const void *a, size_t a_len, const void *b,
                    size_t b_len, struct conn *cause)
{
    struct conn_msg *m;

    if (c->dead)
        return;
    m = malloc(sizeof(*m) + sizeof(*hdr) + a_len + b_len);
    if (!m) {
        conn_fail(c, -ENOMEM);
        return;
    }
    *m = (struct conn_msg){
        .cause = cause,
        .len = sizeof(*hdr) + a_len + b_len,
        .event = hdr->type == XS_WATCH_EVENT,
    };
    memcpy(m->bytes, hdr, sizeof(*hdr));
    if (a_len)
        memcpy(m->bytes + sizeof(*hdr), a, a_len);
    if (b_len)
        memcpy(m->bytes + sizeof(*hdr) + a_len, b, b_len);
    if (STAILQ_EMPTY(&c->out))
        c->progress_ms = monotonic_ms();
    STAILQ_INSERT_TAIL(&c->out, m, link);
    c->out_bytes += m->len;
    if (cause)
        cause->outstanding++;
    if (c->out_bytes > c->out_limit)
        conn_fail(c, -ENOBUFS);
    else
        conn_ready(c);
}

static void take_reply(void *ctx, const struct xsd_sockmsg *hdr, const void *body)
{
    struct conn *c = ctx;

    log_trace("%s: out %s id %u tx %u \"%.*s\"", c->name, xs_wire_type_name(hdr->type), hdr->req_id,
              hdr->tx_id, (int)hdr->len, (const char *)body);
    enqueue(c, hdr, body, hdr->len, NULL, 0, NULL);
}

/* An event says that something changed: while one of the same content waits, it says that for both. */
static bool already_queued(const struct conn *c, const char *path, size_t path_len, const char *token,
                           size_t token_len)
{
    const struct conn_msg *m;
    int looked = 0;

    STAILQ_FOREACH (m, &c->out, link) {
        const char *body = m->bytes + sizeof(struct xsd_sockmsg);

        if (looked++ == DUPLICATE_WINDOW)
            break;
        if (m->event && m->sent == 0 && m->len == sizeof(struct xsd_sockmsg) + path_len + token_len &&
            memcmp(body, path, path_len) == 0 && memcmp(body + path_len, token, token_len) == 0)
            return true;
    }
    return false;
}

static void take_event(void *ctx, const char *path, const char *token, struct xs_client *cause)
{
    struct conn *c = ctx;
    size_t path_len = strlen(path) + 1, token_len = strlen(token) + 1;
    struct xsd_sockmsg hdr = {.type = XS_WATCH_EVENT, .len = (uint32_t)(path_len + token_len)};

    if (already_queued(c, path, path_len, token, token_len))
        return;
    log_trace("%s: event %s %s", c->name, path, token);
    enqueue(c, &hdr, path, path_len, token, token_len, cause ? cause->ctx : NULL);
}

/* The first messages, as far as they have room. */
static size_t gather(const struct conn *c, char *bytes, size_t room)
{
    const struct conn_msg *m;
    size_t len = 0;

    STAILQ_FOREACH (m, &c->out, link) {
        size_t left = m->len - m->sent, n = left < room - len ? left : room - len;

        memcpy(bytes + len, m->bytes + m->sent, n);
        len += n;
        if (n < left)
            break;
    }
    return len;
}

static void drop_sent(struct conn *c, size_t n)
{
    struct conn_msg *m;

    while (n > 0 && (m = STAILQ_FIRST(&c->out))) {
        size_t left = m->len - m->sent, part = n < left ? n : left;

        m->sent += part;
        n -= part;
        if (m->sent == m->len)
            drop_first(c);
    }
}

/* Many messages in one go: each write wakes the reader. */
static void flush(struct conn *c)
{
    char bytes[WRITE_BYTES];

    while (!c->dead && !STAILQ_EMPTY(&c->out)) {
        size_t len = gather(c, bytes, sizeof(bytes));
        ssize_t n = c->ops->write(c, bytes, len);

        if (n < 0)
            conn_fail(c, (int)n);
        if (n <= 0)
            return;
        c->progress_ms = monotonic_ms();
        c->blamed = false;
        drop_sent(c, (size_t)n);
    }
}

/* ---- input ---- */

bool conn_stalled(const struct conn *c)
{
    return xs_over_quota(&c->client, XS_QUOTA_OUTSTANDING, c->outstanding);
}

static bool may_read(const struct conn *c)
{
    return !c->dead && c->out_bytes < PAUSE_INPUT_BYTES && !conn_stalled(c);
}

/*
 * Length of the first message in the buffer, header included; 0 if it is not whole; negative if it is
 * impossible.
 */
static ssize_t whole_message(const struct conn *c)
{
    struct xsd_sockmsg hdr;

    if (c->in_len < sizeof(hdr))
        return 0;
    memcpy(&hdr, c->in, sizeof(hdr));
    if (hdr.len > XENSTORE_PAYLOAD_MAX)
        return -EMSGSIZE;
    return c->in_len >= sizeof(hdr) + hdr.len ? (ssize_t)(sizeof(hdr) + hdr.len) : 0;
}

static void carry_out(struct conn *c, size_t len)
{
    struct xsd_sockmsg hdr;

    memcpy(&hdr, c->in, sizeof(hdr));
    log_trace("%s: in %s id %u tx %u \"%.*s\"", c->name, xs_wire_type_name(hdr.type), hdr.req_id, hdr.tx_id,
              (int)hdr.len, c->in + sizeof(hdr));
    xs_wire_request(&c->client, &c->srv->host, &hdr, c->in + sizeof(hdr), take_reply);
    c->in_len -= len;
    memmove(c->in, c->in + len, c->in_len);
}

/* Reads and carries out at most one request. True if there may be another one. */
static bool one_request(struct conn *c)
{
    ssize_t len = whole_message(c);

    if (len == 0) {
        ssize_t n = c->ops->read(c, c->in + c->in_len, sizeof(c->in) - c->in_len);

        if (n <= 0) {
            if (n < 0)
                conn_fail(c, (int)n);
            return false;
        }
        c->in_len += (size_t)n;
        len = whole_message(c);
    }
    if (len < 0)
        conn_fail(c, (int)len);
    else if (len > 0)
        carry_out(c, (size_t)len);
    return !c->dead && len > 0 && c->in_len > 0;
}

bool conn_work(struct conn *c)
{
    bool more = false;

    if (c->dead)
        return false;
    if (!may_read(c))
        flush(c);
    if (may_read(c))
        more = one_request(c);
    /* The replies to requests that came together leave together. */
    if (!may_read(c) || whole_message(c) <= 0)
        flush(c);
    if (c->dead)
        return false;
    more = more && may_read(c);
    c->ops->settle(c, may_read(c), !more && !STAILQ_EMPTY(&c->out));
    return more;
}

bool conn_hoards(const struct conn *c, int64_t now_ms, int64_t ms)
{
    const struct conn_msg *m;

    if (c->dead || now_ms - c->progress_ms < ms)
        return false;
    STAILQ_FOREACH (m, &c->out, link)
        if (m->cause && m->cause != c)
            return true;
    return false;
}

/* ---- beginning and end ---- */

void conn_init(struct conn *c, struct server *srv, const struct conn_ops *ops, unsigned int domid,
               size_t out_limit)
{
    *c = (struct conn){.srv = srv, .ops = ops, .out_limit = out_limit};
    STAILQ_INIT(&c->out);
    xs_client_init(&c->client, &srv->store, domid, take_event, c);
    TAILQ_INSERT_TAIL(&srv->conns, c, link);
}

/* Nobody counts events for this connection any more. */
static void forget_cause(struct conn *gone)
{
    struct conn_msg *m;
    struct conn *c;

    if (gone->outstanding == 0)
        return;
    TAILQ_FOREACH (c, &gone->srv->conns, link)
        STAILQ_FOREACH (m, &c->out, link)
            if (m->cause == gone)
                m->cause = NULL;
    gone->outstanding = 0;
}

void conn_reset(struct conn *c)
{
    xs_client_reset(&c->client);
    while (!STAILQ_EMPTY(&c->out))
        drop_first(c);
    forget_cause(c);
    c->in_len = 0;
    c->dead = false;
}

void conn_fini(struct conn *c)
{
    conn_reset(c);
    xs_client_fini(&c->client);
    if (c->ready)
        TAILQ_REMOVE(&c->srv->ready, c, ready_link);
    TAILQ_REMOVE(&c->srv->conns, c, link);
}

void conn_ready(struct conn *c)
{
    if (c->ready)
        return;
    c->ready = true;
    TAILQ_INSERT_TAIL(&c->srv->ready, c, ready_link);
}

/*
 * Only marks it: this may happen while another connection's request fires watches. The loop has it reaped
 * when its turn comes.
 */
void conn_fail(struct conn *c, int reason)
{
    if (c->dead)
        return;
    c->dead = true;
    c->ops->fail(c, reason);
    conn_ready(c);
}
