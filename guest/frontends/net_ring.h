/* SPDX-License-Identifier: MIT */
#ifndef GUEST_FRONTENDS_NET_RING_H
#define GUEST_FRONTENDS_NET_RING_H

/*
 * The frontend's half of the two rings of one queue: what is asked for, and how much of the backend's answers
 * is believed. No hypercalls: the same file is compiled for tests on the host.
 *
 * The backend may write anything into the rings at any time. Each index and each response is read once into a
 * copy, the copy is judged, and what it asks for happens only if all of it is right. Anything that no
 * honest backend can say is a fault: the ring is then not to be used any more.
 *
 * Every slot owns one page, granted to the backend once and for as long as the ring lives. Data is copied
 * into and out of these pages, so whatever a backend does to a page after its response harms nobody but
 * itself.
 *
 * A ring is used by one thread at a time; the caller sees to that.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xen/xen.h>
#include <xen/grant_table.h>
#include <xen/io/netif.h>
#include "guest/frontends/net_frame.h"

#define NET_RING_SLOTS   256u
#define NET_SLOT_BYTES   4096u
#define NET_PACKET_SLOTS XEN_NETIF_NR_SLOTS_MIN

struct net_slot {
    uint8_t *page;
    grant_ref_t gref;
};

/* What a backend did that no honest one does. */
enum net_fault {
    NET_FAULT_NONE,
    NET_FAULT_INDEX,  /* more responses than requests */
    NET_FAULT_ID,     /* a response to nothing that is outstanding */
    NET_FAULT_STATUS, /* a status that does not exist */
    NET_FAULT_FLAGS,  /* a flag that changes the meaning of a slot in an unknown way */
    NET_FAULT_RANGE,  /* bytes beyond the end of the page */
    NET_FAULT_EXTRA,  /* extra information of an unknown type, or without an end */
    NET_FAULT_SLOTS,  /* a packet of too many slots */
};

/* For messages. */
const char *net_fault_text(enum net_fault fault);

/* --- sending --- */

struct net_tx_ring {
    struct netif_tx_front_ring ring;
    const struct net_slot *slots; /* NET_RING_SLOTS of them, found by request id */
    uint16_t free_ids[NET_RING_SLOTS];
    unsigned nr_free;
    bool outstanding[NET_RING_SLOTS];
    uint64_t refused; /* requests that the backend answered with an error */
};

/* shared is a page that the backend may map afterwards; slots must outlive the ring. */
void net_tx_init(struct net_tx_ring *tx, void *shared, const struct net_slot *slots);

/*
 * Copies a frame into as many slots as it needs, slot_bytes (1..NET_SLOT_BYTES) in each, at most max_slots of
 * them. The backend sees it after net_tx_push(). -XEN_EMSGSIZE: no such frame can ever be sent; -XEN_EAGAIN:
 * not enough room now. Nothing has changed in both cases.
 */
int net_tx_put(struct net_tx_ring *tx, const struct net_frag *frags, unsigned nr_frags, enum net_csum csum,
               unsigned slot_bytes, unsigned max_slots);

/* Shows the backend what was put; true if it asked to be notified. */
bool net_tx_push(struct net_tx_ring *tx);

/* Takes all responses that are there. */
enum net_fault net_tx_reap(struct net_tx_ring *tx);

/*
 * Asks for an event when half of the outstanding requests are answered; true if responses came in already, so
 * that waiting would be wrong.
 */
bool net_tx_arm(struct net_tx_ring *tx);

static inline unsigned net_tx_outstanding(const struct net_tx_ring *tx)
{
    return NET_RING_SLOTS - tx->nr_free;
}

/* --- receiving --- */

struct net_rx_ring {
    struct netif_rx_front_ring ring;
    const struct net_slot *slots; /* NET_RING_SLOTS of them, found by the request's place in the ring */
    RING_IDX seen;                /* producer index of the last look */
    uint64_t refused;             /* frames that the backend reported as lost */
    uint64_t too_long;            /* frames that did not fit the reader's buffer */
};

enum net_rx_result {
    NET_RX_EMPTY,  /* no whole frame there */
    NET_RX_FRAME,  /* one was copied */
    NET_RX_DROP,   /* one was consumed without being worth anything; counted */
    NET_RX_BROKEN, /* *fault says why; the ring is dead */
};

struct net_rx_frame {
    size_t len;
    unsigned slots;
    enum net_csum csum;
};

void net_rx_init(struct net_rx_ring *rx, void *shared, const struct net_slot *slots);

/* Offers all pages that the backend has not got; true if it asked to be notified. */
bool net_rx_post(struct net_rx_ring *rx);

/* Copies the next whole frame to buf. */
enum net_rx_result net_rx_take(struct net_rx_ring *rx, uint8_t *buf, size_t size, struct net_rx_frame *frame,
                               enum net_fault *fault);

/* Asks for an event at the next response; true if one came in already. */
bool net_rx_arm(struct net_rx_ring *rx);

#endif
