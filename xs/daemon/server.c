/* SPDX-License-Identifier: MIT */
/* The event loop. */
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "xs/daemon/domain.h"
#include "xs/daemon/log.h"

#define EVENTS_AT_ONCE 32

/* How often stalled connections are looked at. */
#define STALL_CHECK_MS 1000

static int epoll_op(struct server *srv, int op, struct source *src, uint32_t events)
{
    struct epoll_event ev = {.events = events, .data.ptr = src};

    return epoll_ctl(srv->epoll, op, src->fd, &ev);
}

int server_add_source(struct server *srv, struct source *src, uint32_t events)
{
    return epoll_op(srv, EPOLL_CTL_ADD, src, events);
}

int server_change_source(struct server *srv, struct source *src, uint32_t events)
{
    return epoll_op(srv, EPOLL_CTL_MOD, src, events);
}

void server_remove_source(struct server *srv, struct source *src)
{
    epoll_op(srv, EPOLL_CTL_DEL, src, 0);
}

int server_init(struct server *srv)
{
    struct xs_client self;
    int rc;

    *srv = (struct server){
        .epoll = -1,
        .listener = -1,
        .host =
            {
                .introduce = domain_introduce,
                .release = domain_release,
                .resume = domain_resume,
                .set_target = domain_set_target,
                .is_introduced = domain_is_introduced,
                .control = server_control,
            },
    };
    TAILQ_INIT(&srv->conns);
    TAILQ_INIT(&srv->ready);
    LIST_INIT(&srv->domains);
    srv->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (srv->epoll < 0)
        return -errno;
    rc = xs_store_init(&srv->store);
    if (rc) {
        close(srv->epoll);
        return rc;
    }
    /* Tools look for this node to see whose store it is. */
    xs_client_init(&self, &srv->store, 0, NULL, NULL);
    rc = xs_store_mkdir(&self, NULL, "/tool/xenstored");
    xs_client_fini(&self);
    if (rc)
        server_fini(srv);
    return rc;
}

void server_fini(struct server *srv)
{
    domain_close_all(srv);
    xs_store_fini(&srv->store);
    free(srv->by_port);
    close(srv->epoll);
}

/* Each connection that has work now gets one turn; those that become ready meanwhile have to wait. */
static void work(struct server *srv)
{
    size_t n = 0;
    struct conn *c;

    TAILQ_FOREACH (c, &srv->ready, ready_link)
        n++;
    while (n-- && (c = TAILQ_FIRST(&srv->ready))) {
        TAILQ_REMOVE(&srv->ready, c, ready_link);
        c->ready = false;
        if (c->dead)
            c->ops->reap(c);
        else if (conn_work(c))
            conn_ready(c);
    }
}

int server_turn(struct server *srv, int timeout_ms)
{
    struct epoll_event ev[EVENTS_AT_ONCE];
    int n;

    if (srv->hv && domain_check_stalls(srv) && (timeout_ms < 0 || timeout_ms > STALL_CHECK_MS))
        timeout_ms = STALL_CHECK_MS;
    n = epoll_wait(srv->epoll, ev, EVENTS_AT_ONCE, TAILQ_EMPTY(&srv->ready) ? timeout_ms : 0);
    if (n < 0 && errno != EINTR)
        return -errno;
    for (int i = 0; i < n; i++) {
        struct source *src = ev[i].data.ptr;

        src->ready(srv, src, ev[i].events);
    }
    work(srv);
    return 0;
}
