/* SPDX-License-Identifier: MIT */
#include <xen/errno.h>
#include "guest/frontends/net_ring.h"
#include "guest/string.h"

#define xen_mb()  __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define xen_wmb() __atomic_thread_fence(__ATOMIC_RELEASE)

_Static_assert(__CONST_RING_SIZE(netif_tx, NET_SLOT_BYTES) == NET_RING_SLOTS, "a page of requests to send");
_Static_assert(__CONST_RING_SIZE(netif_rx, NET_SLOT_BYTES) == NET_RING_SLOTS,
               "a page of requests to receive");

const char *net_fault_text(enum net_fault fault)
{
    static const char *const text[] = {
        [NET_FAULT_NONE] = "no fault",
        [NET_FAULT_INDEX] = "more responses than requests",
        [NET_FAULT_ID] = "a response to a request that is not outstanding",
        [NET_FAULT_STATUS] = "a response with an unknown status",
        [NET_FAULT_FLAGS] = "a response with unknown flags",
        [NET_FAULT_RANGE] = "data beyond the end of its page",
        [NET_FAULT_EXTRA] = "extra information of an unknown type or without an end",
        [NET_FAULT_SLOTS] = "a packet of too many slots",
    };

    return text[fault];
}

/* The producer index of the backend, and everything that it wrote before it. */
static RING_IDX load_index(const RING_IDX *index)
{
    return __atomic_load_n(index, __ATOMIC_ACQUIRE);
}

/* --- sending --- */

void net_tx_init(struct net_tx_ring *tx, void *shared, const struct net_slot *slots)
{
    struct netif_tx_sring *sring = shared;

    memset(tx, 0, sizeof(*tx));
    memset(shared, 0, NET_SLOT_BYTES);
    SHARED_RING_INIT(sring);
    FRONT_RING_INIT(&tx->ring, sring, NET_SLOT_BYTES);
    tx->slots = slots;
    for (unsigned id = 0; id < NET_RING_SLOTS; id++)
        tx->free_ids[id] = (uint16_t)(NET_RING_SLOTS - 1 - id);
    tx->nr_free = NET_RING_SLOTS;
}

/* Total length, or 0 if it is none that a frame may have. */
static size_t frame_length(const struct net_frag *frags, unsigned nr_frags)
{
    size_t total = 0;

    for (unsigned i = 0; i < nr_frags; i++) {
        if (frags[i].len > NET_FRAME_MAX - total)
            return 0;
        total += frags[i].len;
    }
    return total < NET_FRAME_MIN ? 0 : total;
}

/* Where in a list of pieces the next byte comes from. */
struct gather {
    const struct net_frag *frag;
    size_t done;
};

static void gather_bytes(struct gather *from, uint8_t *to, size_t len)
{
    while (len) {
        size_t n = from->frag->len - from->done;

        if (n > len)
            n = len;
        if (n)
            memcpy(to, (const uint8_t *)from->frag->data + from->done, n);
        from->done += n;
        to += n;
        len -= n;
        if (from->done == from->frag->len) {
            from->frag++;
            from->done = 0;
        }
    }
}

int net_tx_put(struct net_tx_ring *tx, const struct net_frag *frags, unsigned nr_frags, enum net_csum csum,
               unsigned slot_bytes, unsigned max_slots)
{
    struct gather from = {.frag = frags};
    size_t total = frame_length(frags, nr_frags), left = total;
    unsigned nr_slots = (unsigned)((total + slot_bytes - 1) / slot_bytes);

    if (!total || nr_slots > max_slots)
        return -XEN_EMSGSIZE;
    if (nr_slots > tx->nr_free)
        return -XEN_EAGAIN;
    for (unsigned i = 0; i < nr_slots; i++) {
        size_t len = left < slot_bytes ? left : slot_bytes;
        uint16_t id = tx->free_ids[--tx->nr_free];
        struct netif_tx_request req = {.gref = tx->slots[id].gref, .id = id};

        gather_bytes(&from, tx->slots[id].page, len);
        left -= len;
        /* The first request says how long the whole is, the others how long they are. */
        req.size = (uint16_t)(i ? len : total);
        if (!i && csum == NET_CSUM_BLANK)
            req.flags = NETTXF_csum_blank | NETTXF_data_validated;
        if (left)
            req.flags |= NETTXF_more_data;
        tx->outstanding[id] = true;
        *RING_GET_REQUEST(&tx->ring, tx->ring.req_prod_pvt) = req;
        tx->ring.req_prod_pvt++;
    }
    return 0;
}

