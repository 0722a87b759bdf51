/* SPDX-License-Identifier: MIT */
/* Life of a domain's connection: introduced, served over its ring, released when the domain is gone. */
#include <stdlib.h>
#include <string.h>

#include "xs/daemon/domain.h"
#include "xs/daemon/log.h"

/* Bytes of events that a domain may leave in the queue beside its ring. */
#define DOMAIN_OUT_LIMIT (1024 * 1024)

/* dom0's kernel speaks for all of its drivers: to cut it off is the last resort. */
#define OWN_OUT_LIMIT (64 * 1024 * 1024)

static struct domain *domain_of(struct conn *c)
{
    return (struct domain *)(void *)c;
}

/* ---- the byte stream ---- */

static ssize_t domain_read(struct conn *c, void *to, size_t len)
{
    struct domain *d = domain_of(c);
    ssize_t n = ring_read(&d->ring, to, len);

    d->notify |= n > 0;
    return n;
}

static ssize_t domain_write(struct conn *c, const void *from, size_t len)
{
    struct domain *d = domain_of(c);
    ssize_t n = ring_write(&d->ring, from, len);

    d->notify |= n > 0;
    return n;
}

static void domain_notify(struct domain *d)
{
    if (d->notify && d->port >= 0)
        hv_notify(d->conn.srv->hv, d->port);
    d->notify = false;
}

/* One event for all that moved. What is left in the ring will not be announced again: come back for it. */
static void domain_settle(struct conn *c, bool want_input, bool want_room)
{
    struct domain *d = domain_of(c);

    (void)want_room;
    domain_notify(d);
    if (want_input && ring_has_input(&d->ring))
        conn_ready(c);
}

static void domain_fail(struct conn *c, int reason)
{
    struct domain *d = domain_of(c);
    uint32_t error = XENSTORE_ERROR_COMM;

    if (reason == -EPROTO)
        error = XENSTORE_ERROR_RINGIDX;
    else if (reason == -EMSGSIZE)
        error = XENSTORE_ERROR_PROTO;
    log_guest("domain %u: connection disabled: %s", d->domid,
              reason == -EPROTO     ? "impossible ring index"
              : reason == -EMSGSIZE ? "message longer than the protocol allows"
              : reason == -ENOBUFS  ? "it does not take its messages"
              : reason == -ETIME    ? "it keeps other domains waiting"
                                    : strerror(-reason));
    ring_set_error(&d->ring, error);
    d->notify = true;
}

/* It stays introduced: it may ask for a reconnection, or be introduced again. */
static void domain_reap(struct conn *c)
{
    conn_reset(c);
    c->dead = true;
    domain_notify(domain_of(c));
}

static const struct conn_ops domain_ops = {
    .read = domain_read,
    .write = domain_write,
    .settle = domain_settle,
    .fail = domain_fail,
    .reap = domain_reap,
};

/* ---- ports ---- */

static int remember_port(struct server *srv, int port, struct domain *d)
{
    size_t need = (size_t)port + 1;

    if (need > srv->nr_ports) {
        size_t nr = need + 64;
        struct domain **grown = realloc(srv->by_port, nr * sizeof(struct domain *));

        if (!grown)
            return -ENOMEM;
        memset(grown + srv->nr_ports, 0, (nr - srv->nr_ports) * sizeof(struct domain *));
        srv->by_port = grown;
        srv->nr_ports = nr;
    }
    srv->by_port[port] = d;
    return 0;
}

static void unbind(struct domain *d)
{
    struct server *srv = d->conn.srv;

    if (d->port < 0)
        return;
    hv_unbind(srv->hv, d->port);
    srv->by_port[d->port] = NULL;
    d->port = -1;
}

static int bind(struct domain *d, unsigned int remote)
{
    struct server *srv = d->conn.srv;
    int port = hv_bind(srv->hv, d->domid, remote), rc;

    if (port < 0)
        return -errno;
    rc = remember_port(srv, port, d);
    if (rc) {
        hv_unbind(srv->hv, port);
        return rc;
    }
    d->port = port;
    return 0;
}

