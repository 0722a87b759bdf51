/* SPDX-License-Identifier: MIT */
#ifndef TESTS_HOST_NET_FRONT_H
#define TESTS_HOST_NET_FRONT_H

#include <string.h>

#include "dom0/backends/net/rx_ring.h"
#include "dom0/backends/net/tx_ring.h"

/* A frontend's half of both rings, and the pages that they are in. */
struct front {
    union {
        netif_tx_sring_t ring;
        uint8_t page[NET_PAGE_SIZE];
    } tx;
    union {
        netif_rx_sring_t ring;
        uint8_t page[NET_PAGE_SIZE];
    } rx;
    struct net_journal tx_journal, rx_journal;
};

/* The rings are declared with one slot. */
static inline union netif_tx_sring_entry *front_tx_slot(struct front *front, uint32_t index)
{
    return front->tx.ring.ring + index % NET_RING_SLOTS;
}

static inline union netif_rx_sring_entry *front_rx_slot(struct front *front, uint32_t index)
{
    return front->rx.ring.ring + index % NET_RING_SLOTS;
}

static inline void front_init(struct front *front)
{
    memset(front, 0, sizeof(*front));
    front->tx.ring.req_event = front->tx.ring.rsp_event = 1;
    front->rx.ring.req_event = front->rx.ring.rsp_event = 1;
}

static inline void front_send(struct front *front, netif_tx_request_t request)
{
    front_tx_slot(front, front->tx.ring.req_prod)->req = request;
    front->tx.ring.req_prod++;
}

static inline void front_send_extra(struct front *front, netif_extra_info_t extra)
{
    memcpy(front_tx_slot(front, front->tx.ring.req_prod), &extra, sizeof(extra));
    front->tx.ring.req_prod++;
}

static inline netif_tx_response_t front_answer(struct front *front, uint32_t index)
{
    return front_tx_slot(front, index)->rsp;
}

static inline void front_post(struct front *front, unsigned int n)
{
    for (unsigned int i = 0; i < n; i++) {
        uint32_t at = front->rx.ring.req_prod;

        front_rx_slot(front, at)->req =
            (netif_rx_request_t){.id = (uint16_t)(at % NET_RING_SLOTS), .gref = 1000 + at};
        front->rx.ring.req_prod = at + 1;
    }
}

#endif
