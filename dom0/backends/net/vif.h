/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_NET_VIF_H
#define HOSPES_NET_VIF_H

#include "dom0/backends/common/persistent.h"
#include "dom0/backends/common/xenbus_backend.h"
#include "dom0/backends/net/antispoof.h"
#include "dom0/backends/net/buffers.h"
#include "dom0/backends/net/offload.h"
#include "dom0/backends/net/rate.h"
#include "dom0/backends/net/tap_io.h"

#define NET_QUEUES_MAX 4u

/* What all vifs share; backend_env.priv. */
struct net_service {
    struct net_buffers *buffers;
    struct net_tap_io *io; /* NULL: a system call for every packet */
    unsigned int round;    /* of the loop */
};

/* One network interface of a guest. */
struct vif {
    struct backend_dev *dev;
    struct net_service *service;
    struct net_buffers *buffers;

    unsigned int taps;                /* queues of the tap, and the most that the frontend may use */
    int tap[NET_QUEUES_MAX];          /* descriptors, one a queue */
    struct net_journal (*journal)[2]; /* of each queue: transmit, receive; in a file that outlives us */

    struct net_antispoof antispoof;
    struct net_rate rate;

    /* While connected: */
    struct net_offers offers;
    unsigned int queues;
    struct net_queue *queue[NET_QUEUES_MAX];
    void *rings;     /* 2 * queues pages */
    bool persistent; /* the frontend uses its pages again, with the grants that they have */
};

extern const struct backend_ops vif_ops;

#endif
