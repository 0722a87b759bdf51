/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_NET_TX_RING_H
#define HOSPES_NET_TX_RING_H

#include "dom0/backends/net/ring.h"

/* Most slots of data that a packet may have: what the protocol makes a backend support. */
#define NET_TX_SLOTS_MAX  XEN_NETIF_NR_SLOTS_MIN
#define NET_TX_LENGTH_MIN 14u /* an Ethernet header */

/* A piece of a packet: a range inside one granted page. */
struct net_tx_piece {
    grant_ref_t gref;
    uint16_t offset, size;
};

/* One packet; what is in here was copied out of the ring once and has been judged. */
struct net_tx_packet {
    const char *error;              /* why it is not to be sent, NULL when it is */
    uint16_t first_piece, pieces;   /* in the batch */
    uint16_t first_answer, answers; /* slots in the ring, extra infos included */
    uint32_t length;
    uint16_t gso_size;
    uint8_t gso_type; /* XEN_NETIF_GSO_TYPE_* */
    bool checksum_blank, checksum_good;
};

/* The packets of one pass over the ring. */
struct net_tx_batch {
    unsigned int packets, pieces, answers;
    struct net_tx_packet packet[NET_RING_SLOTS];
    struct net_tx_piece piece[NET_RING_SLOTS];
    netif_tx_response_t answer[NET_RING_SLOTS];
};

struct net_tx_ring {
    struct net_ring ring;
    netif_tx_sring_t *page;
};

void net_tx_attach(struct net_tx_ring *tx, netif_tx_sring_t *page, struct net_journal *journal);

/*
 * Takes packets as long as there are any and *tokens is positive; each takes its bytes from *tokens (which
 * may end up negative: the next ones wait). Returns how many, 0 also for a ring that is broken
 * (tx->ring.broken). They have to be answered before the next call.
 */
unsigned int net_tx_take(struct net_tx_ring *tx, struct net_tx_batch *batch, int64_t *tokens);

/* Answers the whole batch, packets with an error as such. True when the frontend wants to be notified. */
bool net_tx_answer(struct net_tx_ring *tx, struct net_tx_batch *batch);

/* Asks for an event at the next request; true when it is there already. */
bool net_tx_wait(struct net_tx_ring *tx);

#endif
