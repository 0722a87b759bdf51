/* SPDX-License-Identifier: MIT */
#include "guest/events.h"
#include "guest/frontends/blk_queue.h"
#include "guest/guest.h"
#include "guest/heap.h"

#define SECTORS_A_PAGE (PAGE_SIZE / BLK_SECTOR)

/* Rounds of one blk_queue_poll(): a backend that answers as fast as done() submits must not keep the vCPU. */
#define POLL_ROUNDS 16u

static unsigned min_u(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

int blk_queue_init(struct blk_queue *q, struct blk_dev *dev, unsigned index, unsigned max_order,
                   unsigned pool_pages)
{
    uint32_t entries = blk_ring_entries(1u << max_order);

    *q = (struct blk_queue){.dev = dev, .index = index};
    q->slots = heap_alloc(entries * sizeof(*q->slots));
    q->chunks = heap_alloc(entries * sizeof(*q->chunks));
    if (q->slots && q->chunks && !blk_pool_init(&q->pool, pool_pages, BLKIF_MAX_SEGMENTS_PER_REQUEST))
        return 0;
    blk_queue_fini(q);
    return -XEN_ENOMEM;
}

void blk_queue_fini(struct blk_queue *q)
{
    blk_pool_fini(&q->pool);
    heap_free(q->slots);
    heap_free(q->chunks);
    q->slots = NULL;
    q->chunks = NULL;
}

unsigned blk_queue_max_segments(const struct blk_queue *q)
{
    /* One page describes the segments. */
    return min_u(BLK_MAX_SEGMENTS, q->pool.nr_pages - 1);
}

/* --- the list of requests -------------------------------------------------- */

static void append(struct blk_queue *q, struct blk_req *req)
{
    req->next = NULL;
    req->prev = q->last;
    if (q->last)
        q->last->next = req;
    else
        q->first = req;
    q->last = req;
    if (!q->unissued)
        q->unissued = req;
}

static void unlink_req(struct blk_queue *q, struct blk_req *req)
{
    if (req->prev)
        req->prev->next = req->next;
    else
        q->first = req->next;
    if (req->next)
        req->next->prev = req->prev;
    else
        q->last = req->prev;
}

static void start_anew(struct blk_req *req)
{
    req->issued = 0;
    req->chunks = 0;
    req->whole = false;
    req->status = 0;
}

static void run_done(struct blk_req *done)
{
    while (done) {
        struct blk_req *req = done;

        done = req->next;
        req->done(req);
    }
}

/* --- requests to the ring -------------------------------------------------- */

static bool has_data(const struct blk_req *req)
{
    return req->op == BLK_READ || req->op == BLK_WRITE;
}

static char *chunk_data(const struct blk_chunk *c)
{
    return (char *)c->req->buf + c->offset * BLK_SECTOR;
}

/* Takes pages for the chunk, copies what is written, describes all that in seg[]. */
static void fill_pages(struct blk_queue *q, struct blk_chunk *c, struct blkif_request_segment *seg)
{
    bool write = c->req->op == BLK_WRITE;
    char *data = chunk_data(c);
    struct blk_page **tail = &c->pages;

    for (uint32_t left = c->sectors; left;) {
        unsigned n = min_u(left, SECTORS_A_PAGE);
        struct blk_page *page = blk_pool_take(&q->pool, write);

        *tail = page;
        tail = &page->next;
        if (write)
            memcpy(page->va, data, n * BLK_SECTOR);
        *seg++ = (struct blkif_request_segment){.gref = page->ref, .last_sect = (uint8_t)(n - 1)};
        data += n * BLK_SECTOR;
        left -= n;
    }
}

static uint32_t put_data(struct blk_queue *q, struct blk_chunk *c, uint16_t segments)
{
    struct blkif_request_segment direct[BLKIF_MAX_SEGMENTS_PER_REQUEST];
    struct blk_ring_request r = {
        .op = c->req->op == BLK_WRITE ? BLKIF_OP_WRITE : BLKIF_OP_READ,
        .handle = q->link.handle,
        .sector = c->req->sector + c->offset,
        .nr_segments = segments,
        .segments = direct,
    };

    if (segments <= BLKIF_MAX_SEGMENTS_PER_REQUEST) {
        fill_pages(q, c, direct);
    } else {
        c->describe = blk_pool_take(&q->pool, true);
        fill_pages(q, c, c->describe->va);
        r.indirect = &c->describe->ref;
    }
    return blk_ring_put(&q->ring, &r);
}

static uint32_t put_command(struct blk_queue *q, const struct blk_req *req)
{
    struct blk_ring_request r = {.op = q->link.flush_op, .handle = q->link.handle};

    if (req->op != BLK_FLUSH) {
        r.op = BLKIF_OP_DISCARD;
        r.discard_flag = req->op == BLK_DISCARD_SECURE ? BLKIF_DISCARD_SECURE : 0;
        r.sector = req->sector;
        r.nr_sectors = req->sectors;
    }
    return blk_ring_put(&q->ring, &r);
}

/* Puts as much of the request on the ring as one entry holds; false if there are not pages enough. */
static bool issue_chunk(struct blk_queue *q, struct blk_req *req)
{
    struct blk_chunk c = {.req = req, .offset = req->issued};
    uint64_t left = req->sectors - req->issued;
    uint32_t slot;

    if (has_data(req)) {
        unsigned segments;

        c.sectors = left < q->link.segments * SECTORS_A_PAGE ? (uint32_t)left
                                                             : (uint32_t)(q->link.segments * SECTORS_A_PAGE);
        segments = (c.sectors + SECTORS_A_PAGE - 1) / SECTORS_A_PAGE;
        if (!blk_pool_has(&q->pool, segments + (segments > BLKIF_MAX_SEGMENTS_PER_REQUEST)))
            return false;
        slot = put_data(q, &c, (uint16_t)segments);
        req->issued += c.sectors;
    } else {
        slot = put_command(q, req);
        req->issued = req->sectors;
    }
    q->chunks[slot] = c;
    req->chunks++;
    req->whole = req->issued == req->sectors;
    return true;
}

/* Fills the ring; true if the backend wants an event. Locked. */
static bool issue(struct blk_queue *q)
{
    while (q->unissued && !blk_ring_full(&q->ring)) {
        if (!issue_chunk(q, q->unissued)) {
            /* With nothing to wait for there never will be enough. */
            if (!blk_ring_in_flight(&q->ring))
                q->ring.broken = "it does not let go of the pages of earlier requests";
            break;
        }
        if (q->unissued->whole)
            q->unissued = q->unissued->next;
    }
    return blk_ring_push(&q->ring);
}

int blk_queue_add(struct blk_queue *q, struct blk_req *req)
{
    uint8_t mask = spin_lock_masked(&q->lock);
    const char *broken = NULL;
    bool notify = false;
    int error = q->closed;

    if (!error) {
        start_anew(req);
        append(q, req);
        if (q->live) {
            notify = issue(q);
            broken = q->ring.broken;
        }
    }
    if (notify)
        event_send(q->link.port);
    spin_unlock_masked(&q->lock, mask);
    if (broken)
        blk_dev_broken(q->dev, broken);
    return error;
}

/* --- responses ------------------------------------------------------------- */

static void copy_out(const struct blk_chunk *c)
{
    char *data = chunk_data(c);
    uint32_t left = c->sectors;

    for (const struct blk_page *page = c->pages; page; page = page->next) {
        unsigned n = min_u(left, SECTORS_A_PAGE);

        memcpy(data, page->va, n * BLK_SECTOR);
        data += n * BLK_SECTOR;
        left -= n;
    }
}

static int status_of(struct blk_queue *q, const struct blk_req *req, int16_t status)
{
    if (status == BLKIF_RSP_OKAY)
        return 0;
    if (status == BLKIF_RSP_EOPNOTSUPP && !has_data(req)) {
        blk_dev_unsupported(q->dev, req->op);
        return -XEN_EOPNOTSUPP;
    }
    return -XEN_EIO;
}

/* A chunk is over; its request, if it ended with it, goes to the end of *done. Locked. */
static void end_chunk(struct blk_queue *q, const struct blk_ring_response *rsp, struct blk_req ***done)
{
    struct blk_chunk c = q->chunks[rsp->slot];
    int status = status_of(q, c.req, rsp->status);

    if (status)
        c.req->status = status;
    else if (c.req->op == BLK_READ)
        copy_out(&c);
    blk_pool_give(&q->pool, c.pages);
    blk_pool_give(&q->pool, c.describe);
    q->answers++;
    if (--c.req->chunks || !c.req->whole)
        return;
    unlink_req(q, c.req);
    c.req->next = NULL;
    **done = c.req;
    *done = &c.req->next;
}

/* Takes what there is, puts on the ring what waited. True if there was anything. */
static bool poll_round(struct blk_queue *q)
{
    uint8_t mask = spin_lock_masked(&q->lock);
    struct blk_req *done = NULL, **tail = &done;
    struct blk_ring_response rsp;
    const char *broken;
    bool any = false;

    if (!q->ring.shared) {
        spin_unlock_masked(&q->lock, mask);
        return false;
    }
    do {
        while (blk_ring_take(&q->ring, &rsp) == BLK_RING_TOOK) {
            end_chunk(q, &rsp, &tail);
            any = true;
        }
    } while (blk_ring_arm(&q->ring));
    if (q->live && !q->ring.broken && issue(q))
        event_send(q->link.port);
    broken = q->ring.broken;
    spin_unlock_masked(&q->lock, mask);
    run_done(done);
    if (broken)
        blk_dev_broken(q->dev, broken);
    return any && !broken;
}

bool blk_queue_poll(struct blk_queue *q)
{
    for (unsigned i = 0; i < POLL_ROUNDS; i++)
        if (!poll_round(q))
            return true;
    return false;
}

void blk_queue_kick(struct blk_queue *q)
{
    uint8_t mask = spin_lock_masked(&q->lock);

    if (q->live)
        event_send(q->link.port);
    spin_unlock_masked(&q->lock, mask);
}

uint32_t blk_queue_in_flight(struct blk_queue *q)
{
    uint8_t mask = spin_lock_masked(&q->lock);
    uint32_t n = q->ring.shared ? blk_ring_in_flight(&q->ring) : 0;

    spin_unlock_masked(&q->lock, mask);
    return n;
}

bool blk_queue_empty(struct blk_queue *q)
{
    uint8_t mask = spin_lock_masked(&q->lock);
    bool empty = !q->first;

    spin_unlock_masked(&q->lock, mask);
    return empty;
}

/* --- connections ----------------------------------------------------------- */

void blk_queue_prepare(struct blk_queue *q, const struct blk_link *link)
{
    uint8_t mask = spin_lock_masked(&q->lock);

    q->link = *link;
    blk_ring_init(&q->ring, link->shared->va, 1u << link->ring_order, q->slots);
    spin_unlock_masked(&q->lock, mask);
}

void blk_queue_start(struct blk_queue *q, const struct blk_link *link)
{
    uint8_t mask = spin_lock_masked(&q->lock);

    q->link = *link;
    q->link.segments = min_u(link->segments, blk_queue_max_segments(q));
    blk_pool_start(&q->pool, link->backend, link->persistent);
    if (q->closed == -XEN_EAGAIN)
        q->closed = 0;
    q->live = true;
    spin_unlock_masked(&q->lock, mask);
    blk_queue_poll(q);
}

void blk_queue_pause(struct blk_queue *q)
{
    uint8_t mask = spin_lock_masked(&q->lock);

    q->live = false;
    spin_unlock_masked(&q->lock, mask);
}

/* What is on the ring is forgotten, and its pages taken back. Locked. */
static void forget_ring(struct blk_queue *q)
{
    q->live = false;
    for (uint32_t i = 0; q->ring.shared && i < q->ring.entries; i++) {
        if (!q->slots[i].busy)
            continue;
        blk_pool_revoke(&q->pool, q->chunks[i].pages);
        blk_pool_revoke(&q->pool, q->chunks[i].describe);
        q->replayed++;
    }
    q->ring = (struct blk_ring){0};
    for (struct blk_req *req = q->first; req; req = req->next)
        start_anew(req);
    q->unissued = q->first;
}

void blk_queue_stop(struct blk_queue *q)
{
    uint8_t mask = spin_lock_masked(&q->lock);

    forget_ring(q);
    spin_unlock_masked(&q->lock, mask);
}

void blk_queue_fail(struct blk_queue *q, int error)
{
    uint8_t mask = spin_lock_masked(&q->lock);
    struct blk_req *done;

    forget_ring(q);
    q->closed = error;
    done = q->first;
    q->first = q->last = q->unissued = NULL;
    for (struct blk_req *req = done; req; req = req->next)
        req->status = error;
    spin_unlock_masked(&q->lock, mask);
    run_done(done);
}

void blk_queue_move(struct blk_queue *from, struct blk_queue *to)
{
    uint8_t mask = spin_lock_masked(&from->lock);
    struct blk_req *list = from->first;

    from->first = from->last = from->unissued = NULL;
    if (!from->closed)
        from->closed = -XEN_EAGAIN;
    spin_unlock_masked(&from->lock, mask);
    mask = spin_lock_masked(&to->lock);
    while (list) {
        struct blk_req *req = list;

        list = req->next;
        append(to, req);
    }
    spin_unlock_masked(&to->lock, mask);
}
