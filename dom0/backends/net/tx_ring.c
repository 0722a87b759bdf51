/* SPDX-License-Identifier: MIT */
#include "dom0/backends/net/tx_ring.h"

#include <string.h>

/*
 * The least that a TCP may be made to send at once (Linux' tcp_min_snd_mss). Less would only make dom0 cut a
 * packet into tens of thousands.
 */
#define GSO_SIZE_MIN 48

/* A slot is either; both are copied out as a whole before anything is looked at. */
union tx_slot {
    netif_tx_request_t request;
    netif_extra_info_t extra;
};

_Static_assert(sizeof(union tx_slot) == sizeof(union netif_tx_sring_entry), "a copy of a slot is the slot");

void net_tx_attach(struct net_tx_ring *tx, netif_tx_sring_t *page, struct net_journal *journal)
{
    tx->page = page;
    net_ring_attach(&tx->ring, journal, page->ring, sizeof(page->ring[0]), sizeof(page->ring[0].rsp),
                    &page->rsp_prod);
}

/* Where a pass stands. */
struct cursor {
    struct net_tx_ring *tx;
    struct net_tx_batch *batch;
    uint32_t left; /* slots that the frontend has filled and the pass has not taken */
};

/* Copies the next slot out. False when the frontend has not filled one. */
static bool next_slot(struct cursor *at, union tx_slot *slot, int16_t status)
{
    struct net_tx_batch *batch = at->batch;
    uint32_t index = (at->tx->ring.next + batch->answers) % NET_RING_SLOTS;

    if (at->left == 0)
        return false;
    memcpy(slot, at->tx->page->ring + index, sizeof(*slot));
    /* The compiler must not go back to the ring instead of the copy. */
    __asm__ volatile("" : : "r"(slot) : "memory");
    batch->answer[batch->answers++] = (netif_tx_response_t){.status = status};
    at->left--;
    return true;
}

static bool next_request(struct cursor *at, netif_tx_request_t *request)
{
    union tx_slot slot;

    if (!next_slot(at, &slot, NETIF_RSP_OKAY))
        return false;
    *request = slot.request;
    at->batch->answer[at->batch->answers - 1].id = request->id;
    return true;
}

static void refuse(struct net_tx_packet *packet, const char *why)
{
    if (!packet->error)
        packet->error = why;
}

static void take_gso(struct net_tx_packet *packet, const netif_extra_info_t *extra)
{
    packet->gso_type = extra->u.gso.type;
    packet->gso_size = extra->u.gso.size;
    if (extra->u.gso.type != XEN_NETIF_GSO_TYPE_TCPV4 && extra->u.gso.type != XEN_NETIF_GSO_TYPE_TCPV6)
        refuse(packet, "segmentation of an unknown type");
    else if (extra->u.gso.size < GSO_SIZE_MIN)
        refuse(packet, "segments that are too small");
}

/* Extra infos stand between the first request and the others. */
static bool take_extras(struct cursor *at, struct net_tx_packet *packet)
{
    union tx_slot slot;

    do {
        if (!next_slot(at, &slot, NETIF_RSP_NULL))
            return false;
        if (slot.extra.type == XEN_NETIF_EXTRA_TYPE_GSO)
            take_gso(packet, &slot.extra);
        else
            refuse(packet, "an extra info that was not offered");
    } while (slot.extra.flags & XEN_NETIF_EXTRA_FLAG_MORE);
    return true;
}

static void add_piece(struct net_tx_batch *batch, struct net_tx_packet *packet,
                      const netif_tx_request_t *request, uint32_t size)
{
    if (request->offset + size > NET_PAGE_SIZE)
        refuse(packet, "data beyond the end of a page");
    else if (packet->pieces == NET_TX_SLOTS_MAX)
        refuse(packet, "more than 18 slots");
    if (packet->error || size == 0)
        return;
    batch->piece[batch->pieces++] = (struct net_tx_piece){request->gref, request->offset, (uint16_t)size};
    packet->pieces++;
}

