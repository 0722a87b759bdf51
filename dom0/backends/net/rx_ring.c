/* SPDX-License-Identifier: MIT */
#include "dom0/backends/net/rx_ring.h"

#include <string.h>

_Static_assert(sizeof(union net_rx_answer) == sizeof(union netif_rx_sring_entry), "an answer fills its slot");

void net_rx_attach(struct net_rx_ring *rx, netif_rx_sring_t *page, struct net_journal *journal)
{
    rx->page = page;
    net_ring_attach(&rx->ring, journal, page->ring, sizeof(page->ring[0]), sizeof(union net_rx_answer),
                    &page->rsp_prod);
}

unsigned int net_rx_slots(const struct net_rx_packet *packet)
{
    unsigned int pages = (packet->length + NET_PAGE_SIZE - 1) / NET_PAGE_SIZE;

    return pages + (packet->gso_type != XEN_NETIF_GSO_TYPE_NONE);
}

uint32_t net_rx_begin(struct net_rx_ring *rx, struct net_rx_batch *batch)
{
    batch->packets = batch->pieces = batch->answers = 0;
    batch->waiting = net_ring_waiting(&rx->ring, &rx->page->req_prod);
    return batch->waiting;
}

/* The next request, copied; its slot is where the answer goes. */
static netif_rx_request_t next_request(struct net_rx_ring *rx, const struct net_rx_batch *batch)
{
    const union netif_rx_sring_entry *slot =
        rx->page->ring + (rx->ring.next + batch->answers) % NET_RING_SLOTS;
    netif_rx_request_t request;

    memcpy(&request, slot, sizeof(request));
    /* The compiler must not go back to the ring instead of the copy. */
    __asm__ volatile("" : : "r"(&request) : "memory");
    return request;
}

static void add_data(struct net_rx_ring *rx, struct net_rx_batch *batch, const uint8_t *data, uint32_t size,
                     uint16_t flags)
{
    netif_rx_request_t request = next_request(rx, batch);

    batch->piece[batch->pieces++] =
        (struct net_rx_piece){data, request.gref, (uint16_t)size, (uint16_t)batch->answers};
    batch->answer[batch->answers++].response =
        (netif_rx_response_t){.id = request.id, .flags = flags, .status = (int16_t)size};
}

/* It takes a slot of its own, whose page is not used. */
static void add_gso(struct net_rx_batch *batch, const struct net_rx_packet *packet)
{
    batch->answer[batch->answers++].extra = (netif_extra_info_t){
        .type = XEN_NETIF_EXTRA_TYPE_GSO, .u.gso = {.size = packet->gso_size, .type = packet->gso_type}};
}

static uint16_t first_flags(const struct net_rx_packet *packet)
{
    uint16_t flags = 0;

    if (packet->checksum_blank)
        flags |= NETRXF_csum_blank | NETRXF_data_validated;
    else if (packet->checksum_good)
        flags |= NETRXF_data_validated;
    if (packet->gso_type != XEN_NETIF_GSO_TYPE_NONE)
        flags |= NETRXF_extra_info;
    return flags;
}

bool net_rx_add(struct net_rx_ring *rx, struct net_rx_batch *batch, const struct net_rx_packet *packet)
{
    uint16_t flags = first_flags(packet);

    if (batch->answers + net_rx_slots(packet) > batch->waiting)
        return false;
    for (uint32_t done = 0; done < packet->length;) {
        uint32_t left = packet->length - done, size = left < NET_PAGE_SIZE ? left : NET_PAGE_SIZE;

        add_data(rx, batch, packet->data + done, size, flags | (size < left ? NETRXF_more_data : 0));
        if (flags & NETRXF_extra_info)
            add_gso(batch, packet);
        flags = 0;
        done += size;
    }
    batch->packets++;
    return true;
}

void net_rx_failed(struct net_rx_batch *batch, const struct net_rx_piece *piece)
{
    batch->answer[piece->answer].response.status = NETIF_RSP_ERROR;
}

bool net_rx_answer(struct net_rx_ring *rx, struct net_rx_batch *batch)
{
    for (unsigned int i = 0; i < batch->answers; i++)
        memcpy(&rx->ring.journal->answer[i], &batch->answer[i], sizeof(batch->answer[i]));
    return net_ring_answer(&rx->ring, rx->page->ring, sizeof(rx->page->ring[0]), sizeof(batch->answer[0]),
                           &rx->page->rsp_prod, &rx->page->rsp_event, batch->answers);
}

bool net_rx_wait(struct net_rx_ring *rx, uint32_t slots)
{
    return net_ring_wait(&rx->ring, &rx->page->req_prod, &rx->page->req_event, slots);
}
