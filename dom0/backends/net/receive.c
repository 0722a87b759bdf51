/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include "dom0/backends/net/queue_pass.h"

/* Batches of one pass: as many packets as a pass in the other direction brings, or a tap overflows that one
 * guest fills and another one would empty. */
#define ROUNDS_MAX 4u
_Static_assert(ROUNDS_MAX *NET_RX_PACKETS >= NET_RING_SLOTS, "as much out of a tap as into it");

/* Packets that one drop reads at most; more than the tap's queue holds. */
#define DROP_MAX 2048u

/* The next packet; its length, 0 when there is none. */
static uint32_t read_tap(const struct net_queue *queue, struct virtio_net_hdr *hdr, uint8_t *data,
                         size_t room)
{
    struct iovec iov[2] = {{hdr, sizeof(*hdr)}, {data, room}};
    ssize_t n;

    do
        n = readv(queue->tap, iov, 2);
    while (n < 0 && errno == EINTR);
    return n > (ssize_t)sizeof(*hdr) ? (uint32_t)n - (uint32_t)sizeof(*hdr) : 0;
}

/* The packet that found no room last time, or the next one of the tap. */
static uint32_t next_packet(struct net_queue *queue, struct virtio_net_hdr *hdr, uint8_t *data, size_t room)
{
    struct net_held *held = queue->held;
    uint32_t length;

    if (!held)
        return read_tap(queue, hdr, data, room);
    queue->held = NULL;
    length = held->length;
    *hdr = held->hdr;
    memcpy(data, held->data, length);
    free(held);
    return length;
}

/* Without memory the packet is lost. */
static void hold(struct net_queue *queue, const struct virtio_net_hdr *hdr, const uint8_t *data,
                 uint32_t length)
{
    struct net_held *held = malloc(sizeof(*held) + length);

    if (!held)
        return;
    held->hdr = *hdr;
    held->length = length;
    memcpy(held->data, data, length);
    queue->held = held;
}

/* Reads packets as long as there are any with room for them. How many slots the next one wants, 0: none
 * waits. */
static unsigned int collect(struct net_queue *queue, struct net_buffers *buffers, unsigned int limit)
{
    struct net_rx_batch *batch = &buffers->rx;

    for (unsigned int i = 0; i < limit; i++) {
        uint8_t *data = buffers->packet[i];
        struct virtio_net_hdr hdr = {0};
        struct net_rx_packet packet;

        if (batch->answers == batch->waiting)
            return 1;
        packet.length = next_packet(queue, &hdr, data, sizeof(buffers->packet[i]));
        if (packet.length == 0)
            return 0;
        if (!net_offload_to_guest(&packet, &hdr, data, &queue->vif->offers))
            continue;
        if (!net_rx_add(&queue->rx, batch, &packet)) {
            hold(queue, &hdr, data, packet.length);
            return net_rx_slots(&packet);
        }
    }
    return 0;
}

static void copy_piece(struct net_queue *queue, xengnttab_grant_copy_segment_t *copy,
                       const struct net_rx_piece *piece)
{
    memset(copy, 0, sizeof(*copy));
    copy->source.virt = (void *)(uintptr_t)piece->data;
    copy->dest.foreign.ref = piece->gref;
    copy->dest.foreign.domid = (uint16_t)queue->vif->dev->domid;
    copy->len = piece->size;
    copy->flags = GNTCOPY_dest_gref;
    copy->status = GNTST_general_error;
}

/*
 * Puts all data of the batch into the frontend's pages: ourselves where they are mapped, else in one call; a
 * page that cannot be written spoils its packet.
 */
static void deliver_pieces(struct net_queue *queue, struct net_buffers *buffers)
{
    struct net_rx_batch *batch = &buffers->rx;
    unsigned int copies = 0;
    int rc;

    for (unsigned int i = 0; i < batch->pieces; i++) {
        const struct net_rx_piece *piece = &batch->piece[i];
        uint8_t *page = queue->rx_pages ? persistent_page(queue->rx_pages, piece->gref) : NULL;

        if (page) {
            memcpy(page, piece->data, piece->size);
            continue;
        }
        if (queue->rx_pages)
            persistent_want(queue->rx_pages, piece->gref);
        copy_piece(queue, &buffers->copy[copies], piece);
        buffers->copied[copies++] = (uint16_t)i;
    }
    if (copies == 0)
        return;
    rc = xengnttab_grant_copy(queue->gnttab, copies, buffers->copy);
    for (unsigned int i = 0; i < copies; i++)
        if (rc != 0 || buffers->copy[i].status != GNTST_okay)
            net_rx_failed(batch, &batch->piece[buffers->copied[i]]);
    if (queue->rx_pages)
        persistent_map(queue->rx_pages, 0); /* for the next time; none is ever too old */
}

/*
 * Where packets come one by one they are read one by one: to ask the tap whether it has another one costs a
 * system call, and the loop says so anyway, in its next round.
 */
static unsigned int packets_now(struct net_queue *queue)
{
    unsigned int round = queue->vif->service->round;

    if (queue->stopped || queue->held || round - queue->last_round <= 1)
        queue->alone = false;
    queue->last_round = round;
    return queue->alone ? 1 : NET_RX_PACKETS;
}

unsigned int net_receive_pass(struct net_queue *queue)
{
    struct net_buffers *buffers = queue->vif->buffers;
    unsigned int missing, rounds = 0, limit = packets_now(queue);

    do {
        net_rx_begin(&queue->rx, &buffers->rx);
        if (queue->rx.ring.broken)
            return 0;
        missing = collect(queue, buffers, limit);
        queue->alone = rounds == 0 && missing == 0 && buffers->rx.packets == 1;
        if (buffers->rx.answers > 0) {
            deliver_pieces(queue, buffers);
            if (net_rx_answer(&queue->rx, &buffers->rx))
                guest_port_notify(queue->notify_rx);
        }
        if (missing == 0 && buffers->rx.packets < limit)
            return 0;
        /* Room may have come meanwhile. */
        if (missing > 0 && !net_rx_wait(&queue->rx, missing))
            return missing;
    } while (limit > 1 && ++rounds < ROUNDS_MAX);
    return 0; /* others have their turn, and the tap is still readable */
}

void net_receive_drop(struct net_queue *queue)
{
    struct virtio_net_hdr hdr = {0};

    free(queue->held);
    queue->held = NULL;
    for (unsigned int i = 0; i < DROP_MAX; i++)
        if (read_tap(queue, &hdr, queue->vif->buffers->packet[0], sizeof(queue->vif->buffers->packet[0])) ==
            0)
            break;
}