bool net_tx_push(struct net_tx_ring *tx)
{
    bool notify;

    RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&tx->ring, notify);
    return notify;
}

static enum net_fault tx_response(struct net_tx_ring *tx, const struct netif_tx_response *rsp)
{
    if (rsp->id >= NET_RING_SLOTS || !tx->outstanding[rsp->id])
        return NET_FAULT_ID;
    if (rsp->status != NETIF_RSP_OKAY && rsp->status != NETIF_RSP_ERROR && rsp->status != NETIF_RSP_DROPPED)
        return NET_FAULT_STATUS;
    tx->refused += rsp->status != NETIF_RSP_OKAY;
    tx->outstanding[rsp->id] = false;
    tx->free_ids[tx->nr_free++] = rsp->id;
    return NET_FAULT_NONE;
}

enum net_fault net_tx_reap(struct net_tx_ring *tx)
{
    RING_IDX prod = load_index(&tx->ring.sring->rsp_prod);

    if (prod - tx->ring.rsp_cons > tx->ring.req_prod_pvt - tx->ring.rsp_cons)
        return NET_FAULT_INDEX;
    for (; tx->ring.rsp_cons != prod; tx->ring.rsp_cons++) {
        struct netif_tx_response rsp;
        enum net_fault fault;

        RING_COPY_RESPONSE(&tx->ring, tx->ring.rsp_cons, &rsp);
        fault = tx_response(tx, &rsp);
        if (fault)
            return fault;
    }
    return NET_FAULT_NONE;
}

bool net_tx_arm(struct net_tx_ring *tx)
{
    RING_IDX cons = tx->ring.rsp_cons;

    __atomic_store_n(&tx->ring.sring->rsp_event, cons + net_tx_outstanding(tx) / 2 + 1, __ATOMIC_RELAXED);
    xen_mb();
    return load_index(&tx->ring.sring->rsp_prod) != cons;
}

/* --- receiving --- */

/* The slots of one packet, as far as they were read. */
struct rx_chain {
    struct rx_piece {
        const uint8_t *data;
        size_t len;
    } pieces[NET_PACKET_SLOTS];
    unsigned nr_pieces;
    size_t len;
    unsigned extras;
    uint16_t first_flags;
    bool bad; /* the backend reported an error */
};

#define RX_FLAGS (NETRXF_data_validated | NETRXF_csum_blank | NETRXF_more_data | NETRXF_extra_info)

void net_rx_init(struct net_rx_ring *rx, void *shared, const struct net_slot *slots)
{
    struct netif_rx_sring *sring = shared;

    memset(rx, 0, sizeof(*rx));
    memset(shared, 0, NET_SLOT_BYTES);
    SHARED_RING_INIT(sring);
    FRONT_RING_INIT(&rx->ring, sring, NET_SLOT_BYTES);
    rx->slots = slots;
}

bool net_rx_post(struct net_rx_ring *rx)
{
    bool notify;

    for (; !RING_FULL(&rx->ring); rx->ring.req_prod_pvt++) {
        uint16_t id = (uint16_t)(rx->ring.req_prod_pvt % NET_RING_SLOTS);
        struct netif_rx_request req = {.id = id, .gref = rx->slots[id].gref};

        *RING_GET_REQUEST(&rx->ring, rx->ring.req_prod_pvt) = req;
    }
    RING_PUSH_REQUESTS_AND_CHECK_NOTIFY(&rx->ring, notify);
    return notify;
}

static enum net_fault chain_data(struct rx_chain *chain, const struct net_rx_ring *rx, RING_IDX at,
                                 const struct netif_rx_response *rsp)
{
    unsigned slot = at % NET_RING_SLOTS;

    if (rsp->id != slot)
        return NET_FAULT_ID;
    if (rsp->flags & ~RX_FLAGS)
        return NET_FAULT_FLAGS;
    if (chain->nr_pieces == NET_PACKET_SLOTS)
        return NET_FAULT_SLOTS;
    if (rsp->status < 0) {
        chain->bad = true;
        return NET_FAULT_NONE;
    }
    if (rsp->offset > NET_SLOT_BYTES || (unsigned)rsp->status > NET_SLOT_BYTES - rsp->offset)
        return NET_FAULT_RANGE;
    chain->pieces[chain->nr_pieces].data = rx->slots[slot].page + rsp->offset;
    chain->pieces[chain->nr_pieces].len = (size_t)rsp->status;
    chain->nr_pieces++;
    chain->len += (size_t)rsp->status;
    return NET_FAULT_NONE;
}

