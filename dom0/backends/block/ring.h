/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_BLOCK_RING_H
#define HOSPES_BLOCK_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xen/xen.h>
#include <xen/io/blkif.h>

/*
 * dom0's half of a block ring. The frontend can change any byte of the shared pages at any time: a request
 * is copied once, req_prod is read once a look, and one that claims more than the ring holds breaks the ring
 * for good. rsp_prod is only written here.
 */
#define BLK_RING_MAX_ORDER 4u /* 16 pages */

struct blk_ring {
    struct blkif_back_ring back; /* req_cons, rsp_prod_pvt, the shared pages */
    uint32_t published;          /* responses that the frontend was shown */
    bool broken;                 /* the frontend's index made no sense */
};

/* Entries of a ring of that many bytes. */
uint32_t blk_ring_entries(size_t bytes);

/*
 * Takes over mapped pages. What was asked and answered before is taken from the ring's own rsp_prod:
 * everything after it is unanswered. -1: req_prod claims more than the ring holds.
 */
int blk_ring_attach(struct blk_ring *ring, void *pages, size_t bytes);

/* Requests that wait, 0 when broken. */
uint32_t blk_ring_pending(struct blk_ring *ring);

/* Copies the request at the ring's cursor, which stays. Only if blk_ring_pending() says there is one. */
void blk_ring_peek(const struct blk_ring *ring, struct blkif_request *copy);

/* Moves the cursor past it. */
void blk_ring_advance(struct blk_ring *ring);

/* Puts an answer, not shown yet; its number counts from the ring's beginning. */
uint32_t blk_ring_answer(struct blk_ring *ring, uint64_t id, uint8_t operation, int16_t status);

/* Shows all answers to the frontend; whether it wants an event. */
bool blk_ring_publish(struct blk_ring *ring);

/* Asks for an event with the next request; true: one has come meanwhile, look again. */
bool blk_ring_rearm(struct blk_ring *ring);

#endif
