/* SPDX-License-Identifier: MIT */
#ifndef GUEST_FRONTENDS_NET_H
#define GUEST_FRONTENDS_NET_H

/*
 * Network cards: the frontend half of Xen's vif protocol.
 *
 * Frames are copied into and out of pages that belong to the card, so a backend never sees or writes a byte
 * of anything else. A card outlives its backend: after an orderly close it connects again as soon as there is
 * a new one; a backend that dies and comes back without a word finds the rings as it left them, and meanwhile
 * senders wait for room. A backend that breaks the protocol disables the card for good, with one line on the
 * console.
 *
 * Words of the command line, for tests and for backends with faults: net.nosg, net.nocsum, net.nosplit,
 * net.norxnotify, net.nopersistent, net.queues=N (at most; default one for each vCPU), net.slot=BYTES (in one
 * slot of a ring; default 4096).
 */

#include <stdbool.h>
#include <stdint.h>
#include "guest/frontends/net_frame.h"

#define NET_MAX_QUEUES 8u

struct net_device;

struct net_state {
    uint8_t mac[6];
    uint16_t mtu;    /* bytes behind the Ethernet header */
    bool up;         /* connected, and the backend says that there is a carrier */
    bool disabled;   /* the backend broke the protocol */
    bool sg;         /* frames may take several slots */
    bool csum_blank; /* frames may be sent with NET_CSUM_BLANK */
    bool split;      /* one event channel for each direction */
    unsigned queues; /* 0: not connected */
};

struct net_handlers {
    /*
     * A frame came in; it is read before the call returns. Called on the thread of a queue, so by several at
     * a time if there are several; it may send with a deadline that has passed, and must not wait.
     */
    void (*receive)(void *ctx, const uint8_t *frame, size_t len, enum net_csum csum);
    /* Something of the state is different. Called on the thread of the card; must not wait for the card. */
    void (*changed)(void *ctx, const struct net_state *state);
    void *ctx;
};

struct net_counters {
    uint64_t tx_frames, tx_bytes, rx_frames, rx_bytes;
    uint64_t tx_refused;  /* slots that the backend answered with an error */
    uint64_t rx_refused;  /* frames that the backend said it lost */
    uint64_t rx_too_long; /* frames longer than the MTU allows */
    uint64_t tx_events, rx_events;
    uint64_t kicks; /* events sent again because nothing moved for a second */
    uint64_t connections;
    uint64_t held; /* pages put aside because a backend would not let go of them */
};

/*
 * Opens vif `id`. It connects when there is a backend; changed() tells. 0, -XEN_ENODEV if this domain has no
 * such vif, -XEN_ENOMEM, or what the store said.
 */
int net_open(struct net_device **dev, unsigned id, const struct net_handlers *handlers);

/*
 * Sends a frame (at least NET_FRAME_MIN bytes, a header and at most the MTU). Frames with the same flow keep
 * their order. While the ring is full it waits until system time deadline (0: for ever; passed: not at all).
 * 0, -XEN_EMSGSIZE, -XEN_EAGAIN (no room by deadline), -XEN_ENOTCONN (no backend, or disabled). A frame may
 * be lost silently. Threads of any vCPU.
 */
int net_send(struct net_device *dev, const struct net_frag *frags, unsigned nr_frags, enum net_csum csum,
             uint32_t flow, uint64_t deadline);

void net_state(struct net_device *dev, struct net_state *state);
void net_counters(struct net_device *dev, struct net_counters *counters);

/* Disconnects in good order and frees the card, unless the backend holds pages of it. Nobody may be in
 * net_send(). */
void net_close(struct net_device *dev);

#endif
