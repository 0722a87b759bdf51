/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_NET_QUEUE_PASS_H
#define HOSPES_NET_QUEUE_PASS_H

#include "dom0/backends/net/queue.h"

/* A packet that was read from the tap and found no room. */
struct net_held {
    struct virtio_net_hdr hdr;
    uint32_t length;
    uint8_t data[];
};

struct net_queue {
    struct vif *vif;
    xengnttab_handle *gnttab;
    unsigned int number;
    bool failed;  /* the device is being disabled */
    bool stopped; /* the tap is not read: the guest has no room */

    struct net_tx_ring tx;
    struct net_rx_ring rx;
    struct persistent *tx_pages, *rx_pages; /* NULL: the frontend grants each packet anew */
    struct guest_port *tx_port, *rx_port;   /* rx_port NULL: tx_port serves both */
    struct guest_port *notify_rx;

    int tap;
    unsigned int last_round; /* in which the tap was read */
    bool alone;              /* packets for the guest come one by one */
    struct loop_handle *readable;
    struct loop_timer *more;  /* there is more to transmit */
    struct loop_timer *stall; /* set while stopped */
    uint32_t stall_mark;      /* the receive ring's index when that was set */
    struct net_held *held;
};

/*
 * Moves one batch from the guest to the tap. True: the ring is empty and the frontend will notify; else *due
 * is when to come again, 0 for soon.
 */
bool net_transmit_pass(struct net_queue *queue, int64_t *due);

/*
 * Moves what the tap has to the guest, as far as there is room. 0, or how many slots are missing; the
 * frontend then notifies when they are there.
 */
unsigned int net_receive_pass(struct net_queue *queue);

/* Drops what waits in the tap. */
void net_receive_drop(struct net_queue *queue);

#endif
