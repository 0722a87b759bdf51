/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_NET_BUFFERS_H
#define HOSPES_NET_BUFFERS_H

#include <sys/uio.h>

#include <linux/virtio_net.h>

#include <xengnttab.h>

#include "dom0/backends/net/headers.h"
#include "dom0/backends/net/rx_ring.h"
#include "dom0/backends/net/tx_ring.h"

/* The largest packet that Linux' segmentation makes, with its Ethernet header and a VLAN tag. */
#define NET_PACKET_MAX   (65536u + 18u)
#define NET_PACKET_PAGES 17u

/* Packets that one pass reads from a tap. */
#define NET_RX_PACKETS 64u

/*
 * Memory for one pass over one ring: everything in here is only used within a call, so that all queues share
 * it. Each piece of a transmitted packet has a page, so that no copy crosses one.
 */
struct net_buffers {
    uint8_t (*piece)[NET_PAGE_SIZE];                     /* NET_RING_SLOTS */
    uint8_t (*packet)[NET_PACKET_PAGES * NET_PAGE_SIZE]; /* NET_RX_PACKETS */
    struct net_tx_batch tx;
    struct net_rx_batch rx;
    xengnttab_grant_copy_segment_t copy[NET_RING_SLOTS];
    uint16_t copied[NET_RING_SLOTS];       /* the number of the piece that copy is for */
    const uint8_t *source[NET_RING_SLOTS]; /* where the piece of this number in tx is; NULL: nowhere */
    struct net_head {
        struct virtio_net_hdr hdr;
        uint8_t bytes[NET_HEAD_BYTES];
    } __attribute__((packed)) head[NET_RING_SLOTS]; /* of the packet of this number in tx */
    struct iovec iov[2 * NET_RING_SLOTS];           /* of all packets in tx: a head each, and the pieces */
};

/* NULL: no memory. */
struct net_buffers *net_buffers_new(void);
void net_buffers_free(struct net_buffers *buffers);

#endif
