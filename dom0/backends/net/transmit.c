/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "dom0/backends/net/queue_pass.h"

static void copy_piece(struct net_queue *queue, xengnttab_grant_copy_segment_t *copy,
                       const struct net_tx_piece *piece, uint8_t *to)
{
    memset(copy, 0, sizeof(*copy));
    copy->source.foreign.ref = piece->gref;
    copy->source.foreign.offset = piece->offset;
    copy->source.foreign.domid = (uint16_t)queue->vif->dev->domid;
    copy->dest.virt = to;
    copy->len = piece->size;
    copy->flags = GNTCOPY_source_gref;
    copy->status = GNTST_general_error;
}

/*
 * Finds all data of the batch: in the frontend's pages, if they are mapped, else in copies, which are made in
 * one call, each piece into the page of its number.
 */
static void find_pieces(struct net_queue *queue, struct net_buffers *buffers)
{
    const struct net_tx_batch *batch = &buffers->tx;
    unsigned int copies = 0;

    for (unsigned int i = 0; i < batch->pieces; i++) {
        const struct net_tx_piece *piece = &batch->piece[i];
        const uint8_t *page = queue->tx_pages ? persistent_page(queue->tx_pages, piece->gref) : NULL;

        buffers->source[i] = page ? page + piece->offset : NULL;
        if (page)
            continue;
        if (queue->tx_pages)
            persistent_want(queue->tx_pages, piece->gref);
        copy_piece(queue, &buffers->copy[copies], piece, buffers->piece[i]);
        buffers->copied[copies++] = (uint16_t)i;
    }
    if (copies == 0 || xengnttab_grant_copy(queue->gnttab, copies, buffers->copy) != 0)
        return;
    for (unsigned int i = 0; i < copies; i++)
        if (buffers->copy[i].status == GNTST_okay)
            buffers->source[buffers->copied[i]] = buffers->piece[buffers->copied[i]];
}

static bool found(const struct net_buffers *buffers, const struct net_tx_packet *packet)
{
    for (unsigned int i = 0; i < packet->pieces; i++)
        if (!buffers->source[packet->first_piece + i])
            return false;
    return true;
}

/*
 * What is written: the tap's header and the packet's first bytes out of the head, where they are side by side
 * and may be changed, and the guest cannot change them any more; then the rest from where the pieces are.
 */
static unsigned int gather(struct net_buffers *buffers, const struct net_tx_packet *packet,
                           struct net_head *head, struct iovec *iov, size_t *head_bytes)
{
    size_t wanted = packet->length < NET_HEAD_BYTES ? packet->length : NET_HEAD_BYTES, have = 0;
    unsigned int n = 1;

    for (unsigned int i = packet->first_piece; i < packet->first_piece + (unsigned int)packet->pieces; i++) {
        size_t size = buffers->tx.piece[i].size, pulled = size < wanted - have ? size : wanted - have;

        memcpy(head->bytes + have, buffers->source[i], pulled);
        have += pulled;
        if (pulled < size)
            iov[n++] = (struct iovec){(void *)(uintptr_t)(buffers->source[i] + pulled), size - pulled};
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

        if (!packet->error && !found(buffers, packet))
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
        find_pieces(queue, buffers);
        send_batch(queue, buffers);
        if (queue->tx_pages)
            persistent_map(queue->tx_pages, 0); /* for the next time; none is ever too old */
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
