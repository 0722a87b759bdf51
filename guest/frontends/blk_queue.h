/* SPDX-License-Identifier: MIT */
#ifndef GUEST_FRONTENDS_BLK_QUEUE_H
#define GUEST_FRONTENDS_BLK_QUEUE_H

/*
 * One queue of a block device: the requests that callers have handed over, in their order, and what of them
 * is on the ring. It needs of the machine only grants, memory, a lock and the event to the backend, which the
 * host tests replace.
 *
 * A request is cut into chunks, each one request on the ring. When a connection ends, chunks on its ring are
 * forgotten and all requests that have not ended start anew on the next: every operation may be done twice.
 */

#include <stdbool.h>
#include <stdint.h>
#include "guest/frontends/blk.h"
#include "guest/frontends/blk_grants.h"
#include "guest/frontends/blk_ring.h"
#include "guest/spinlock.h"

/* The part of a request that one slot of the ring stands for. */
struct blk_chunk {
    struct blk_req *req;
    uint64_t offset; /* in the request, sectors */
    uint32_t sectors;
    struct blk_page *pages;    /* data, in order */
    struct blk_page *describe; /* segments of an indirect request */
};

/* What a connection is like, for blk_queue_start(). */
struct blk_link {
    domid_t backend;
    bool persistent;
    unsigned segments; /* of one request on the ring */
    uint8_t flush_op;  /* BLKIF_OP_FLUSH_DISKCACHE or BLKIF_OP_WRITE_BARRIER */
    blkif_vdev_t handle;
    unsigned port;
    struct blk_page *shared; /* of blk_shared_alloc() */
    unsigned ring_order;
};

struct blk_queue {
    struct blk_dev *dev;
    unsigned index;

    /* Everything below is under this lock, which handlers take too. */
    struct spinlock lock;
    bool live;  /* requests go to the ring */
    int closed; /* 0, or the error that every new request gets */
    struct blk_link link;
    struct blk_ring ring;
    struct blk_slot *slots;
    struct blk_chunk *chunks; /* one a slot */
    struct blk_pool pool;
    struct blk_req *first, *last; /* requests that have not ended, in their order */
    struct blk_req *unissued;     /* the first that is not wholly on the ring */
    uint64_t answers;             /* responses ever taken */
    uint64_t replayed;            /* chunks ever forgotten */
};

/* Memory for rings of up to 2^max_order pages and so many data pages, or as many as there are. 0 or
 * -XEN_ENOMEM. */
int blk_queue_init(struct blk_queue *q, struct blk_dev *dev, unsigned index, unsigned max_order,
                   unsigned pool_pages);
void blk_queue_fini(struct blk_queue *q);

/* Pages that one request on the ring may have, at most. */
unsigned blk_queue_max_segments(const struct blk_queue *q);

/* Makes the empty ring in link->shared, to be told to the backend. Nothing is issued yet. */
void blk_queue_prepare(struct blk_queue *q, const struct blk_link *link);

/* The backend is connected; persistent, segments and flush_op are known only now. Issues what waits. */
void blk_queue_start(struct blk_queue *q, const struct blk_link *link);

/* Nothing more goes to the ring; what is there may still be answered. */
void blk_queue_pause(struct blk_queue *q);

/* Ends the connection on this side. The shared pages are the caller's again. */
void blk_queue_stop(struct blk_queue *q);

/* All requests end with that error, and new ones are refused with it. */
void blk_queue_fail(struct blk_queue *q, int error);

/* Moves all requests of a stopped queue behind those of another; until it is started again it refuses with
 * -XEN_EAGAIN. */
void blk_queue_move(struct blk_queue *from, struct blk_queue *to);

/* Takes over a request and issues it if possible; 0, or why not. */
int blk_queue_add(struct blk_queue *q, struct blk_req *req);

/* Takes responses and issues what waited; false: some were left, poll again soon. Threads and handlers. */
bool blk_queue_poll(struct blk_queue *q);

/* The backend gets an event, in case one was lost. */
void blk_queue_kick(struct blk_queue *q);

/* Requests on the ring that have not been answered. */
uint32_t blk_queue_in_flight(struct blk_queue *q);

/* True when every request that was added has ended. */
bool blk_queue_empty(struct blk_queue *q);

/* Implemented by the device; also called from handlers, the second one with the queue locked. */
void blk_dev_broken(struct blk_dev *dev, const char *why);
void blk_dev_unsupported(struct blk_dev *dev, enum blk_op op);

#endif