/* ---- beginning and end ---- */

struct domain *domain_find(struct server *srv, unsigned int domid)
{
    struct domain *d;

    LIST_FOREACH (d, &srv->domains, link)
        if (d->domid == domid)
            break;
    return d;
}

static struct domain *domain_new(struct server *srv, unsigned int domid)
{
    struct domain *d = malloc(sizeof(*d));

    if (!d)
        return NULL;
    memset(d, 0, sizeof(*d));
    conn_init(&d->conn, srv, &domain_ops, domid, domid ? DOMAIN_OUT_LIMIT : OWN_OUT_LIMIT);
    snprintf(d->conn.name, sizeof(d->conn.name), "domain %u", domid);
    d->domid = domid;
    d->port = -1;
    LIST_INSERT_HEAD(&srv->domains, d, link);
    return d;
}

static void domain_free(struct domain *d)
{
    struct server *srv = d->conn.srv;

    unbind(d);
    conn_fini(&d->conn);
    if (d->ring.page && d->own)
        hv_unmap_own_ring(d->ring.page);
    else if (d->ring.page)
        hv_unmap_ring(srv->hv, d->ring.page, d->by_grant);
    LIST_REMOVE(d, link);
    free(d);
}

/* Serves the ring from the state that it is in. */
static void start(struct domain *d, struct xenstore_domain_interface *page)
{
    ring_attach(&d->ring, page);
    if (ring_wants_reconnect(&d->ring))
        ring_reconnect(&d->ring);
    d->notify = true;
    domain_notify(d);
    conn_ready(&d->conn);
}

int domain_open_own(struct server *srv)
{
    struct domain *d = domain_new(srv, 0);
    struct xenstore_domain_interface *page;
    unsigned int port;
    int rc;

    if (!d)
        return -ENOMEM;
    d->own = true;
    page = hv_map_own_ring(&port);
    rc = page ? bind(d, port) : -errno;
    if (page && rc)
        hv_unmap_own_ring(page);
    if (rc) {
        domain_free(d);
        return rc;
    }
    start(d, page);
    return 0;
}

static int introduce_again(struct domain *d, unsigned int port)
{
    int rc;

    unbind(d);
    conn_reset(&d->conn);
    d->shutdown = false;
    rc = bind(d, port);
    if (rc) {
        d->conn.dead = true;
        return rc;
    }
    start(d, d->ring.page);
    return 0;
}

int domain_introduce(struct xs_host *h, unsigned int domid, unsigned long mfn, unsigned int port)
{
    struct server *srv = server_of(h);
    struct domain *d = domain_find(srv, domid);
    struct xenstore_domain_interface *page;
    enum hv_state state;
    int rc;

    if (!srv->hv)
        return -ENOSYS;
    if (d)
        return introduce_again(d, port);
    state = hv_domain_state(srv->hv, domid);
    if (state == HV_GONE || state == HV_DYING)
        return -ENOENT;
    d = domain_new(srv, domid);
    if (!d)
        return -ENOMEM;
    page = hv_map_ring(srv->hv, domid, mfn, &d->by_grant);
    rc = page ? bind(d, port) : -errno;
    if (page && rc)
        hv_unmap_ring(srv->hv, page, d->by_grant);
    if (rc) {
        log_error("domain %u: cannot be introduced: %s: %s", domid, page ? "event channel" : "ring",
                  strerror(-rc));
        domain_free(d);
        return rc;
    }
    start(d, page);
    log_info("domain %u: introduced, ring by %s", domid, d->by_grant ? "grant" : "frame number");
    xs_store_fire_special(&srv->store, XS_INTRODUCE_DOMAIN, domid);
    return 0;
}

