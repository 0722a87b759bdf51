/* SPDX-License-Identifier: MIT */
/* Attacks by way of a disk's ring. */
#include <stdint.h>
#include <xen/xen.h>
#include <xen/grant_table.h>
#include <xen/io/blkif.h>
#include "guest/events.h"
#include "hostile.h"

#define SLOTS        __CONST_RING_SIZE(blkif, PAGE_SIZE)
#define PAGE_SECTORS 8u
#define SETTLE_NS    (30 * NS_PER_MS)

_Static_assert(SLOTS == 32, "one page of ring");

static RING_IDX prod;

static struct blkif_sring *sring(const struct victim *v)
{
    return v->ring[0];
}

static RING_IDX answered(const struct victim *v)
{
    return __atomic_load_n(&sring(v)->rsp_prod, __ATOMIC_ACQUIRE);
}

/* What is there is waited for a little, so that the backend sees most of it in one piece. */
static void settle(struct victim *v)
{
    uint64_t deadline = time_now() + SETTLE_NS;

    while (answered(v) != prod && xenbus_backend_state(&v->xb) == XenbusStateConnected &&
           time_now() < deadline)
        time_sleep(NS_PER_MS / 4);
}

static bool start(struct victim *v)
{
    unsigned before = v->connections;

    if (!victim_ready(v))
        return false;
    if (v->connections != before)
        prod = 0;
    if (prod - answered(v) < SLOTS)
        return true;
    /* A ring that is full of what nobody answers is of no use. */
    victim_reset(v);
    prod = 0;
    return victim_connect(v);
}

static void put(struct victim *v, const struct blkif_request *req)
{
    memcpy(&sring(v)->ring[prod++ % SLOTS].req, req, sizeof(*req));
}

static bool room(const struct victim *v)
{
    return prod - answered(v) < SLOTS;
}

static void push(struct victim *v)
{
    __atomic_store_n(&sring(v)->req_prod, prod, __ATOMIC_RELEASE);
    event_send((unsigned)v->port);
}

/* --- requests --- */

static void good_request(const struct victim *v, struct blkif_request *req)
{
    memset(req, 0, sizeof(*req));
    req->operation = below(2) ? BLKIF_OP_READ : BLKIF_OP_WRITE;
    req->nr_segments = (uint8_t)(1 + below(BLKIF_MAX_SEGMENTS_PER_REQUEST));
    req->id = rnd();
    req->sector_number = v->sectors > 1024 ? rnd() % (v->sectors - 1024) : 0;
    for (unsigned i = 0; i < req->nr_segments; i++) {
        req->seg[i].gref = pool_any();
        req->seg[i].last_sect = PAGE_SECTORS - 1;
    }
}

static void good_indirect(const struct victim *v, struct blkif_request_indirect *req, unsigned page)
{
    struct blkif_request_segment *seg = pool_page(page);

    memset(req, 0, sizeof(*req));
    req->operation = BLKIF_OP_INDIRECT;
    req->indirect_op = below(2) ? BLKIF_OP_READ : BLKIF_OP_WRITE;
    req->nr_segments = (uint16_t)(1 + below(128));
    req->id = rnd();
    req->sector_number = v->sectors > 1024 ? rnd() % (v->sectors - 1024) : 0;
    req->indirect_grefs[0] = pool_ref(page);
    for (unsigned i = 0; i < req->nr_segments; i++)
        seg[i] = (struct blkif_request_segment){.gref = pool_any(), .last_sect = PAGE_SECTORS - 1};
}

/* A batch of good requests, each spoilt by a function. */
static void batch(struct victim *v, void (*spoil)(const struct victim *v, struct blkif_request *req))
{
    if (!start(v))
        return;
    for (unsigned n = 1 + below(SLOTS); n > 0 && room(v); n--) {
        struct blkif_request req;

        good_request(v, &req);
        if (below(4))
            spoil(v, &req);
        put(v, &req);
    }
    push(v);
    settle(v);
}

static void spoil_all(const struct victim *v, struct blkif_request *req)
{
    (void)v;
    random_fill(req, sizeof(*req));
    if (below(2)) {
        req->operation &= 7;
        req->nr_segments &= 15;
    }
}

static void spoil_segments(const struct victim *v, struct blkif_request *req)
{
    struct blkif_request_segment *seg = &req->seg[below(req->nr_segments)];

    (void)v;
    seg->first_sect = (uint8_t)odd_number();
    seg->last_sect = (uint8_t)odd_number();
    if (below(3) == 0)
        req->nr_segments = (uint8_t)(below(2) ? 0 : BLKIF_MAX_SEGMENTS_PER_REQUEST + 1 + below(244));
}

