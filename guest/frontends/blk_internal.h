/* SPDX-License-Identifier: MIT */
#ifndef GUEST_FRONTENDS_BLK_INTERNAL_H
#define GUEST_FRONTENDS_BLK_INTERNAL_H

/*
 * A block device as its own files see it.
 *
 *   blk_device.c   open, close, the manager thread: what to do when the backend's state changes
 *   blk_connect.c  one connection: features, rings, nodes of the store
 *   blk_channel.c  a queue on its vCPU: event, polling thread, watchdog
 *   blk_io.c       requests of callers: checks, the choice of a queue, waiting
 *   blk_queue.c    what is waiting and what is on the ring; blk_ring.c the ring; blk_grants.c the pages
 */

#include <stdbool.h>
#include <stdint.h>
#include "guest/frontends/blk.h"
#include "guest/frontends/blk_queue.h"
#include "guest/frontends/dev_suspend.h"
#include "guest/thread.h"
#include "guest/xenbus.h"

#define SECONDS 1000000000ul

/* Reasons for the manager to wake up. */
enum blk_event {
    BLK_EV_STATE = 1,
    BLK_EV_BROKEN = 2,
    BLK_EV_RECONNECT = 4,
    BLK_EV_CLOSE = 8,
    BLK_EV_SUSPEND = 16,
    BLK_EV_RESUME = 32,
};

/* What ends the manager's patience with a backend. */
#define BLK_EV_URGENT (BLK_EV_CLOSE | BLK_EV_SUSPEND)

/* How often a device whose backend is away looks around. */
#define BLK_LOOK_AROUND (SECONDS / 2)

/* A queue on its vCPU, which has the queue's number. */
struct blk_channel {
    struct blk_queue q; /* first */
    struct blk_dev *dev;
    struct thread *thread;
    struct waitq wake;
    bool stop, again; /* atomic: the thread is to end; to poll */
    unsigned port;    /* 0: none */
    struct blk_page *shared;
    unsigned useless; /* events in a row that brought nothing */
    bool masked;      /* the port, for too many of those */
    uint64_t last_answers, quiet,
        stalls; /* of the watchdog: ticks without an answer, times that it said so */
};

struct blk_dev {
    struct xenbus_device xb;
    struct xenbus_watch size;
    struct blk_options opt;
    struct blk_channel *channels[BLK_MAX_QUEUES];
    unsigned nr_channels; /* that exist */
    unsigned nr_queues;   /* that the connection has; atomic */

    struct thread *manager;
    uint64_t said;        /* system time of the manager's last line */
    struct waitq wake;    /* of the manager */
    struct waitq changed; /* of users: size, error */
    struct waitq io;      /* of threads that wait for a request; outlives their stacks */
    unsigned events;      /* blk_event, atomic */
    struct dev_suspend suspend;
    int error;            /* 0, or why the device is out of use; atomic */
    const char *broken;   /* what the backend did; atomic */
    unsigned unsupported; /* 1 << blk_op that the backend refused, atomic */

    struct spinlock lock;
    struct blk_info info; /* under the lock; size and flags are also read without */
    uint64_t reconnects;
};

/* --- blk_device.c --- */

/* Leaves the manager a note; whether there is one of these. */
void blk_note(struct blk_dev *dev, unsigned event);
bool blk_noted(const struct blk_dev *dev, unsigned events);

/* --- blk_connect.c: threads only --- */

/*
 * Negotiates with a backend that is in InitWait (or will be before the deadline) and starts the queues. 0 or
 * a negative errno with *why set, -XEN_EAGAIN for an urgent note; blk_disconnect() cleans up after a failure
 * too.
 */
int blk_connect(struct blk_dev *dev, uint64_t deadline, const char **why);

/* Nothing more goes to the rings; waits up to ns for what is there, while there is hope. */
void blk_drain(struct blk_dev *dev, uint64_t ns);

/* Ends the connection: closes both ends, takes rings and ports down. What has not ended waits for the next
 * one. */
void blk_disconnect(struct blk_dev *dev);

/* Size and nature of the disk, as the backend says now. 0 or a negative errno with *why set. */
int blk_read_properties(struct blk_dev *dev, struct blk_info *info, const char **why);

/* --- blk_channel.c --- */

/* NULL: no memory, or no such vCPU. */
struct blk_channel *blk_channel_new(struct blk_dev *dev, unsigned index);
void blk_channel_free(struct blk_channel *ch);

/* A port for backend, bound to the queue's vCPU; 0 or a negative errno. */
int blk_channel_open_port(struct blk_channel *ch, domid_t backend);
void blk_channel_close_port(struct blk_channel *ch);

#endif