/* The domain's connection ends; if the domain itself is gone, so does what it owned. */
static void drop(struct domain *d, bool gone)
{
    struct server *srv = d->conn.srv;
    unsigned int domid = d->domid;

    domain_free(d);
    if (gone && xs_store_forget_domain(&srv->store, domid))
        log_error("domain %u: out of memory, some of its nodes stay", domid);
    log_info("domain %u: released", domid);
    xs_store_fire_special(&srv->store, XS_RELEASE_DOMAIN, domid);
}

static bool is_gone(enum hv_state state)
{
    return state == HV_GONE || state == HV_DYING;
}

int domain_release(struct xs_host *h, unsigned int domid)
{
    struct server *srv = server_of(h);
    struct domain *d = domain_find(srv, domid);

    if (!d)
        return -ENOENT;
    drop(d, is_gone(hv_domain_state(srv->hv, domid)));
    return 0;
}

int domain_resume(struct xs_host *h, unsigned int domid)
{
    struct domain *d = domain_find(server_of(h), domid);

    if (!d)
        return -ENOENT;
    d->shutdown = false;
    return 0;
}

int domain_set_target(struct xs_host *h, unsigned int domid, unsigned int target)
{
    struct server *srv = server_of(h);
    struct domain *d = domain_find(srv, domid);

    if (!d || !domain_find(srv, target))
        return -ENOENT;
    d->conn.client.who.target = (int)target;
    return 0;
}

bool domain_is_introduced(struct xs_host *h, unsigned int domid)
{
    return domain_find(server_of(h), domid) != NULL;
}

void domain_close_all(struct server *srv)
{
    struct domain *d;

    while ((d = LIST_FIRST(&srv->domains)))
        domain_free(d);
}

/* ---- events ---- */

static void reconnect(struct domain *d)
{
    conn_reset(&d->conn);
    ring_reconnect(&d->ring);
    d->notify = true;
    domain_notify(d);
}

/* Some domain has shut down or is going away; the hypervisor does not say which. */
static void check_domains(struct server *srv)
{
    struct domain *d, *next;

    for (d = LIST_FIRST(&srv->domains); d; d = next) {
        enum hv_state state;

        next = LIST_NEXT(d, link);
        if (d->own)
            continue;
        state = hv_domain_state(srv->hv, d->domid);
        if (is_gone(state)) {
            drop(d, true);
        } else if (state == HV_SHUTDOWN && !d->shutdown) {
            d->shutdown = true;
            xs_store_fire_special(&srv->store, XS_RELEASE_DOMAIN, d->domid);
        }
    }
}

void domain_events(struct server *srv)
{
    bool virq = false;
    int port = hv_next_event(srv->hv, &virq);

    if (port < 0)
        return;
    if (virq) {
        check_domains(srv);
    } else if ((size_t)port < srv->nr_ports && srv->by_port[port]) {
        struct domain *d = srv->by_port[port];

        if (ring_wants_reconnect(&d->ring))
            reconnect(d);
        conn_ready(&d->conn);
    }
}

/* A guest loses its connection. What belongs to dom0 is trusted to go on: the operator is told whom to look
 * at. */
static void end_hoarding(struct conn *c)
{
    if (c->ops == &domain_ops && !domain_of(c)->own) {
        conn_fail(c, -ETIME);
    } else if (!c->blamed) {
        log_error("%s: keeps domains waiting: it has not taken its events for %d s", c->name,
                  EVENT_TIMEOUT_MS / 1000);
        c->blamed = true;
    }
}

bool domain_check_stalls(struct server *srv)
{
    int64_t now = monotonic_ms();
    bool stalled = false;
    struct domain *d;
    struct conn *c;

    LIST_FOREACH (d, &srv->domains, link)
        stalled |= conn_stalled(&d->conn);
    if (stalled)
        TAILQ_FOREACH (c, &srv->conns, link)
            if (conn_hoards(c, now, EVENT_TIMEOUT_MS))
                end_hoarding(c);
    return stalled;
}
