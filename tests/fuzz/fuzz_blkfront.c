/* SPDX-License-Identifier: MIT */
/*
 * A hostile backend against the block frontend's queue. The input says what happens next: the frontend
 * submits, polls, reconnects, fails; the backend answers honestly or not, scribbles over the shared pages,
 * maps grants and keeps them. Whatever it does: each request ends once; nothing but the buffer of a read
 * is written; no page that the backend can reach is freed or granted anew (tests/host/guest/blk/machine.c);
 * nothing is left when all is over.
 */
#include <stdlib.h>
#include <string.h>
#include "tests/host/guest/blk/bench.h"

#define SECTORS 512u
#define JOBS    40u
#define POOL    40u
#define CANARY  0xc3

struct job {
    struct blk_req req;
    bool busy;
    uint8_t *buf; /* of exact size: a write beyond it shows */
};

struct input {
    const uint8_t *data;
    size_t size;
};

struct world {
    struct bench *b;
    struct job jobs[JOBS];
    struct input in;
    grant_ref_t kept[64]; /* mapped and not let go of */
    bool kept_write[64];
    unsigned nr_kept, ring_pages;
    bool closed;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned byte(struct world *w)
{
    if (!w->in.size)
        return 0;
    w->in.size--;
    return *w->in.data++;
}

static unsigned word(struct world *w)
{
    unsigned v = 0;

    for (unsigned i = 0; i < 4; i++)
        v = v << 8 | byte(w);
    return v;
}

static void job_done(struct blk_req *req)
{
    struct job *j = (struct job *)req;

    if (!j->busy)
        abort();
    j->busy = false;
    if (req->op == BLK_WRITE)
        for (uint64_t i = 0; i < req->sectors * 512; i++)
            if (j->buf[i] != CANARY)
                abort();
    free(j->buf);
    j->buf = NULL;
}

static void submit(struct world *w)
{
    struct job *j = &w->jobs[byte(w) % JOBS];
    unsigned op = byte(w);

    if (j->busy)
        return;
    j->req = (struct blk_req){.op = op % 5, .sector = op, .sectors = 1 + byte(w) % 100, .done = job_done};
    if (j->req.op == BLK_FLUSH)
        j->req.sectors = 0;
    if (j->req.op == BLK_READ || j->req.op == BLK_WRITE) {
        j->buf = malloc(j->req.sectors * 512);
        memset(j->buf, CANARY, j->req.sectors * 512);
        j->req.buf = j->buf;
    }
    j->busy = true;
    if (blk_queue_add(&w->b->queue, &j->req)) {
        free(j->buf);
        j->buf = NULL;
        j->busy = false;
    }
}

static void connect(struct world *w)
{
    unsigned how = byte(w);

    if (w->b->shared) {
        if (how & 0x80)
            machine_unmap_all(), w->nr_kept = 0;
        blk_queue_stop(&w->b->queue);
        blk_shared_free(w->b->shared);
    }
    machine_broken = NULL;
    w->ring_pages = 1u << how % 3;
    bench_connect(w->b, how % 3, how & 8 ? 36 : 11, how & 16);
}

static struct blkif_sring *shared(struct world *w)
{
    return w->b->shared ? w->b->shared->va : NULL;
}

static void answer_badly(struct world *w)
{
    struct blkif_sring *s = shared(w);
    unsigned entries = blk_ring_entries(w->ring_pages);
    struct blkif_response rsp = {.operation = (uint8_t)byte(w), .status = (int16_t)(int8_t)byte(w)};

    rsp.id = (uint64_t)byte(w) << 32 | word(w);
    s->ring[s->rsp_prod & (entries - 1)].rsp = rsp;
    s->rsp_prod++;
}

/* An honest id, status and kind, but what has been answered may be answered again. */
static void answer_an_entry(struct world *w)
{
    struct blkif_sring *s = shared(w);
    unsigned entries = blk_ring_entries(w->ring_pages);
    struct blkif_request req = s->ring[byte(w) & (entries - 1)].req;
    struct blkif_response rsp = {.id = req.id, .operation = req.operation, .status = 0};

    if (req.operation == BLKIF_OP_INDIRECT)
        rsp.operation = req.nr_segments; /* where indirect_op lies */
    s->ring[s->rsp_prod & (entries - 1)].rsp = rsp;
    s->rsp_prod++;
}

static void scribble(struct world *w)
{
    uint8_t *p = (uint8_t *)shared(w);
    unsigned at = word(w) % (w->ring_pages * 4096);

    p[at] = (uint8_t)byte(w);
}

static void keep_mapped(struct world *w)
{
    grant_ref_t ref = 8 + byte(w);
    bool write = byte(w) & 1;
    void *va;

    if (w->nr_kept == 64 || !(va = machine_map(ref, write)))
        return;
    if (write)
        memset(va, (int)ref, 4096);
    w->kept[w->nr_kept] = ref;
    w->kept_write[w->nr_kept++] = write;
}

static void let_go(struct world *w)
{
    if (!w->nr_kept)
        return;
    w->nr_kept--;
    machine_unmap(w->kept[w->nr_kept], w->kept_write[w->nr_kept]);
}

static void step(struct world *w)
{
    unsigned what = byte(w) % 16;

    if (what < 4)
        submit(w);
    else if (what < 6)
        blk_queue_poll(&w->b->queue);
    else if (what == 6)
        connect(w);
    else if (what == 7)
        keep_mapped(w);
    else if (what == 8)
        let_go(w);
    else if (what == 9 && byte(w) > 250)
        blk_queue_fail(&w->b->queue, -XEN_ENODEV);
    else if (what == 10)
        blk_queue_pause(&w->b->queue);
    else if (shared(w) && what == 11)
        scribble(w);
    else if (shared(w) && what == 12)
        answer_badly(w);
    else if (shared(w) && what > 12)
        answer_an_entry(w);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct world w = {.b = bench_new(2, POOL, SECTORS), .in = {data, size}};

    while (w.in.size)
        step(&w);
    /* What the device does with a broken ring, and at the end in any case. */
    blk_queue_fail(&w.b->queue, -XEN_ENODEV);
    for (unsigned i = 0; i < JOBS; i++)
        if (w.jobs[i].busy)
            abort();
    bench_free(w.b);
    machine_unmap_all();
    if (blk_pool_lost())
        abort();
    machine_check_empty();
    return 0;
}
