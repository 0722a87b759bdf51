/* SPDX-License-Identifier: MIT */
/*
 * A hostile backend. The input is a list of records: one byte that chooses what happens, then its operands:
 * the backend writes any bytes anywhere in the two shared pages or moves its indices by a little, the
 * frontend sends, reaps, receives or posts. Whatever it does, nothing outside the pages may be touched, no
 * request id may be handed out twice, and a broken ring is started anew.
 */
#include <stdlib.h>
#include <string.h>
#include "guest/frontends/net_ring.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct net_slot slots[2][NET_RING_SLOTS];
static void *shared[2];
static struct net_tx_ring tx;
static struct net_rx_ring rx;
static uint8_t *frame;

static void start_tx(void)
{
    net_tx_init(&tx, shared[0], slots[0]);
}

static void start_rx(void)
{
    net_rx_init(&rx, shared[1], slots[1]);
    net_rx_post(&rx);
}

static void prepare(void)
{
    if (frame)
        return;
    frame = calloc(1, NET_FRAME_MAX);
    for (unsigned r = 0; r < 2; r++) {
        shared[r] = aligned_alloc(NET_SLOT_BYTES, NET_SLOT_BYTES);
        for (unsigned i = 0; i < NET_RING_SLOTS; i++)
            slots[r][i] = (struct net_slot){aligned_alloc(NET_SLOT_BYTES, NET_SLOT_BYTES), i};
    }
}

static void audit(void)
{
    bool free_id[NET_RING_SLOTS] = {false};

    if (tx.nr_free > NET_RING_SLOTS || tx.ring.req_prod_pvt - tx.ring.rsp_cons > NET_RING_SLOTS)
        abort();
    for (unsigned i = 0; i < tx.nr_free; i++) {
        if (tx.free_ids[i] >= NET_RING_SLOTS || free_id[tx.free_ids[i]] || tx.outstanding[tx.free_ids[i]])
            abort();
        free_id[tx.free_ids[i]] = true;
    }
    if (rx.ring.req_prod_pvt - rx.ring.rsp_cons > NET_RING_SLOTS)
        abort();
}

static void send(unsigned operand)
{
    struct net_frag frags[2] = {{frame, operand % 700}, {frame, operand * 13 % 65536}};

    net_tx_put(&tx, frags, 2, operand & 1 ? NET_CSUM_BLANK : NET_CSUM_UNKNOWN, 1 + operand % NET_SLOT_BYTES,
               NET_PACKET_SLOTS);
    net_tx_push(&tx);
}

static void receive(unsigned operand)
{
    size_t room = operand & 1 ? 1514 : NET_FRAME_MAX;
    struct net_rx_frame got;
    enum net_fault fault;

    switch (net_rx_take(&rx, frame, room, &got, &fault)) {
    case NET_RX_FRAME:
        if (got.len > room || !got.slots)
            abort();
        break;
    case NET_RX_BROKEN:
        if (!net_fault_text(fault))
            abort();
        start_rx();
        break;
    case NET_RX_EMPTY:
        net_rx_arm(&rx);
        break;
    case NET_RX_DROP:
        break;
    }
}

/* A response where the next one belongs, with an id that may be right. */
static void respond(unsigned what, unsigned operand)
{
    struct netif_tx_sring *tx_shared = shared[0];
    struct netif_rx_sring *rx_shared = shared[1];

    if (what & 1) {
        union netif_tx_sring_entry *entry = &tx_shared->ring[tx_shared->rsp_prod % NET_RING_SLOTS];

        entry->rsp =
            (struct netif_tx_response){(uint16_t)(operand % NET_RING_SLOTS), (int16_t) - (what >> 6)};
        tx_shared->rsp_prod++;
    } else {
        union netif_rx_sring_entry *entry = &rx_shared->ring[rx_shared->rsp_prod % NET_RING_SLOTS];

        entry->rsp = (struct netif_rx_response){(uint16_t)(rx_shared->rsp_prod % NET_RING_SLOTS),
                                                (uint16_t)(operand & 0xfff), (uint16_t)(what >> 3 & 0xf),
                                                (int16_t)(operand >> 4)};
        rx_shared->rsp_prod++;
    }
}

static void step(unsigned what, unsigned operand)
{
    switch (what % 8) {
    case 0:
        send(operand);
        break;
    case 1:
        if (net_tx_reap(&tx))
            start_tx();
        net_tx_arm(&tx);
        break;
    case 2:
        receive(operand);
        break;
    case 3:
        net_rx_post(&rx);
        break;
    case 4:
    case 5:
        respond(what >> 2, operand);
        break;
    case 6: /* any byte of either page */
        ((uint8_t *)shared[operand >> 12 & 1])[operand % NET_SLOT_BYTES] = (uint8_t)(what >> 3);
        break;
    default: /* an index, by a little */
        ((uint32_t *)shared[operand & 1])[operand >> 1 & 3] += (operand >> 3) % 300;
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    prepare();
    start_tx();
    start_rx();
    for (; size >= 3; data += 3, size -= 3) {
        step(data[0], (unsigned)(data[1] | data[2] << 8));
        audit();
    }
    return 0;
}
