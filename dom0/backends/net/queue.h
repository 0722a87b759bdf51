/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_NET_QUEUE_H
#define HOSPES_NET_QUEUE_H

#include "dom0/backends/net/vif.h"

/*
 * One queue of a connected vif: a transmit and a receive ring, their event channels, a queue of the tap. It
 * sleeps unless the frontend notifies or the tap has a packet; a port stays masked while there is work left,
 * so that a busy guest causes no upcalls.
 */
struct net_queue;

/* Where the frontend has a queue's things. rx_port 0: one channel for both rings. */
struct net_queue_spec {
    unsigned int number;
    uint32_t tx_port, rx_port;
    netif_tx_sring_t *tx;
    netif_rx_sring_t *rx;
    int tap;
};

/* NULL with errno. */
struct net_queue *net_queue_start(struct vif *vif, const struct net_queue_spec *spec);

/* NULL is allowed. */
void net_queue_stop(struct net_queue *queue);

/* The vif's rate has changed. */
void net_queue_kick(struct net_queue *queue);

#endif