static void spoil_sectors(const struct victim *v, struct blkif_request *req)
{
    static const uint64_t near[] = {0, 1ul << 63, 1ul << 55, 1ul << 54, UINT64_MAX};

    req->sector_number = below(2) ? near[below(ARRAY_SIZE(near))] - below(100) : v->sectors - below(100);
    if (below(3) == 0) {
        struct blkif_request_discard *discard = (void *)req;

        discard->operation = BLKIF_OP_DISCARD;
        discard->flag = (uint8_t)below(4);
        discard->nr_sectors = below(2) ? odd_number() : -discard->sector_number + below(3);
    }
}

static void spoil_operation(const struct victim *v, struct blkif_request *req)
{
    (void)v;
    req->operation = (uint8_t)(below(2) ? below(8) : below(256));
    if (below(2))
        req->nr_segments = (uint8_t)below(2);
}

static void spoil_grants(const struct victim *v, struct blkif_request *req)
{
    (void)v;
    for (unsigned n = 1 + below(3); n > 0; n--)
        req->seg[below(req->nr_segments)].gref = bad_ref();
}

static void leave(const struct victim *v, struct blkif_request *req)
{
    (void)v;
    (void)req;
}

/* --- attacks --- */

static void ring(struct victim *v, unsigned round)
{
    if (!start(v))
        return;
    scribble(round % 2 ? v->ring[0] : NULL);
    batch(v, spoil_all);
    scribble(NULL);
}

static void segments(struct victim *v, unsigned round)
{
    (void)round;
    batch(v, spoil_segments);
}

static void sectors(struct victim *v, unsigned round)
{
    (void)round;
    batch(v, spoil_sectors);
}

static void operations(struct victim *v, unsigned round)
{
    (void)round;
    batch(v, spoil_operation);
}

static void grants(struct victim *v, unsigned round)
{
    (void)round;
    batch(v, spoil_grants);
}

/* Grants change while the requests that use them are under way. */
static void revoked(struct victim *v, unsigned round)
{
    (void)round;
    if (!start(v))
        return;
    while (room(v)) {
        struct blkif_request req;

        good_request(v, &req);
        put(v, &req);
    }
    push(v);
    for (unsigned n = 0; n < 20; n++)
        pool_shuffle();
    settle(v);
    if (below(4) == 0)
        victim_reset(v);
    pool_restore();
}

static void indices(struct victim *v, unsigned round)
{
    struct blkif_sring *s = sring(v);

    (void)round;
    if (!start(v))
        return;
    switch (below(5)) {
    case 0: /* far ahead */
        prod += SLOTS + 1 + below(1000);
        break;
    case 1: /* back */
        prod -= 1 + below(3);
        break;
    case 2:
        prod = (RING_IDX)odd_number();
        break;
    case 3:
        __atomic_store_n(&s->rsp_prod, (RING_IDX)odd_number(), __ATOMIC_RELEASE);
        prod += below(4);
        break;
    default:
        s->req_event = (RING_IDX)odd_number();
        s->rsp_event = (RING_IDX)odd_number();
        random_fill(&s->ring[prod++ % SLOTS], sizeof(s->ring[0]));
    }
    push(v);
    xenbus_wait_backend(&v->xb, ~STATE(Connected), time_now() + 10 * SETTLE_NS);
}

static void indirect(struct victim *v, unsigned round)
{
    unsigned page = below(POOL_PAGES / 2);

    if (!start(v))
        return;
    for (unsigned n = 0; n < 4 && room(v); n++) {
        struct blkif_request_indirect req;

        good_indirect(v, &req, page);
        if (below(4) == 0)
            req.nr_segments = (uint16_t)odd_number();
        if (below(4) == 0)
            req.indirect_op = (uint8_t)odd_number();
        if (below(4) == 0)
            req.indirect_grefs[0] = bad_ref();
        put(v, (struct blkif_request *)&req);
    }
    scribble(round % 4 ? pool_page(page) : NULL);
    push(v);
    settle(v);
    scribble(NULL);
}

/* Events without an end: on an empty ring, and between requests. */
static void storm(struct victim *v, unsigned round)
{
    (void)round;
    batch(v, leave);
    for (unsigned n = 0; n < 3000 && v->port >= 0; n++)
        event_send((unsigned)v->port);
}

const struct attack vbd_attacks[] = {
    {"ring", ring},     {"segments", segments}, {"sectors", sectors}, {"operations", operations},
    {"grants", grants}, {"revoked", revoked},   {"indices", indices}, {"indirect", indirect},
    {"storm", storm},   {NULL, NULL},
};
