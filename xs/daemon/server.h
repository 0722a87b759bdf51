/* SPDX-License-Identifier: MIT */
/* The daemon's parts, and its event loop. */
#ifndef XS_DAEMON_SERVER_H
#define XS_DAEMON_SERVER_H

#include <stdint.h>
#include <sys/queue.h>

#include "xs/daemon/conn.h"
#include "xs/daemon/hv.h"

TAILQ_HEAD(conn_list, conn);
struct domain;

/* How long a domain may keep other domains waiting by not taking an event. */
#define EVENT_TIMEOUT_MS 20000

struct server {
    struct xs_store store;
    struct xs_host host;
    struct conn_list conns;
    struct conn_list ready;
    struct hv *hv; /* NULL: sockets only */
    LIST_HEAD(domain_list, domain) domains;
    struct domain **by_port; /* by local event channel port */
    size_t nr_ports;
    int epoll;
    int listener;
    bool listening; /* the listener is in the epoll set */
    unsigned int nr_sockets;
    bool stop;
};

/* What waits in the epoll set: called when its descriptor is ready. */
struct source {
    int fd;
    void (*ready)(struct server *srv, struct source *src, uint32_t events);
};

int server_add_source(struct server *srv, struct source *src, uint32_t events);
int server_change_source(struct server *srv, struct source *src, uint32_t events);
void server_remove_source(struct server *srv, struct source *src);

/* An empty store with /tool/xenstored: 0 or a negative errno. */
int server_init(struct server *srv);
void server_fini(struct server *srv);

/*
 * One turn: waits for events (up to timeout_ms, -1 for ever, unless there is work), then each ready
 * connection once.
 */
int server_turn(struct server *srv, int timeout_ms);

/* ---- control (control.c) ---- */

int server_control(struct xs_host *h, unsigned int argc, const char *const *argv, FILE *answer);

/* Sets a quota by its name: 0 or -EINVAL. */
int server_set_quota(struct server *srv, const char *name, const char *value);

static inline struct server *server_of(struct xs_host *h)
{
    return (struct server *)(void *)((char *)h - offsetof(struct server, host));
}

#endif