/*
 * The requests after the first one. The first one's size is that of the whole packet, so what it holds
 * itself is known when all others are; its piece is put first.
 */
static bool take_pieces(struct cursor *at, struct net_tx_packet *packet, const netif_tx_request_t *first)
{
    struct net_tx_batch *batch = at->batch;
    netif_tx_request_t request = *first;
    uint32_t others = 0;
    unsigned int first_piece = batch->pieces;

    batch->piece[batch->pieces++] = (struct net_tx_piece){first->gref, first->offset, 0};
    packet->pieces = 1;
    while (request.flags & NETTXF_more_data) {
        if (!next_request(at, &request))
            return false;
        add_piece(batch, packet, &request, request.size);
        others += request.size;
    }
    if (others >= first->size)
        refuse(packet, "pieces larger than the packet");
    else if (first->offset + (first->size - others) > NET_PAGE_SIZE)
        refuse(packet, "data beyond the end of a page");
    else
        batch->piece[first_piece].size = (uint16_t)(first->size - others);
    return true;
}

/* False: the packet goes on where the ring ends. */
static bool take_packet(struct cursor *at, struct net_tx_packet *packet)
{
    struct net_tx_batch *batch = at->batch;
    netif_tx_request_t first;

    *packet = (struct net_tx_packet){.first_piece = (uint16_t)batch->pieces,
                                     .first_answer = (uint16_t)batch->answers};
    if (!next_request(at, &first))
        return false;
    packet->length = first.size;
    packet->checksum_blank = first.flags & NETTXF_csum_blank;
    packet->checksum_good = first.flags & NETTXF_data_validated;
    if (first.size < NET_TX_LENGTH_MIN)
        refuse(packet, "shorter than an Ethernet header");
    if ((first.flags & NETTXF_extra_info) && !take_extras(at, packet))
        return false;
    if (!take_pieces(at, packet, &first))
        return false;
    packet->answers = (uint16_t)(batch->answers - packet->first_answer);
    if (packet->error) { /* none of its data is wanted */
        batch->pieces = packet->first_piece;
        packet->pieces = 0;
    }
    return true;
}

unsigned int net_tx_take(struct net_tx_ring *tx, struct net_tx_batch *batch, int64_t *tokens)
{
    struct cursor at = {tx, batch, net_ring_waiting(&tx->ring, &tx->page->req_prod)};

    batch->packets = batch->pieces = batch->answers = 0;
    while (at.left > 0 && *tokens > 0) {
        struct net_tx_packet *packet = &batch->packet[batch->packets];

        if (!take_packet(&at, packet)) {
            /* Frontends publish whole packets. What stands before is sent; nothing more is read. */
            batch->pieces = packet->first_piece;
            batch->answers = packet->first_answer;
            tx->ring.broken = true;
            tx->ring.why = "a packet without an end";
            break;
        }
        *tokens -= packet->length;
        batch->packets++;
    }
    return batch->packets;
}

bool net_tx_answer(struct net_tx_ring *tx, struct net_tx_batch *batch)
{
    for (unsigned int i = 0; i < batch->packets; i++) {
        const struct net_tx_packet *packet = &batch->packet[i];

        for (unsigned int k = 0; packet->error && k < packet->answers; k++)
            if (batch->answer[packet->first_answer + k].status == NETIF_RSP_OKAY)
                batch->answer[packet->first_answer + k].status = NETIF_RSP_ERROR;
    }
    for (unsigned int i = 0; i < batch->answers; i++)
        memcpy(&tx->ring.journal->answer[i], &batch->answer[i], sizeof(batch->answer[i]));
    return net_ring_answer(&tx->ring, tx->page->ring, sizeof(tx->page->ring[0]), sizeof(batch->answer[0]),
                           &tx->page->rsp_prod, &tx->page->rsp_event, batch->answers);
}

bool net_tx_wait(struct net_tx_ring *tx)
{
    return net_ring_wait(&tx->ring, &tx->page->req_prod, &tx->page->req_event, 1);
}
