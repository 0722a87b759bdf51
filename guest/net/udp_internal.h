/* SPDX-License-Identifier: MIT */
#ifndef GUEST_NET_UDP_INTERNAL_H
#define GUEST_NET_UDP_INTERNAL_H

#include "guest/net/internal.h"

/* What a socket without a receive function keeps at most. */
#define UDP_QUEUE_BYTES  262144u
#define UDP_DGRAM_CHARGE 128u /* of the bookkeeping, so that empty datagrams are not free */

struct udp_dgram {
    struct udp_dgram *next;
    struct udp_peer from;
    size_t len;
    uint8_t data[];
};

/* Under the stack's lock, but for what udp_open() has set. */
struct udp_socket {
    struct netstack *ns;
    uint16_t port;
    udp_receive_t *receive;
    void *ctx;
    struct udp_socket *next;
    unsigned users; /* deliveries under way */
    bool closed;
    bool refused;
    struct waitq readers;
    struct udp_dgram *first, **end;
    size_t queued;
};

/* udp_queue.c: copies a datagram for udp_recv(). Unlocked, the socket has a user. */
void udp_enqueue(struct udp_socket *sock, const struct udp_peer *from, const void *data, size_t len);
void udp_queue_free(struct udp_socket *sock);

#endif
