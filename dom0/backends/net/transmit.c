/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "dom0/backends/net/queue_pass.h"

/* All data of the batch in one call: each piece into the page of its number. */
static void copy_pieces(struct net_queue *queue, struct net_buffers *buffers)
{
    const struct net_tx_batch *batch = &buffers->tx;

    for (unsigned int i = 0; i < batch->pieces; i++) {
        const struct net_tx_piece *piece = &batch->piece[i];
        xengnttab_grant_copy_segment_t *copy = &buffers->copy[i];

        memset(copy, 0, sizeof(*copy));
        copy->source.foreign.ref = piece->gref;
        copy->source.foreign.offset = piece->offset;
        copy->source.foreign.domid = (uint16_t)queue->vif->dev->domid;
        copy->dest.virt = buffers->piece[i];
        copy->len = piece->size;
        copy->flags = GNTCOPY_source_gref;
        copy->status = GNTST_general_error;
    }
    if (batch->pieces > 0 && xengnttab_grant_copy(queue->gnttab, batch->pieces, buffers->copy) != 0)
        for (unsigned int i = 0; i < batch->pieces; i++)
            buffers->copy[i].status = GNTST_general_error;
}

static bool copied(const struct net_buffers *buffers, const struct net_tx_packet *packet)
{
    for (unsigned int i = 0; i < packet->pieces; i++)
        if (buffers->copy[packet->first_piece + i].status != GNTST_okay)
            return false;
    return true;
}

/*
 * What is written: the tap's header and the packet's first bytes out of the head, where they are side by side
 * and may be changed, then the rest out of the pieces' pages.
 */
static unsigned int gather(struct net_buffers *buffers, const struct net_tx_packet *packet,
                           struct net_head *head, struct iovec *iov, size_t *head_bytes)
{
    size_t wanted = packet->length < NET_HEAD_BYTES ? packet->length : NET_HEAD_BYTES, have = 0;
    unsigned int n = 1;

    for (unsigned int i = packet->first_piece; i < packet->first_piece + (unsigned int)packet->pieces; i++) {
        size_t size = buffers->tx.piece[i].size, pulled = size < wanted - have ? size : wanted - have;

        memcpy(head->bytes + have, buffers->piece[i], pulled);
        have += pulled;
        if (pulled < size)
            iov[n++] = (struct iovec){buffers->piece[i] + pulled, size - pulled};
    }
    iov[0] = (struct iovec){head, sizeof(head->hdr) + have};
    *head_bytes = have;
    return n;
}

/* Packets may be lost: a tap that is down or refuses this one is no error of the guest's. */
static void write_now(int tap, const struct iovec *iov, unsigned int n)
{
    while ((n == 1 ? write(tap, iov->iov_base, iov->iov_len) : writev(tap, iov, (int)n)) < 0 &&
           errno == EINTR)
        ;
}

/* Makes the packet of this number ready at iov; how many pieces, 0: not to be sent. Whoever is not allowed to
 * send this is not told. */
static unsigned int prepare(struct net_queue *queue, unsigned int number, struct iovec *iov)
{
    struct net_buffers *buffers = queue->vif->buffers;
    struct net_tx_packet *packet = &buffers->tx.packet[number];
    struct net_head *head = &buffers->head[number];
    struct net_headers headers;
    struct virtio_net_hdr hdr = {0};
    size_t head_bytes;
    unsigned int n = gather(buffers, packet, head, iov, &head_bytes);

    if (!net_antispoof_pass(&queue->vif->antispoof, head->bytes, head_bytes)) {
        backend_log(queue->vif->dev, "dropped a packet with a false source");
        return 0;
    }
    if (!net_headers_find(&headers, head->bytes, head_bytes))
        memset(&headers, 0, sizeof(headers));
    packet->error = net_offload_from_guest(&hdr, packet, &headers, head->bytes);
    head->hdr = hdr;
    return packet->error ? 0 : n;
}

/* One packet alone is quicker without a detour. */
static void send_batch(struct net_queue *queue, struct net_buffers *buffers)
{
    struct net_tap_io *io = buffers->tx.packets > 1 ? queue->vif->service->io : NULL;
    struct iovec *iov = buffers->iov;

    for (unsigned int i = 0; i < buffers->tx.packets; i++) {
        struct net_tx_packet *packet = &buffers->tx.packet[i];
        unsigned int n = 0;

        if (!packet->error && !copied(buffers, packet))
            packet->error = "a page that is not granted";
        if (!packet->error)
            n = prepare(queue, i, iov);
        if (packet->error)
            backend_log(queue->vif->dev, "a packet was refused: %s", packet->error);
        if (n > 0 && io)
            net_tap_io_write(io, queue->tap, iov, n);
        else if (n > 0)
            write_now(queue->tap, iov, n);
        iov += n;
    }
    if (io)
        net_tap_io_flush(io);
}

/* The clock is only read for those who have a limit. */
static int64_t tokens_now(struct net_rate *rate)
{
    return net_rate_tokens(rate, rate->bytes ? loop_now_ns() : 0);
}

bool net_transmit_pass(struct net_queue *queue, int64_t *due)
{
    struct net_buffers *buffers = queue->vif->buffers;
    struct net_rate *rate = &queue->vif->rate;
    int64_t before = tokens_now(rate), tokens = before;
    unsigned int taken = net_tx_take(&queue->tx, &buffers->tx, &tokens);

    if (taken > 0) {
        copy_pieces(queue, buffers);
        send_batch(queue, buffers);
        net_rate_spend(rate, before - tokens);
        if (net_tx_answer(&queue->tx, &buffers->tx))
            guest_port_notify(queue->tx_port);
    }
    if (!net_tx_wait(&queue->tx))
        return true;
    if (taken == 0 || tokens <= 0)
        *due = net_rate_due(rate);
    return false;
}
