/* SPDX-License-Identifier: MIT */
/* Requests about transactions, watches, domains and the server. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "xs/client/conn.h"

static int simple(struct xsc *xs, uint32_t type, xsc_tx_t tx, const char *body)
{
    struct xsc_piece p = {body, strlen(body) + 1};

    return xsc_request(xs, type, tx, &p, 1, NULL) ? 0 : -1;
}

/* ---- transactions ---- */

int xsc_tx_start(struct xsc *xs, xsc_tx_t *tx)
{
    struct xsc_piece p = {"", 1};
    const char *id = xsc_request(xs, XS_TRANSACTION_START, XSC_NO_TX, &p, 1, NULL);

    if (!id)
        return -1;
    *tx = (xsc_tx_t)strtoul(id, NULL, 10);
    return 0;
}

int xsc_tx_end(struct xsc *xs, xsc_tx_t tx, bool commit)
{
    return simple(xs, XS_TRANSACTION_END, tx, commit ? "T" : "F");
}

int xsc_transact(struct xsc *xs, xsc_tx_body *body, void *arg)
{
    for (;;) {
        xsc_tx_t tx;
        int rc;

        if (xsc_tx_start(xs, &tx))
            return -1;
        rc = body(xs, tx, arg);
        if (rc) {
            int saved = errno;

            xsc_tx_end(xs, tx, false);
            errno = saved;
            if (saved != EAGAIN || rc != -1 || xs->broken)
                return rc;
        } else if (xsc_tx_end(xs, tx, true) == 0) {
            return 0;
        } else if (errno != EAGAIN) {
            return -1;
        }
    }
}

/* ---- watches ---- */

int xsc_watch(struct xsc *xs, const char *path, const char *token)
{
    struct xsc_piece p[2] = {{path, strlen(path) + 1}, {token, strlen(token) + 1}};

    return xsc_request(xs, XS_WATCH, XSC_NO_TX, p, 2, NULL) ? 0 : -1;
}

static bool at_or_below(const char *path, const char *top)
{
    size_t len = strlen(top);

    if (strcmp(top, "/") == 0)
        return path[0] == '/';
    return strncmp(path, top, len) == 0 && (path[len] == '\0' || path[len] == '/');
}

int xsc_unwatch(struct xsc *xs, const char *path, const char *token)
{
    struct xsc_piece p[2] = {{path, strlen(path) + 1}, {token, strlen(token) + 1}};
    struct xsc_queued *q, *next;

    if (!xsc_request(xs, XS_UNWATCH, XSC_NO_TX, p, 2, NULL))
        return -1;
    for (q = STAILQ_FIRST(&xs->events); q; q = next) {
        next = STAILQ_NEXT(q, link);
        if (at_or_below(q->body, path) && strcmp(q->body + strlen(q->body) + 1, token) == 0) {
            STAILQ_REMOVE(&xs->events, q, xsc_queued, link);
            free(q);
        }
    }
    if (STAILQ_EMPTY(&xs->events))
        xsc_update_pending(xs);
    return 0;
}

static struct xsc_event *take_event(struct xsc *xs)
{
    struct xsc_queued *q = STAILQ_FIRST(&xs->events);
    struct xsc_event *ev = malloc(sizeof(*ev) + q->len);

    if (!ev)
        return NULL;
    ev->path = (char *)(ev + 1);
    memcpy(ev->path, q->body, q->len);
    ev->token = ev->path + strlen(ev->path) + 1;
    free(xsc_dequeue(xs));
    return ev;
}

struct xsc_event *xsc_check_watch(struct xsc *xs)
{
    if (STAILQ_EMPTY(&xs->events)) {
        int rc = xsc_receive_event(xs, 0);

        if (rc == 0)
            errno = EAGAIN;
        if (rc <= 0)
            return NULL;
    }
    return take_event(xs);
}

static int64_t now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

struct xsc_event *xsc_wait_watch(struct xsc *xs, int timeout_ms)
{
    int64_t end = now_ms() + timeout_ms;

    while (STAILQ_EMPTY(&xs->events)) {
        int64_t left = timeout_ms < 0 ? -1 : end - now_ms();
        int rc = xsc_receive_event(xs, timeout_ms >= 0 && left < 0 ? 0 : (int)left);

        if (rc < 0)
            return NULL;
        if (rc == 0 && timeout_ms >= 0 && now_ms() >= end) {
            errno = ETIMEDOUT;
            return NULL;
        }
    }
    return take_event(xs);
}

int xsc_reset_watches(struct xsc *xs)
{
    struct xsc_queued *q;

    if (simple(xs, XS_RESET_WATCHES, XSC_NO_TX, ""))
        return -1;
    while ((q = xsc_dequeue(xs)))
        free(q);
    return 0;
}

/* ---- domains ---- */

static const char *domid_request(struct xsc *xs, uint32_t type, unsigned int domid)
{
    char text[16];
    struct xsc_piece p = {text, (size_t)snprintf(text, sizeof(text), "%u", domid) + 1};

    return xsc_request(xs, type, XSC_NO_TX, &p, 1, NULL);
}

int xsc_introduce(struct xsc *xs, unsigned int domid, unsigned long mfn, unsigned int port)
{
    char text[64];
    struct xsc_piece p = {text, 0};

    /* One NUL after each number: the first two stand in the format. */
    p.len = (size_t)snprintf(text, sizeof(text), "%u%c%lu%c%u", domid, 0, mfn, 0, port) + 1;
    return xsc_request(xs, XS_INTRODUCE, XSC_NO_TX, &p, 1, NULL) ? 0 : -1;
}

int xsc_release(struct xsc *xs, unsigned int domid)
{
    return domid_request(xs, XS_RELEASE, domid) ? 0 : -1;
}

int xsc_resume(struct xsc *xs, unsigned int domid)
{
    return domid_request(xs, XS_RESUME, domid) ? 0 : -1;
}

int xsc_set_target(struct xsc *xs, unsigned int domid, unsigned int target)
{
    char text[32];
    struct xsc_piece p = {text, (size_t)snprintf(text, sizeof(text), "%u%c%u", domid, 0, target) + 1};

    return xsc_request(xs, XS_SET_TARGET, XSC_NO_TX, &p, 1, NULL) ? 0 : -1;
}

int xsc_is_introduced(struct xsc *xs, unsigned int domid)
{
    const char *answer = domid_request(xs, XS_IS_DOMAIN_INTRODUCED, domid);

    return answer ? strcmp(answer, "T") == 0 : -1;
}

char *xsc_get_domain_path(struct xsc *xs, unsigned int domid)
{
    const char *path = domid_request(xs, XS_GET_DOMAIN_PATH, domid);

    return path ? strdup(path) : NULL;
}

char *xsc_control(struct xsc *xs, const char *args, size_t len)
{
    struct xsc_piece p = {args, len};
    const char *answer = xsc_request(xs, XS_CONTROL, XSC_NO_TX, &p, 1, NULL);

    return answer ? strdup(answer) : NULL;
}
