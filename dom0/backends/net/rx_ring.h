/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_NET_RX_RING_H
#define HOSPES_NET_RX_RING_H

#include "dom0/backends/net/ring.h"

/* A packet for the guest. */
struct net_rx_packet {
    const uint8_t *data; /* page-aligned, or every page of it costs two copies */
    uint32_t length;     /* > 0 */
    uint16_t gso_size;
    uint8_t gso_type; /* XEN_NETIF_GSO_TYPE_* */
    bool checksum_blank, checksum_good;
};

/* What is to be copied where; one for each slot that gets data. */
struct net_rx_piece {
    const uint8_t *data;
    grant_ref_t gref;
    uint16_t size;
    uint16_t answer; /* index in the batch */
};

union net_rx_answer {
    netif_rx_response_t response;
    netif_extra_info_t extra;
};

/* Packets of one pass over the ring. */
struct net_rx_batch {
    unsigned int packets, pieces, answers;
    uint32_t waiting; /* requests that were there when the pass began */
    struct net_rx_piece piece[NET_RING_SLOTS];
    union net_rx_answer answer[NET_RING_SLOTS];
};

struct net_rx_ring {
    struct net_ring ring;
    netif_rx_sring_t *page;
};

void net_rx_attach(struct net_rx_ring *rx, netif_rx_sring_t *page, struct net_journal *journal);

/* Slots that a packet takes. */
unsigned int net_rx_slots(const struct net_rx_packet *packet);

/* Begins a pass; how many slots there are, 0 also for a ring that is broken. */
uint32_t net_rx_begin(struct net_rx_ring *rx, struct net_rx_batch *batch);

/* Gives a packet the next slots. False, and nothing done, when there are not enough. */
bool net_rx_add(struct net_rx_ring *rx, struct net_rx_batch *batch, const struct net_rx_packet *packet);

/* The copy of this piece failed: its slot says so. */
void net_rx_failed(struct net_rx_batch *batch, const struct net_rx_piece *piece);

/* Answers all slots of the pass. True when the frontend wants to be notified. */
bool net_rx_answer(struct net_rx_ring *rx, struct net_rx_batch *batch);

/* Asks for an event when `slots` are there; true when they are already. */
bool net_rx_wait(struct net_rx_ring *rx, uint32_t slots);

#endif
