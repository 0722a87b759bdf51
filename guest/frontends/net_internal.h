/* SPDX-License-Identifier: MIT */
#ifndef GUEST_FRONTENDS_NET_INTERNAL_H
#define GUEST_FRONTENDS_NET_INTERNAL_H

/*
 * Shared by the files of the network frontend.
 *
 * One thread of the card (net.c) follows the states of the backend; it alone connects and disconnects. Each
 * queue has a thread on a vCPU of its own that receives and that wakes senders. Senders are whoever calls
 * net_send().
 *
 * Locks: tx_lock of a queue guards its ring to send, and `live` against being taken away under a sender. The
 * ring to receive belongs to the queue's thread. lock of the card guards `state`. None is held while anything
 * waits or a handler of the user runs.
 */

#include "guest/frontends/dev_suspend.h"
#include "guest/frontends/net.h"
#include "guest/frontends/net_ring.h"
#include "guest/spinlock.h"
#include "guest/thread.h"
#include "guest/xenbus.h"

#define NS_PER_S 1000000000ul

struct net_options {
    bool sg, csum, split, rx_notify, persistent;
    unsigned queues;
    unsigned slot_bytes;
};

struct net_queue {
    struct net_device *dev;
    unsigned index, vcpu;
    struct net_slot tx_slots[NET_RING_SLOTS], rx_slots[NET_RING_SLOTS];
    struct net_slot tx_shared, rx_shared; /* the rings themselves */
    uint8_t *frame;                       /* what is received is put together here; NET_FRAME_MAX + 1 bytes */
    unsigned tx_port, rx_port;            /* the same one unless they are split; 0: none */

    struct spinlock tx_lock;
    struct net_tx_ring tx;
    bool live;         /* connected, and nothing wrong yet */
    struct waitq room; /* senders that found the ring full */
    unsigned progress; /* responses taken */
    unsigned polled;   /* progress when the thread looked last */

    struct net_rx_ring rx;
    struct waitq wait; /* the thread */
    bool event, stop;
    struct thread *thread;

    struct net_counters n; /* tx_*: under tx_lock; others: the thread's and the handlers' */
};

enum net_news {
    NET_NEWS_STATE = 1, /* of the backend */
    NET_NEWS_NODES = 2, /* mac, mtu, carrier, backend */
    NET_NEWS_FAULT = 4, /* of a ring */
    NET_NEWS_CLOSE = 8, /* net_close() */
    NET_NEWS_SUSPEND = 16,
    NET_NEWS_RESUME = 32,
};

struct net_device {
    unsigned id;
    struct net_handlers handlers;
    struct net_options options;
    struct xenbus_device xb;
    bool has_xb;                          /* xb is open */
    struct xenbus_watch front_watches[3]; /* mac, mtu, backend */
    struct xenbus_watch carrier_watch;    /* while xb is open */
    unsigned nr_watches;
    bool rx_notify;
    unsigned slot_bytes, max_slots; /* of a frame to send */

    struct net_queue *queues[NET_MAX_QUEUES]; /* made when first needed, kept */
    unsigned nr_queues;                       /* connected ones */

    struct dev_suspend suspend;

    struct waitq wait;
    unsigned news; /* enum net_news */
    struct thread *thread;
    unsigned fault; /* enum net_fault of the first ring that broke */

    struct spinlock lock;
    struct net_state state;

    uint64_t connections;
};

/* --- net.c --- */
void net_news(struct net_device *dev, enum net_news news);
/* A ring of a connected queue broke: the card will be disabled. */
void net_fault(struct net_device *dev, enum net_fault fault);

/* --- net_options.c --- */
void net_options_read(struct net_options *options);

/* --- net_queue.c: the card's thread --- */
/* Gets pages, grants and ports for the backend and sets the rings up; the thread is not started. 0 or -errno.
 */
int net_queue_prepare(struct net_queue *q);
/* Starts the thread. */
int net_queue_start(struct net_queue *q);
/* Ends the thread and the senders, and closes the ports. The backend may still use the pages. */
void net_queue_stop(struct net_queue *q);
/* Takes back what the backend has let go of, and puts aside the rest, for all cards together. */
void net_queue_release(struct net_queue *q);
struct net_queue *net_queue_new(struct net_device *dev, unsigned index);
/* After net_queue_release(). */
void net_queue_free(struct net_queue *q);
/* Frees the pages put aside that their backends have let go of by now; how many are left. Any thread. */
unsigned net_held_retry(void);

/* --- net_connect.c: the card's thread --- */
/* Reads what the backend offers, sets the queues up and goes to state Connected. 0 or -errno, with a line on
 * the console. */
int net_connect(struct net_device *dev);
/* Takes down what net_connect() has set up, in the order that an honest backend expects, and ends in state
 * Closed. */
void net_disconnect(struct net_device *dev);
/* Reads mac, mtu and carrier. */
void net_read_nodes(struct net_device *dev, struct net_state *state);

/* --- net_rx.c --- */
/* Hands all frames up that are there. The queue's thread. */
void net_rx_run(struct net_queue *q);

/* --- net_tx.c --- */
/* Takes responses and wakes the senders that wait for them. The queue's thread. */
void net_tx_poll(struct net_queue *q);

#endif