/* Extra information lies in the place of a response; none of it is of use to us. */
static enum net_fault chain_extra(struct rx_chain *chain, const struct netif_rx_response *rsp, bool *more)
{
    struct netif_extra_info extra;

    _Static_assert(sizeof(extra) <= sizeof(*rsp), "extra information fits a response");
    memcpy(&extra, rsp, sizeof(extra));
    if (extra.type == XEN_NETIF_EXTRA_TYPE_NONE || extra.type >= XEN_NETIF_EXTRA_TYPE_MAX)
        return NET_FAULT_EXTRA;
    /* Each type once at most. */
    if (++chain->extras >= XEN_NETIF_EXTRA_TYPE_MAX)
        return NET_FAULT_EXTRA;
    *more = extra.flags & XEN_NETIF_EXTRA_FLAG_MORE;
    return NET_FAULT_NONE;
}

/*
 * Reads responses from the ring until a packet is whole. Returns how many it took, 0 if the end of the packet
 * is not there yet. Nothing is consumed.
 */
static unsigned read_chain(const struct net_rx_ring *rx, RING_IDX prod, struct rx_chain *chain,
                           enum net_fault *fault)
{
    RING_IDX at = rx->ring.rsp_cons;
    bool extra = false, more = false;
    unsigned slots = 0;

    do {
        struct netif_rx_response rsp;

        if (at == prod)
            return 0;
        RING_COPY_RESPONSE(&rx->ring, at, &rsp);
        if (extra) {
            *fault = chain_extra(chain, &rsp, &extra);
        } else {
            *fault = chain_data(chain, rx, at, &rsp);
            more = rsp.flags & NETRXF_more_data;
            extra = rsp.flags & NETRXF_extra_info;
            if (!slots)
                chain->first_flags = rsp.flags;
            else if (extra)
                *fault = NET_FAULT_EXTRA;
        }
        at++;
        slots++;
        /* Failed slots add no piece, so the pieces alone do not bound the chain. */
        if (!*fault && slots > NET_PACKET_SLOTS + XEN_NETIF_EXTRA_TYPE_MAX)
            *fault = NET_FAULT_SLOTS;
    } while (!*fault && (more || extra));
    return slots;
}

static enum net_csum rx_csum(uint16_t flags)
{
    if (flags & NETRXF_csum_blank)
        return NET_CSUM_BLANK;
    return flags & NETRXF_data_validated ? NET_CSUM_VALID : NET_CSUM_UNKNOWN;
}

enum net_rx_result net_rx_take(struct net_rx_ring *rx, uint8_t *buf, size_t size, struct net_rx_frame *frame,
                               enum net_fault *fault)
{
    struct rx_chain chain = {.nr_pieces = 0};
    RING_IDX prod = load_index(&rx->ring.sring->rsp_prod);
    unsigned slots;

    *fault = NET_FAULT_NONE;
    rx->seen = prod;
    if (prod - rx->ring.rsp_cons > rx->ring.req_prod_pvt - rx->ring.rsp_cons)
        *fault = NET_FAULT_INDEX;
    slots = *fault ? 0 : read_chain(rx, prod, &chain, fault);
    if (*fault)
        return NET_RX_BROKEN;
    if (!slots)
        return NET_RX_EMPTY;
    rx->ring.rsp_cons += slots;
    rx->refused += chain.bad;
    rx->too_long += !chain.bad && chain.len > size;
    if (chain.bad || chain.len > size)
        return NET_RX_DROP;
    for (unsigned i = 0; i < chain.nr_pieces; buf += chain.pieces[i++].len)
        memcpy(buf, chain.pieces[i].data, chain.pieces[i].len);
    *frame = (struct net_rx_frame){.len = chain.len, .slots = slots, .csum = rx_csum(chain.first_flags)};
    return NET_RX_FRAME;
}

bool net_rx_arm(struct net_rx_ring *rx)
{
    __atomic_store_n(&rx->ring.sring->rsp_event, rx->seen + 1, __ATOMIC_RELAXED);
    xen_mb();
    return load_index(&rx->ring.sring->rsp_prod) != rx->seen;
}
