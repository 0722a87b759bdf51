/* SPDX-License-Identifier: MIT */
#include "guest/frontends/blk_ring.h"

#define READ_ONCE(x)     (*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v) (*(volatile __typeof__(x) *)&(x) = (v))

_Static_assert(sizeof(struct blkif_request) == 112, "an entry of the ring as 64-bit backends have it");
_Static_assert(sizeof(struct blkif_request_indirect) <= sizeof(struct blkif_request) &&
                   sizeof(struct blkif_request_discard) <= sizeof(struct blkif_request),
               "every kind of request fits an entry");
_Static_assert(sizeof(struct blkif_response) == 16, "a response as 64-bit backends have it");
_Static_assert(offsetof(struct blkif_sring, ring) == 64, "the first entry follows the indices");

uint32_t blk_ring_entries(unsigned pages)
{
    size_t size = pages * BLK_RING_PAGE;

    return __CONST_RING_SIZE(blkif, size);
}

void blk_ring_init(struct blk_ring *r, void *pages, unsigned nr_pages, struct blk_slot *slots)
{
    memset(pages, 0, nr_pages * BLK_RING_PAGE);
    *r = (struct blk_ring){.shared = pages, .slots = slots, .entries = blk_ring_entries(nr_pages)};
    SHARED_RING_INIT(r->shared);
    for (uint32_t i = 0; i < r->entries; i++) {
        slots[i].next = i + 1;
        slots[i].busy = false;
    }
}

static union blkif_sring_entry *entry(const struct blk_ring *r, RING_IDX index)
{
    return &r->shared->ring[index & (r->entries - 1)];
}

static uint64_t slot_id(const struct blk_ring *r, uint32_t slot)
{
    return (uint64_t)r->slots[slot].uses << 32 | slot;
}

static void fill_direct(struct blkif_request *to, const struct blk_ring_request *req, uint64_t id)
{
    to->operation = req->op;
    to->nr_segments = (uint8_t)req->nr_segments;
    to->handle = req->handle;
    to->id = id;
    to->sector_number = req->sector;
    for (unsigned i = 0; i < req->nr_segments; i++)
        to->seg[i] = req->segments[i];
}

static void fill_indirect(struct blkif_request_indirect *to, const struct blk_ring_request *req, uint64_t id)
{
    unsigned pages = (unsigned)((req->nr_segments + BLK_RING_SEGMENTS_A_PAGE - 1) / BLK_RING_SEGMENTS_A_PAGE);

    to->operation = BLKIF_OP_INDIRECT;
    to->indirect_op = req->op;
    to->nr_segments = req->nr_segments;
    to->handle = req->handle;
    to->id = id;
    to->sector_number = req->sector;
    for (unsigned i = 0; i < pages; i++)
        to->indirect_grefs[i] = req->indirect[i];
}

static void fill_discard(struct blkif_request_discard *to, const struct blk_ring_request *req, uint64_t id)
{
    to->operation = BLKIF_OP_DISCARD;
    to->flag = req->discard_flag;
    to->handle = req->handle;
    to->id = id;
    to->sector_number = req->sector;
    to->nr_sectors = req->nr_sectors;
}

uint32_t blk_ring_put(struct blk_ring *r, const struct blk_ring_request *req)
{
    uint32_t slot = r->free;
    struct blk_slot *s = &r->slots[slot];
    struct blkif_request *to = &entry(r, r->req_prod)->req;
    uint64_t id;

    r->free = s->next;
    s->busy = true;
    s->op = req->op;
    s->uses++;
    id = slot_id(r, slot);
    /* What an earlier response or request left there is nobody's business. */
    memset(to, 0, sizeof(*to));
    if (req->op == BLKIF_OP_DISCARD)
        fill_discard((struct blkif_request_discard *)to, req, id);
    else if (req->nr_segments > BLKIF_MAX_SEGMENTS_PER_REQUEST)
        fill_indirect((struct blkif_request_indirect *)to, req, id);
    else
        fill_direct(to, req, id);
    r->req_prod++;
    return slot;
}

bool blk_ring_push(struct blk_ring *r)
{
    RING_IDX old = r->req_published, now = r->req_prod;

    if (old == now)
        return false;
    r->req_published = now;
    /* The backend sees the entries before the index, and the index before it is asked whether it sleeps. */
    __atomic_store_n(&r->shared->req_prod, now, __ATOMIC_RELEASE);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return now - READ_ONCE(r->shared->req_event) < now - old;
}

static enum blk_ring_took broken(struct blk_ring *r, const char *why)
{
    r->broken = why;
    return BLK_RING_BROKEN;
}

enum blk_ring_took blk_ring_take(struct blk_ring *r, struct blk_ring_response *rsp)
{
    RING_IDX prod = __atomic_load_n(&r->shared->rsp_prod, __ATOMIC_ACQUIRE);
    struct blkif_response copy;
    uint32_t slot;

    if (r->broken)
        return BLK_RING_BROKEN;
    if (prod == r->rsp_cons)
        return BLK_RING_NONE;
    if (prod - r->rsp_cons > r->req_published - r->rsp_cons)
        return broken(r, "more responses than requests");
    copy = *(const volatile struct blkif_response *)&entry(r, r->rsp_cons)->rsp;
    slot = (uint32_t)copy.id;
    if (slot >= r->entries || !r->slots[slot].busy || copy.id != slot_id(r, slot))
        return broken(r, "a response to no request");
    if (copy.operation != r->slots[slot].op)
        return broken(r, "a response of another kind than its request");
    r->slots[slot].busy = false;
    r->slots[slot].next = r->free;
    r->free = slot;
    r->rsp_cons++;
    rsp->slot = slot;
    rsp->status = copy.status;
    return BLK_RING_TOOK;
}

bool blk_ring_arm(struct blk_ring *r)
{
    if (r->broken)
        return false;
    WRITE_ONCE(r->shared->rsp_event, r->rsp_cons + 1);
    /* The backend sees the wish before we look a last time. */
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return READ_ONCE(r->shared->rsp_prod) != r->rsp_cons;
}
