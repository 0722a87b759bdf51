/* SPDX-License-Identifier: MIT */
#include "dom0/backends/block/ring.h"

static uint32_t load(const RING_IDX *index)
{
    return __atomic_load_n(index, __ATOMIC_ACQUIRE);
}

uint32_t blk_ring_entries(size_t bytes)
{
    return (uint32_t)__RD32((bytes - offsetof(struct blkif_sring, ring)) / sizeof(union blkif_sring_entry));
}

int blk_ring_attach(struct blk_ring *ring, void *pages, size_t bytes)
{
    struct blkif_sring *shared = pages;
    uint32_t answered = load(&shared->rsp_prod);

    BACK_RING_ATTACH(&ring->back, shared, answered, bytes);
    ring->published = answered;
    ring->broken = RING_REQUEST_PROD_OVERFLOW(&ring->back, load(&shared->req_prod));
    return ring->broken ? -1 : 0;
}

uint32_t blk_ring_pending(struct blk_ring *ring)
{
    uint32_t asked;

    if (ring->broken)
        return 0;
    asked = load(&ring->back.sring->req_prod);
    /* What was published is the measure: the frontend knows of no other answers. */
    if (asked - ring->published > RING_SIZE(&ring->back) ||
        asked - ring->back.req_cons > RING_SIZE(&ring->back)) {
        ring->broken = true;
        return 0;
    }
    return asked - ring->back.req_cons;
}

void blk_ring_peek(const struct blk_ring *ring, struct blkif_request *copy)
{
    RING_COPY_REQUEST(&ring->back, ring->back.req_cons, copy);
}

void blk_ring_advance(struct blk_ring *ring)
{
    ring->back.req_cons++;
}

uint32_t blk_ring_answer(struct blk_ring *ring, uint64_t id, uint8_t operation, int16_t status)
{
    uint32_t number = ring->back.rsp_prod_pvt++;
    struct blkif_response *slot = RING_GET_RESPONSE(&ring->back, number);

    slot->id = id;
    slot->operation = operation;
    slot->status = status;
    return number;
}

bool blk_ring_publish(struct blk_ring *ring)
{
    bool notify;

    if (ring->published == ring->back.rsp_prod_pvt)
        return false;
    __atomic_store_n(&ring->back.sring->rsp_prod, ring->back.rsp_prod_pvt, __ATOMIC_RELEASE);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    /* As RING_PUSH_RESPONSES_AND_CHECK_NOTIFY, but what was shown before is not read from the shared page. */
    notify = ring->back.rsp_prod_pvt - load(&ring->back.sring->rsp_event) <
             ring->back.rsp_prod_pvt - ring->published;
    ring->published = ring->back.rsp_prod_pvt;
    return notify;
}

bool blk_ring_rearm(struct blk_ring *ring)
{
    if (ring->broken)
        return false;
    __atomic_store_n(&ring->back.sring->req_event, ring->back.req_cons + 1, __ATOMIC_RELEASE);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return blk_ring_pending(ring) > 0 || ring->broken;
}
