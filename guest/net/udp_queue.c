/* SPDX-License-Identifier: MIT */
/* Datagrams that wait for udp_recv(). */
#include <xen/errno.h>
#include "guest/heap.h"
#include "guest/net/udp_internal.h"
#include "guest/string.h"

void udp_enqueue(struct udp_socket *sock, const struct udp_peer *from, const void *data, size_t len)
{
    struct netstack *ns = sock->ns;
    struct udp_dgram *d = heap_alloc(sizeof(*d) + len);
    bool room = false;

    if (d) {
        d->from = *from;
        d->len = len;
        if (len)
            memcpy(d->data, data, len);
        spin_lock(&ns->lock);
        room = sock->queued + len + UDP_DGRAM_CHARGE <= UDP_QUEUE_BYTES;
        if (room) {
            sock->queued += len + UDP_DGRAM_CHARGE;
            *sock->end = d;
            sock->end = &d->next;
        }
        spin_unlock(&ns->lock);
    }
    if (room) {
        waitq_wake(&sock->readers);
        return;
    }
    heap_free(d);
    count(&ns->n.udp_overflow);
}

void udp_queue_free(struct udp_socket *sock)
{
    while (sock->first) {
        struct udp_dgram *d = sock->first;

        sock->first = d->next;
        heap_free(d);
    }
}

static bool has_news(void *arg)
{
    const struct udp_socket *s = arg;

    return __atomic_load_n(&s->first, __ATOMIC_RELAXED) || __atomic_load_n(&s->refused, __ATOMIC_RELAXED);
}

/* The oldest datagram; NULL with *refused when a peer has closed its port, or when another reader was faster.
 */
static struct udp_dgram *dequeue(struct udp_socket *sock, bool *refused)
{
    struct udp_dgram *d;

    spin_lock(&sock->ns->lock);
    d = sock->first;
    if (d) {
        sock->first = d->next;
        if (!sock->first)
            sock->end = &sock->first;
        sock->queued -= d->len + UDP_DGRAM_CHARGE;
    }
    *refused = !d && sock->refused;
    if (*refused)
        sock->refused = false;
    spin_unlock(&sock->ns->lock);
    return d;
}

int udp_recv(struct udp_socket *sock, void *buf, size_t size, struct udp_peer *from, uint64_t deadline)
{
    struct udp_dgram *d;
    bool refused;
    size_t len;

    do {
        if (!waitq_wait(&sock->readers, has_news, sock, deadline))
            return -XEN_ETIMEDOUT;
        d = dequeue(sock, &refused);
        if (refused)
            return -XEN_ECONNREFUSED;
    } while (!d);
    len = d->len < size ? d->len : size;
    if (len)
        memcpy(buf, d->data, len);
    if (from)
        *from = d->from;
    heap_free(d);
    return (int)len;
}
