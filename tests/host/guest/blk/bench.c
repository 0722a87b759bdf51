/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <stdlib.h>
#include "tests/host/guest/blk/bench.h"

struct bench *bench_new(unsigned max_order, unsigned pool_pages, uint64_t sectors)
{
    struct bench *b = calloc(1, sizeof(*b));

    assert(b);
    assert(!blk_queue_init(&b->queue, NULL, 0, max_order, pool_pages));
    disk_init(&b->disk, sectors);
    return b;
}

void bench_free(struct bench *b)
{
    if (b->shared)
        bench_disconnect(b);
    blk_queue_fini(&b->queue);
    disk_fini(&b->disk);
    free(b);
}

void bench_connect(struct bench *b, unsigned ring_order, unsigned segments, bool persistent)
{
    struct blk_link link = {.backend = 0,
                            .persistent = persistent,
                            .flush_op = BLKIF_OP_FLUSH_DISKCACHE,
                            .ring_order = ring_order};

    b->shared = link.shared = blk_shared_alloc(ring_order, 0);
    assert(link.shared);
    blk_queue_prepare(&b->queue, &link);
    b->disk.persistent = persistent;
    disk_attach(&b->disk, link.shared->va, 1u << ring_order);
    link.segments = segments;
    blk_queue_start(&b->queue, &link);
}

void bench_disconnect(struct bench *b)
{
    machine_unmap_all();
    blk_queue_stop(&b->queue);
    blk_shared_free(b->shared);
    b->shared = NULL;
}

static void count(struct blk_req *req)
{
    struct bench *b = req->data;

    b->ended++;
}

void bench_submit(struct bench *b, struct blk_req *req, enum blk_op op, uint64_t sector, uint64_t sectors,
                  void *buf)
{
    *req = (struct blk_req){
        .op = op, .sector = sector, .sectors = sectors, .buf = buf, .done = count, .data = b};
    assert(!blk_queue_add(&b->queue, req));
}

int bench_io(struct bench *b, enum blk_op op, uint64_t sector, uint64_t sectors, void *buf)
{
    unsigned before = b->ended;
    struct blk_req req;

    bench_submit(b, &req, op, sector, sectors, buf);
    while (b->ended == before) {
        assert(!machine_broken);
        disk_run(&b->disk, false);
        blk_queue_poll(&b->queue);
    }
    return req.status;
}
