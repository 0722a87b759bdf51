/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_BLOCK_WORK_H
#define HOSPES_BLOCK_WORK_H

#include "dom0/backends/block/queue.h"

/* A request on its way: taken, given memory, submitted, done. Answering it is the queue's. */
struct work {
    TAILQ_ENTRY(work) link;
    struct queue *queue;
    struct journal_entry *entry;
    struct blk_request req;
    int16_t status;
    bool judged;      /* the segments are known to be good */
    bool placed;      /* the data has its memory */
    bool pinned;      /* ... which is the frontend's own pages */
    bool copy_failed; /* the frontend did not grant a page */
    uint8_t stage;    /* of a barrier */

    struct blkif_request_segment *segments; /* req.direct, or an array of its own */
    struct buffer buffer;                   /* data is copied through it; none: pinned, or no data */
    struct iovec *iov;                      /* inline_iov, or an array of its own */
    unsigned iov_count;
    struct image_io io;
    struct iovec inline_iov[BLKIF_MAX_SEGMENTS_PER_REQUEST];
};

/*
 * Judges a taken request and puts it on the queue's batch, or, if it is refused or there is no memory, on
 * `done`. -1: no memory even for the work, the entry was not touched.
 */
int work_take(struct queue *queue, struct journal_entry *entry);

/* Gives memory to the batch and submits it. Works that get no buffer now stay on it. */
void work_submit_batch(struct queue *queue);

/* Continues a barrier when everything before it is done. */
void work_continue_barrier(struct queue *queue);

/* Copies what was read to the frontends of all works on `done`. */
void work_deliver(struct queue *queue);

void work_free(struct work *work);

#endif
