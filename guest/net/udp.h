/* SPDX-License-Identifier: MIT */
#ifndef GUEST_NET_UDP_H
#define GUEST_NET_UDP_H

#include <stddef.h>
#include <stdint.h>
#include "guest/net/stack.h"

struct udp_peer {
    uint32_t addr;
    uint16_t port;
};

struct udp_socket;

/*
 * Called on the thread that received the datagram, with no lock held. data is valid during the call. It must
 * not wait: to answer, udp_send() with NET_NO_WAIT.
 */
typedef void udp_receive_t(void *ctx, struct udp_socket *sock, const struct udp_peer *from, const void *data,
                           size_t len);

/*
 * Binds to a port (0: any that is free). With receive, datagrams are handed to it; without, they are kept, up
 * to a limit, for udp_recv(). 0 or -XEN_EADDRINUSE, -XEN_ENOMEM.
 */
int udp_open(struct netstack *ns, struct udp_socket **sock, uint16_t port, udp_receive_t *receive, void *ctx);

/* Waits until no receive function of it runs, so it must not be called by one. Nobody may be in udp_recv().
 */
void udp_close(struct udp_socket *sock);

uint16_t udp_port(const struct udp_socket *sock);

/*
 * Sends one datagram; deadline as in struct netstack_card. 0, -XEN_EMSGSIZE (longer than the link takes:
 * nothing is fragmented), -XEN_EADDRNOTAVAIL (no address yet, or none that we can send to), -XEN_ENXIO (no
 * gateway), -XEN_EAGAIN (no room by deadline), -XEN_ENOTCONN (link down). A datagram may be lost silently.
 */
int udp_send(struct udp_socket *sock, const struct udp_peer *to, const void *data, size_t len,
             uint64_t deadline);

/*
 * Waits until system time deadline (0: for ever) for a datagram, oldest first. Returns its length; what does
 * not fit size is cut off. -XEN_ETIMEDOUT, or once -XEN_ECONNREFUSED when a peer said that its port is
 * closed.
 */
int udp_recv(struct udp_socket *sock, void *buf, size_t size, struct udp_peer *from, uint64_t deadline);

/* The longest datagram that can be sent now. */
size_t udp_max_len(const struct udp_socket *sock);

#endif
