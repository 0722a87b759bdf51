/* SPDX-License-Identifier: MIT */
/*
 * Fuzzes what hospes-netd makes of a guest's rings and packets. The input is a list of records: one byte that
 * chooses what the frontend does, one of count, then that many bytes as they come into a ring or a packet.
 * Whatever the frontend does, what is taken out of its ring must be fit to be used.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dom0/backends/net/antispoof.h"
#include "dom0/backends/net/offload.h"
#include "tests/host/net/front.h"

struct side {
    struct front front;
    struct net_tx_ring tx;
    struct net_rx_ring rx;
    struct net_tx_batch out;
    struct net_rx_batch in;
    uint8_t data[NET_RING_SLOTS * NET_PAGE_SIZE];
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
    if (!holds)
        abort();
}

static void check_packet(const struct net_tx_batch *batch, const struct net_tx_packet *packet)
{
    uint32_t sum = 0;

    must(packet->first_piece + (unsigned int)packet->pieces <= batch->pieces);
    must(packet->first_answer + (unsigned int)packet->answers <= batch->answers && packet->answers > 0);
    if (packet->error)
        return;
    must(packet->pieces >= 1 && packet->pieces <= NET_TX_SLOTS_MAX);
    for (unsigned int i = 0; i < packet->pieces; i++) {
        const struct net_tx_piece *piece = &batch->piece[packet->first_piece + i];

        must(piece->size > 0 && piece->offset + (uint32_t)piece->size <= NET_PAGE_SIZE);
        sum += piece->size;
    }
    must(sum == packet->length && sum >= NET_TX_LENGTH_MIN);
}

static void transmit(struct side *s)
{
    int64_t tokens = 1 << 20;
    uint32_t before = s->front.tx.ring.rsp_prod;
    unsigned int n = net_tx_take(&s->tx, &s->out, &tokens);

    must(n <= NET_RING_SLOTS && s->out.pieces <= NET_RING_SLOTS && s->out.answers <= NET_RING_SLOTS);
    for (unsigned int i = 0; i < n; i++)
        check_packet(&s->out, &s->out.packet[i]);
    net_tx_answer(&s->tx, &s->out);
    must(s->front.tx.ring.rsp_prod == (s->out.answers ? s->tx.ring.next : before));
}

static void receive(struct side *s, uint8_t count, const uint8_t *bytes, size_t len)
{
    uint32_t waiting = net_rx_begin(&s->rx, &s->in);

    must(waiting <= NET_RING_SLOTS);
    for (size_t i = 0; i + 3 < len && i < count; i += 4) {
        struct net_rx_packet packet = {.data = s->data,
                                       .length = 1u + (bytes[i] | (uint32_t)bytes[i + 1] << 8),
                                       .gso_type = bytes[i + 2] % 3,
                                       .gso_size = 100};
        unsigned int before = s->in.answers;

        if (net_rx_add(&s->rx, &s->in, &packet))
            must(s->in.answers == before + net_rx_slots(&packet));
        else
            must(before + net_rx_slots(&packet) > waiting);
        must(s->in.answers <= waiting);
    }
    for (unsigned int i = 0; i < s->in.pieces; i++)
        must(s->in.piece[i].size > 0 && s->in.piece[i].size <= NET_PAGE_SIZE);
    net_rx_answer(&s->rx, &s->in);
}

/* A packet of exactly these bytes, in both directions. */
static void packet(const uint8_t *bytes, size_t len, uint8_t flags)
{
    static const struct net_antispoof rule = {.on = true, .addresses = 1};
    const struct net_offers offers = {flags & 1, flags & 2, flags & 4, flags & 8, flags & 16};
    struct net_tx_packet out = {
        .length = (uint32_t)len, .checksum_blank = flags & 1, .gso_type = (flags >> 1) % 3, .gso_size = 48};
    struct net_rx_packet in = {.length = (uint32_t)len};
    struct virtio_net_hdr hdr;
    struct net_headers headers;
    uint8_t *copy;

    if (len < NET_TX_LENGTH_MIN + sizeof(hdr))
        return;
    memcpy(&hdr, bytes, sizeof(hdr));
    copy = malloc(len);
    if (!copy)
        return;
    memcpy(copy, bytes, len);
    (void)net_antispoof_pass(&rule, copy, len);
    if (net_headers_find(&headers, copy, len)) {
        must(headers.network <= len && headers.transport <= len && headers.payload <= len);
        (void)net_offload_from_guest(&hdr, &out, &headers, copy);
    }
    memcpy(&hdr, bytes, sizeof(hdr));
    (void)net_offload_to_guest(&in, &hdr, copy, &offers);
    free(copy);
}

/* What the frontend does next; the backend follows at once or later. */
static void act(struct side *s, uint8_t what, uint8_t count, const uint8_t *bytes, size_t len)
{
    switch (what % 8) {
    case 0: /* slots as they should be, with any content */
        for (size_t i = 0; i + sizeof(netif_tx_request_t) <= len; i += sizeof(netif_tx_request_t))
            memcpy(front_tx_slot(&s->front, s->front.tx.ring.req_prod++), bytes + i,
                   sizeof(netif_tx_request_t));
        break;
    case 1:
        transmit(s);
        break;
    case 2:
        front_post(&s->front, count);
        break;
    case 3:
        receive(s, count, bytes, len);
        break;
    case 4: /* anything anywhere */
        memcpy(s->front.tx.page + count * 16, bytes, len < 256 ? len : 256);
        break;
    case 5:
        memcpy(s->front.rx.page + count * 8, bytes, len < 256 ? len : 256);
        break;
    case 6: /* killed and back */
        net_tx_attach(&s->tx, &s->front.tx.ring, &s->front.tx_journal);
        net_rx_attach(&s->rx, &s->front.rx.ring, &s->front.rx_journal);
        break;
    default:
        packet(bytes, len, count);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct side s;

    memset(&s, 0, offsetof(struct side, data));
    front_init(&s.front);
    net_tx_attach(&s.tx, &s.front.tx.ring, &s.front.tx_journal);
    net_rx_attach(&s.rx, &s.front.rx.ring, &s.front.rx_journal);
    while (size >= 3) {
        size_t len = data[2] < size - 3 ? data[2] : size - 3;

        act(&s, data[0], data[1], data + 3, len);
        data += 3 + len;
        size -= 3 + len;
    }
    transmit(&s);
    return 0;
}
