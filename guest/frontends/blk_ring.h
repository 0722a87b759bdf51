/* SPDX-License-Identifier: MIT */
#ifndef GUEST_FRONTENDS_BLK_RING_H
#define GUEST_FRONTENDS_BLK_RING_H

/*
 * The ring of one queue: which entries are in use, what may be believed of what the backend writes.
 * No hardware and no memory of its own, so it also compiles for the host.
 *
 * The invariant: whatever the backend writes to the shared pages, each slot that blk_ring_put() gave out
 * comes back from blk_ring_take() at most once, and no other number ever does. For this the only
 * things read from shared memory are the response index, an entry and the event index, each once; the rest
 * is kept here. An id carries, beside the slot's number, how often that slot has been used, so that a late
 * or repeated response never fits.
 *
 * The caller locks.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "guest/string.h"
#include <xen/io/blkif.h>

#define BLK_RING_PAGE      4096u
#define BLK_RING_MAX_PAGES 16u
#define BLK_RING_MAX_SLOTS (32u * BLK_RING_MAX_PAGES)

/* Segment descriptions in one page of an indirect request. */
#define BLK_RING_SEGMENTS_A_PAGE (BLK_RING_PAGE / sizeof(struct blkif_request_segment))

struct blk_slot {
    uint32_t uses; /* of this slot; upper half of its id */
    uint32_t next; /* free slot behind this one */
    uint8_t op;
    bool busy;
};

struct blk_ring {
    struct blkif_sring *shared;
    struct blk_slot *slots;
    uint32_t entries;       /* a power of two */
    uint32_t free;          /* first free slot, entries: none */
    RING_IDX req_prod;      /* next entry to fill */
    RING_IDX req_published; /* what the backend has been told of */
    RING_IDX rsp_cons;      /* next response to take */
    const char *broken;     /* NULL, or what the backend did: nothing more is taken */
};

/* A request as the ring carries it. */
struct blk_ring_request {
    uint8_t op; /* BLKIF_OP_READ, WRITE, WRITE_BARRIER, FLUSH_DISKCACHE or DISCARD */
    uint8_t discard_flag;
    uint16_t nr_segments;
    blkif_vdev_t handle;
    blkif_sector_t sector;
    uint64_t nr_sectors;                          /* of a discard */
    const struct blkif_request_segment *segments; /* if there are at most BLKIF_MAX_SEGMENTS_PER_REQUEST */
    const grant_ref_t *indirect; /* else the pages that describe them, filled by the caller */
};

struct blk_ring_response {
    uint32_t slot;
    int16_t status; /* as the backend wrote it */
};

enum blk_ring_took { BLK_RING_NONE, BLK_RING_TOOK, BLK_RING_BROKEN };

/* Entries of a ring of so many pages. */
uint32_t blk_ring_entries(unsigned pages);

/* Pages are contiguous; slots has blk_ring_entries() elements, whose `uses` are kept from ring to ring. */
void blk_ring_init(struct blk_ring *r, void *pages, unsigned nr_pages, struct blk_slot *slots);

/* Requests that have been put and not been answered. */
static inline uint32_t blk_ring_in_flight(const struct blk_ring *r)
{
    return r->req_prod - r->rsp_cons;
}

static inline bool blk_ring_full(const struct blk_ring *r)
{
    return blk_ring_in_flight(r) == r->entries;
}

/* Puts a request on a ring that is not full; the slot that will come back. The backend is not told yet. */
uint32_t blk_ring_put(struct blk_ring *r, const struct blk_ring_request *req);

/* Publishes; true if the backend wants an event. */
bool blk_ring_push(struct blk_ring *r);

/* Takes one response. */
enum blk_ring_took blk_ring_take(struct blk_ring *r, struct blk_ring_response *rsp);

/* Asks for an event with the next response; true if there is one already, so that it must be taken instead.
 */
bool blk_ring_arm(struct blk_ring *r);

#endif
