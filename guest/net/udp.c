/* SPDX-License-Identifier: MIT */
#include <xen/errno.h>
#include "guest/heap.h"
#include "guest/net/checksum.h"
#include "guest/net/udp_internal.h"
#include "guest/string.h"

#define FIRST_FREE_PORT 49152u
#define FREE_PORTS      16384u

static struct udp_socket *find(struct netstack *ns, uint16_t port)
{
    for (struct udp_socket *s = ns->sockets; s; s = s->next)
        if (s->port == port)
            return s;
    return NULL;
}

/* 0 if all are taken. */
static uint16_t choose_port(struct netstack *ns)
{
    for (unsigned i = 0; i < FREE_PORTS; i++) {
        uint16_t port = (uint16_t)(FIRST_FREE_PORT + ns->next_port++ % FREE_PORTS);

        if (!find(ns, port))
            return port;
    }
    return 0;
}

int udp_open(struct netstack *ns, struct udp_socket **sock, uint16_t port, udp_receive_t *receive, void *ctx)
{
    struct udp_socket *s = heap_alloc(sizeof(*s));
    bool taken;

    if (!s)
        return -XEN_ENOMEM;
    s->ns = ns;
    s->receive = receive;
    s->ctx = ctx;
    s->end = &s->first;
    spin_lock(&ns->lock);
    s->port = port ? port : choose_port(ns);
    taken = !s->port || find(ns, s->port);
    if (!taken) {
        s->next = ns->sockets;
        ns->sockets = s;
    }
    spin_unlock(&ns->lock);
    if (taken) {
        heap_free(s);
        return -XEN_EADDRINUSE;
    }
    *sock = s;
    return 0;
}

static bool has_no_users(void *arg)
{
    const struct udp_socket *s = arg;

    return __atomic_load_n(&s->users, __ATOMIC_ACQUIRE) == 0;
}

/* Those who leave wake the stack's queue, which stays, and touch the socket no more. */
void udp_close(struct udp_socket *sock)
{
    struct netstack *ns = sock->ns;

    spin_lock(&ns->lock);
    for (struct udp_socket **at = &ns->sockets; *at; at = &(*at)->next) {
        if (*at == sock) {
            *at = sock->next;
            break;
        }
    }
    sock->closed = true;
    spin_unlock(&ns->lock);
    waitq_wait(&ns->changed, has_no_users, sock, 0);
    udp_queue_free(sock);
    heap_free(sock);
}

uint16_t udp_port(const struct udp_socket *sock)
{
    return sock->port;
}

size_t udp_max_len(const struct udp_socket *sock)
{
    struct netstack *ns = sock->ns;
    size_t mtu;

    spin_lock(&ns->lock);
    mtu = ns->link.mtu;
    spin_unlock(&ns->lock);
    return mtu > sizeof(struct ipv4_header) + sizeof(struct udp_header)
               ? mtu - sizeof(struct ipv4_header) - sizeof(struct udp_header)
               : 0;
}

/* --- receiving --- */

static struct udp_socket *socket_get(struct netstack *ns, uint16_t port)
{
    struct udp_socket *s;

    spin_lock(&ns->lock);
    s = find(ns, port);
    if (s)
        s->users++;
    spin_unlock(&ns->lock);
    return s;
}

static void socket_put(struct udp_socket *s)
{
    struct netstack *ns = s->ns;
    bool wake;

    spin_lock(&ns->lock);
    wake = s->closed;
    __atomic_store_n(&s->users, s->users - 1, __ATOMIC_RELEASE);
    spin_unlock(&ns->lock);
    if (wake)
        waitq_wake(&ns->changed);
}

static bool checksum_good(const struct ipv4_packet *p, const struct udp_header *h, size_t len)
{
    if (p->csum != NET_CSUM_UNKNOWN || !get16(h->checksum))
        return true;
    return checksum_fold(checksum_add(checksum_pseudo(p->from, p->to, PROTO_UDP, (uint16_t)len), h, len)) ==
           0xffff;
}

void udp_input(struct netstack *ns, const struct ipv4_packet *p)
{
    struct view data = p->data;
    const struct udp_header *h = view_take(&data, sizeof(*h));
    struct udp_socket *s;
    struct udp_peer from;
    size_t len = h ? get16(h->len) : 0;

    if (!h || len < sizeof(*h) || len > p->data.len) {
        count(&ns->n.udp_bad);
        return;
    }
    if (!checksum_good(p, h, len)) {
        count(&ns->n.udp_bad_checksum);
        return;
    }
    data.len = len - sizeof(*h);
    from = (struct udp_peer){p->from, get16(h->from_port)};
    s = socket_get(ns, get16(h->to_port));
    if (!s) {
        count(&ns->n.udp_no_port);
        icmp_unreachable(ns, p, ICMP_UNREACHABLE_PORT);
        return;
    }
    count(&ns->n.udp_received);
    if (s->receive)
        s->receive(s->ctx, s, &from, data.data, data.len);
    else
        udp_enqueue(s, &from, data.data, data.len);
    socket_put(s);
}

void udp_refused(struct netstack *ns, uint16_t local_port)
{
    struct udp_socket *s = socket_get(ns, local_port);

    if (!s)
        return;
    spin_lock(&ns->lock);
    s->refused = true;
    spin_unlock(&ns->lock);
    waitq_wake(&s->readers);
    socket_put(s);
}

/* --- sending --- */

int udp_send_from(struct udp_socket *sock, uint32_t from, const struct udp_peer *to, const void *data,
                  size_t len, uint64_t deadline)
{
    struct netstack *ns = sock->ns;
    struct udp_header h = {.len = {0}};
    struct net_frag frags[] = {{&h, sizeof(h)}, {data, len}};
    bool blank = __atomic_load_n(&ns->link.csum_blank, __ATOMIC_RELAXED);
    uint16_t total = (uint16_t)(sizeof(h) + len), field;
    uint64_t sum;
    int rc;

    if (len > udp_max_len(sock))
        return -XEN_EMSGSIZE;
    put16(h.from_port, sock->port);
    put16(h.to_port, to->port);
    put16(h.len, total);
    sum = checksum_pseudo(from, to->addr, PROTO_UDP, total);
    if (blank) {
        field = checksum_fold(sum);
    } else {
        field = (uint16_t)~checksum_fold(checksum_add(checksum_add(sum, &h, sizeof(h)), data, len));
        if (!field)
            field = 0xffff; /* 0 says that there is none */
    }
    memcpy(h.checksum, &field, sizeof(field));
    rc = ipv4_send(ns, from, to->addr, PROTO_UDP, frags, 2, blank ? NET_CSUM_BLANK : NET_CSUM_UNKNOWN,
                   to->addr ^ ((uint32_t)sock->port << 16 | to->port), deadline);
    if (!rc)
        count(&ns->n.udp_sent);
    return rc;
}

int udp_send(struct udp_socket *sock, const struct udp_peer *to, const void *data, size_t len,
             uint64_t deadline)
{
    struct ipv4_config config;

    netstack_config(sock->ns, &config);
    if (!config.addr)
        return -XEN_EADDRNOTAVAIL;
    return udp_send_from(sock, config.addr, to, data, len, deadline);
}
