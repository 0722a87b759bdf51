/* SPDX-License-Identifier: MIT */
/* A disk's ring from request to answer: data, errors, order, limits, hostile frontends. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/host/block/fake.h"

static int setup_copy(void **state)
{
    struct fake *f = fake_new(0, false, false);

    *state = f;
    return fake_connect(f, false) ? 0 : -1;
}

static int setup_persistent(void **state)
{
    struct fake *f = fake_new(0, true, false);

    *state = f;
    return fake_connect(f, false) ? 0 : -1;
}

static int setup_direct(void **state)
{
    struct fake *f = fake_new(0, true, true);

    *state = f;
    return fake_connect(f, false) ? 0 : -1;
}

static int teardown(void **state)
{
    struct fake *f = *state;
    unsigned mapped;

    if (f->disk.queues[0]) {
        queue_stop(f->disk.queues[0]);
        f->image.fail_with = EIO;
        fake_complete_all(f);
        assert_int_equal(f->disk.inflight, 0);
        assert_int_equal(f->disk.buffers.used, 0);
        queue_free(f->disk.queues[0]);
        f->disk.queues[0] = NULL;
    }
    persistent_free(f->disk.persistent);
    f->disk.persistent = NULL;
    mapped = f->mapped;
    fake_free(f);
    assert_int_equal(mapped, 0);
    return 0;
}

static void expect_answer(struct fake *f, uint64_t id, int16_t status)
{
    struct blkif_response answer;

    assert_true(fake_answer(f, &answer));
    assert_int_equal(answer.id, id);
    assert_int_equal(answer.status, status);
}

static void expect_nothing(struct fake *f)
{
    struct blkif_response answer;

    assert_false(fake_answer(f, &answer));
}

static void fill(uint8_t *at, size_t bytes, unsigned seed)
{
    for (size_t i = 0; i < bytes; i++)
        at[i] = (uint8_t)(seed * 31 + i * 7);
}

static void test_write_then_read(void **state)
{
    struct fake *f = *state;

    fill(fake_page(f, FAKE_DATA_GREF), BLK_PAGE_BYTES, 1);
    fake_ask_data(f, 11, BLKIF_OP_WRITE, 8, FAKE_DATA_GREF, 2, 5);
    fake_push(f);
    fake_run(f);
    expect_nothing(f);
    assert_int_equal(f->image.count, 1);
    fake_complete_all(f);
    fake_run(f);
    expect_answer(f, 11, BLKIF_RSP_OKAY);
    assert_memory_equal(f->image.data + 8 * 512, fake_page(f, FAKE_DATA_GREF) + 2 * 512, 4 * 512);
    assert_int_equal(f->notifies, 1);

    fake_ask_data(f, 12, BLKIF_OP_READ, 8, FAKE_DATA_GREF + 1, 4, 7);
    fake_push(f);
    fake_run(f);
    fake_complete_all(f);
    fake_run(f);
    expect_answer(f, 12, BLKIF_RSP_OKAY);
    assert_memory_equal(fake_page(f, FAKE_DATA_GREF + 1) + 4 * 512, fake_page(f, FAKE_DATA_GREF) + 2 * 512,
                        4 * 512);
}

/* 256 segments, also of pages that occur twice. */
static void test_indirect(void **state)
{
    struct fake *f = *state;
    struct blkif_request_segment *segments = (void *)fake_page(f, FAKE_DATA_GREF);
    struct blkif_request_indirect req = {.operation = BLKIF_OP_INDIRECT,
                                         .indirect_op = BLKIF_OP_READ,
                                         .nr_segments = BLK_MAX_SEGMENTS,
                                         .id = 5,
                                         .sector_number = 16};
    size_t at = 16 * 512;

    fill(f->image.data, FAKE_IMAGE_SECTORS * 512, 3);
    req.indirect_grefs[0] = FAKE_DATA_GREF;
    for (unsigned i = 0; i < BLK_MAX_SEGMENTS; i++)
        segments[i] = (struct blkif_request_segment){FAKE_DATA_GREF + 1 + i, 0, (uint8_t)(i % 8)};
    memcpy(fake_ask(f), &req, sizeof(req));
    fake_push(f);
    fake_run(f);
    fake_complete_all(f);
    fake_run(f);
    assert_int_equal(RING_GET_RESPONSE(&f->front, 0)->operation, BLKIF_OP_READ);
    expect_answer(f, 5, BLKIF_RSP_OKAY);
    for (unsigned i = 0; i < BLK_MAX_SEGMENTS; i++) {
        size_t bytes = (i % 8 + 1) * 512;

        assert_memory_equal(fake_page(f, FAKE_DATA_GREF + 1 + i), f->image.data + at, bytes);
        at += bytes;
    }
}

/* Requests of all sizes at once, over and over, with operations that end in any order. */
static void test_many_sizes(void **state)
{
    struct fake *f = *state;
    struct blkif_response answer;
    unsigned asked = 0, answered = 0;

    srand(5);
    fill(f->image.data, FAKE_IMAGE_SECTORS * 512, 9);
    while (answered < 3000) {
        while (RING_FREE_REQUESTS(&f->front) > 8) {
            unsigned segments = 1 + (unsigned)rand() % 64, page = FAKE_DATA_GREF + asked % 32;
            struct blkif_request_indirect req = {.operation = BLKIF_OP_INDIRECT,
                                                 .indirect_op = BLKIF_OP_READ,
                                                 .nr_segments = (uint16_t)segments,
                                                 .id = asked++};

            for (unsigned i = 0; i < segments; i++)
                ((struct blkif_request_segment *)(void *)fake_page(f, page))[i] =
                    (struct blkif_request_segment){FAKE_DATA_GREF + 32 + (unsigned)rand() % 300, 0, 7};
            req.indirect_grefs[0] = page;
            memcpy(fake_ask(f), &req, sizeof(req));
        }
        fake_push(f);
        fake_run(f);
        for (unsigned n = (unsigned)rand() % 20; n > 0 && f->image.count > 0; n--)
            fake_complete(f, (unsigned)rand() % f->image.count);
        fake_run(f);
        while (fake_answer(f, &answer)) {
            assert_int_equal(answer.status, BLKIF_RSP_OKAY);
            answered++;
        }
        f->now_ns += 1000000;
    }
}

/* One system call for the copies of a batch, one event for its answers. */
static void test_batches(void **state)
{
    struct fake *f = *state;

    f->image.at_once = true;
    for (unsigned i = 0; i < 32; i++)
        fake_ask_data(f, i, BLKIF_OP_WRITE, i * 8, FAKE_DATA_GREF + i, 0, 7);
    fake_push(f);
    fake_run(f);
    for (unsigned i = 0; i < 32; i++)
        expect_answer(f, i, BLKIF_RSP_OKAY);
    assert_int_equal(f->notifies, 1);
    assert_true(f->copy_calls <= 1);
    assert_true(f->map_calls <= 2); /* the ring's own mapping is one */
}

static void test_persistent_pages_stay(void **state)
{
    struct fake *f = *state;
    unsigned maps;

    f->image.at_once = true;
    for (unsigned round = 0; round < 3; round++) {
        for (unsigned i = 0; i < 8; i++)
            fake_ask_data(f, i, BLKIF_OP_WRITE, i * 8, FAKE_DATA_GREF + i % 4, 0, 7);
        fake_push(f);
        fake_run(f);
        for (unsigned i = 0; i < 8; i++)
            expect_answer(f, i, BLKIF_RSP_OKAY);
    }
    assert_int_equal(f->mapped, 1 + 4);
    maps = f->map_calls;
    assert_int_equal(maps, 2);
    assert_int_equal(f->copy_calls, 0);
}

/* With direct I/O data goes through registered memory: by the hypervisor until the pages are mapped, then
 * not. */
static void test_registered(void **state)
{
    struct fake *f = *state;

    f->image.at_once = true;
    for (unsigned round = 1; round <= 3; round++) {
        for (unsigned i = 0; i < 8; i++)
            fake_ask_data(f, i, i % 2 ? BLKIF_OP_READ : BLKIF_OP_WRITE, i * 8, FAKE_DATA_GREF + i, 0, 7);
        fake_push(f);
        fake_run(f);
        for (unsigned i = 0; i < 8; i++)
            expect_answer(f, i, BLKIF_RSP_OKAY);
        assert_int_equal(f->image.registered, 8 * round);
        assert_int_equal(f->mapped, 1 + 8);
        assert_int_equal(f->copy_calls, 2); /* once each way */
    }
    f->now_ns += 10000000000;
    buffers_trim(f->server.buffers);
    for (unsigned i = 0; i < URING_BUFFERS; i++)
        assert_null(f->registered[i].iov_base);
}

/* All buffers are in use: the frontend's own pages do, if they are mapped. */
static void test_in_place_without_buffer(void **state)
{
    struct fake *f = *state;

    f->image.at_once = true;
    fake_ask_data(f, 1, BLKIF_OP_WRITE, 0, FAKE_DATA_GREF, 0, 7);
    fake_push(f);
    fake_run(f);
    expect_answer(f, 1, BLKIF_RSP_OKAY);
    f->disk.buffers.used = BUFFERS_DISK_BYTES;
    fake_ask_data(f, 2, BLKIF_OP_WRITE, 8, FAKE_DATA_GREF, 0, 7);
    fake_ask_data(f, 3, BLKIF_OP_WRITE, 16, FAKE_DATA_GREF + 1, 0, 7);
    fake_push(f);
    fake_run(f);
    expect_answer(f, 2, BLKIF_RSP_OKAY);
    expect_nothing(f);
    assert_int_equal(f->image.registered, 1);
    f->disk.buffers.used = 0;
    queue_ready(f->disk.queues[0]);
    fake_run(f);
    expect_answer(f, 3, BLKIF_RSP_OKAY);
}

static void test_refused(void **state)
{
    struct fake *f = *state;
    const struct {
        uint8_t op, segments, first, last;
        uint64_t sector;
        uint32_t gref;
        int16_t status;
    } cases[] = {
        {BLKIF_OP_READ, 0, 0, 7, 0, 20, BLKIF_RSP_ERROR},
        {BLKIF_OP_WRITE, 12, 0, 7, 0, 20, BLKIF_RSP_ERROR},
        {BLKIF_OP_READ, 255, 0, 7, 0, 20, BLKIF_RSP_ERROR},
        {BLKIF_OP_READ, 1, 0, 8, 0, 20, BLKIF_RSP_ERROR},
        {BLKIF_OP_READ, 1, 5, 4, 0, 20, BLKIF_RSP_ERROR},
        {BLKIF_OP_READ, 1, 0, 7, FAKE_IMAGE_SECTORS - 7, 20, BLKIF_RSP_ERROR},
        {BLKIF_OP_READ, 1, 0, 7, UINT64_MAX - 3, 20, BLKIF_RSP_ERROR},
        {BLKIF_OP_WRITE, 1, 0, 0, FAKE_IMAGE_SECTORS, 20, BLKIF_RSP_ERROR},
        {BLKIF_OP_READ, 1, 0, 7, 0, FAKE_PAGES, BLKIF_RSP_ERROR},
        {BLKIF_OP_WRITE, 1, 0, 7, 0, UINT32_MAX, BLKIF_RSP_ERROR},
        {BLKIF_OP_RESERVED_1, 1, 0, 7, 0, 20, BLKIF_RSP_EOPNOTSUPP},
        {77, 1, 0, 7, 0, 20, BLKIF_RSP_EOPNOTSUPP},
        {BLKIF_OP_READ, 1, 0, 7, FAKE_IMAGE_SECTORS - 8, 20, BLKIF_RSP_OKAY},
    };

    f->image.at_once = true;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct blkif_request *req = fake_ask(f);

        req->operation = cases[i].op;
        req->nr_segments = cases[i].segments;
        req->id = 100 + i;
        req->sector_number = cases[i].sector;
        req->seg[0] = (struct blkif_request_segment){cases[i].gref, cases[i].first, cases[i].last};
        fake_push(f);
        fake_run(f);
        expect_answer(f, 100 + i, cases[i].status);
    }
    assert_int_equal(f->fails, 0);
    assert_int_equal(f->image.writes, 0);
}

static void ask_indirect(struct fake *f, uint64_t id, uint8_t op, uint16_t segments, uint32_t gref)
{
    struct blkif_request_indirect req = {
        .operation = BLKIF_OP_INDIRECT, .indirect_op = op, .nr_segments = segments, .id = id};

    req.indirect_grefs[0] = gref;
    memcpy(fake_ask(f), &req, sizeof(req));
    fake_push(f);
    fake_run(f);
}

static void test_refused_indirect(void **state)
{
    struct fake *f = *state;
    struct blkif_request_segment *segments = (void *)fake_page(f, FAKE_DATA_GREF);

    f->image.at_once = true;
    segments[0] = (struct blkif_request_segment){FAKE_DATA_GREF + 1, 0, 7};
    segments[1] = (struct blkif_request_segment){FAKE_DATA_GREF + 2, 0, 8};
    ask_indirect(f, 1, BLKIF_OP_READ, 0, FAKE_DATA_GREF);
    ask_indirect(f, 2, BLKIF_OP_READ, BLK_MAX_SEGMENTS + 1, FAKE_DATA_GREF);
    ask_indirect(f, 3, BLKIF_OP_FLUSH_DISKCACHE, 1, FAKE_DATA_GREF);
    ask_indirect(f, 4, BLKIF_OP_READ, 2, FAKE_DATA_GREF);
    ask_indirect(f, 5, BLKIF_OP_READ, 1, FAKE_PAGES + 9);
    ask_indirect(f, 6, BLKIF_OP_READ, 1, FAKE_DATA_GREF);
    for (uint64_t id = 1; id <= 5; id++)
        expect_answer(f, id, BLKIF_RSP_ERROR);
    expect_answer(f, 6, BLKIF_RSP_OKAY);
    assert_int_equal(f->image.reads, 1);
}

static void test_read_only(void **state)
{
    struct fake *f = *state;
    struct blkif_request_discard discard = {.operation = BLKIF_OP_DISCARD, .id = 3, .nr_sectors = 8};

    f->image.at_once = true;
    f->disk.limits.readonly = true;
    fake_ask_data(f, 1, BLKIF_OP_WRITE, 0, FAKE_DATA_GREF, 0, 7);
    fake_ask_data(f, 2, BLKIF_OP_WRITE_BARRIER, 0, FAKE_DATA_GREF, 0, 7);
    memcpy(fake_ask(f), &discard, sizeof(discard));
    fake_push(f);
    fake_run(f);
    expect_answer(f, 1, BLKIF_RSP_ERROR);
    expect_answer(f, 2, BLKIF_RSP_ERROR);
    expect_answer(f, 3, BLKIF_RSP_ERROR);
    assert_int_equal(f->image.writes + f->image.discards, 0);
}

static void test_big_sectors(void **state)
{
    struct fake *f = *state;

    f->image.at_once = true;
    f->disk.limits.sector_bytes = 4096;
    fake_ask_data(f, 1, BLKIF_OP_READ, 4, FAKE_DATA_GREF, 0, 7);
    fake_ask_data(f, 2, BLKIF_OP_READ, 8, FAKE_DATA_GREF, 0, 3);
    fake_ask_data(f, 3, BLKIF_OP_READ, 8, FAKE_DATA_GREF, 0, 7);
    fake_push(f);
    fake_run(f);
    expect_answer(f, 1, BLKIF_RSP_ERROR);
    expect_answer(f, 2, BLKIF_RSP_ERROR);
    expect_answer(f, 3, BLKIF_RSP_OKAY);
}

static void test_discard(void **state)
{
    struct fake *f = *state;
    struct blkif_request_discard discard = {.operation = BLKIF_OP_DISCARD, .sector_number = 8};
    const struct {
        uint64_t sectors;
        int16_t status;
    } cases[] = {{8, BLKIF_RSP_OKAY},
                 {0, BLKIF_RSP_ERROR},
                 {FAKE_IMAGE_SECTORS, BLKIF_RSP_ERROR},
                 {UINT64_MAX, BLKIF_RSP_ERROR},
                 {FAKE_IMAGE_SECTORS - 8, BLKIF_RSP_OKAY}};

    f->image.at_once = true;
    for (unsigned i = 0; i < 5; i++) {
        discard.id = i;
        discard.nr_sectors = cases[i].sectors;
        memcpy(fake_ask(f), &discard, sizeof(discard));
        fake_push(f);
        fake_run(f);
        expect_answer(f, i, cases[i].status);
    }
    assert_int_equal(f->image.discards, 2);
    f->disk.limits.discard = false;
    memcpy(fake_ask(f), &discard, sizeof(discard));
    fake_push(f);
    fake_run(f);
    expect_answer(f, 4, BLKIF_RSP_EOPNOTSUPP);
}

static void test_barrier_orders(void **state)
{
    struct fake *f = *state;

    fake_ask_data(f, 1, BLKIF_OP_WRITE, 0, FAKE_DATA_GREF, 0, 7);
    fake_ask_data(f, 2, BLKIF_OP_WRITE_BARRIER, 8, FAKE_DATA_GREF, 0, 7);
    fake_ask_data(f, 3, BLKIF_OP_WRITE, 16, FAKE_DATA_GREF, 0, 7);
    fake_push(f);
    fake_run(f);
    assert_int_equal(f->image.count, 1); /* the write alone */
    fake_complete(f, 0);
    fake_run(f);
    expect_answer(f, 1, BLKIF_RSP_OKAY);
    assert_int_equal(f->image.pending[0]->op, IMAGE_FLUSH);
    fake_complete(f, 0);
    fake_run(f);
    assert_int_equal(f->image.count, 1);
    assert_int_equal(f->image.pending[0]->op, IMAGE_WRITE);
    assert_int_equal(f->image.pending[0]->offset, 8 * 512);
    fake_complete(f, 0);
    fake_run(f);
    expect_nothing(f);
    assert_int_equal(f->image.pending[0]->op, IMAGE_FLUSH);
    fake_complete(f, 0);
    fake_run(f);
    expect_answer(f, 2, BLKIF_RSP_OKAY);
    assert_int_equal(f->image.count, 1); /* and only now what came after it */
    fake_complete(f, 0);
    fake_run(f);
    expect_answer(f, 3, BLKIF_RSP_OKAY);
}

static void test_flush(void **state)
{
    struct fake *f = *state;

    fake_ask(f)->operation = BLKIF_OP_FLUSH_DISKCACHE;
    fake_push(f);
    fake_run(f);
    assert_int_equal(f->image.pending[0]->op, IMAGE_FLUSH);
    fake_complete(f, 0);
    fake_run(f);
    expect_answer(f, 0, BLKIF_RSP_OKAY);
    f->image.fail_with = EIO;
    fake_ask(f)->operation = BLKIF_OP_FLUSH_DISKCACHE;
    fake_push(f);
    fake_run(f);
    fake_complete(f, 0);
    fake_run(f);
    expect_answer(f, 0, BLKIF_RSP_ERROR);
}

static void test_impossible_index(void **state)
{
    struct fake *f = *state;

    f->front.sring->req_prod = 33;
    queue_ready(f->disk.queues[0]);
    fake_run(f);
    assert_int_equal(f->fails, 1);
    /* For good, and said once. */
    f->front.sring->req_prod = 0;
    fake_ask_data(f, 1, BLKIF_OP_READ, 0, FAKE_DATA_GREF, 0, 7);
    fake_push(f);
    fake_run(f);
    assert_int_equal(f->fails, 1);
    expect_nothing(f);
}

/* The frontend counts answers it was not given. */
static void test_index_beyond_answers(void **state)
{
    struct fake *f = *state;

    for (unsigned i = 0; i < 32; i++)
        fake_ask_data(f, i, BLKIF_OP_READ, 0, FAKE_DATA_GREF, 0, 7);
    fake_push(f);
    fake_run(f);
    assert_int_equal(f->image.count, 32);
    f->front.sring->req_prod = 33;
    queue_ready(f->disk.queues[0]);
    fake_run(f);
    assert_int_equal(f->fails, 1);
}

static void test_revoked_in_flight(void **state)
{
    struct fake *f = *state;

    fake_ask_data(f, 1, BLKIF_OP_READ, 0, FAKE_DATA_GREF, 0, 7);
    fake_ask_data(f, 2, BLKIF_OP_READ, 0, FAKE_DATA_GREF + 1, 0, 7);
    fake_push(f);
    fake_run(f);
    f->granted[FAKE_DATA_GREF] = false;
    fake_complete_all(f);
    fake_run(f);
    expect_answer(f, 1, BLKIF_RSP_ERROR);
    expect_answer(f, 2, BLKIF_RSP_OKAY);
}

/* A frontend that uses each page once is served, and holds no more than it may. */
static void test_persistent_is_bounded(void **state)
{
    struct fake *f = *state;
    unsigned most = 0;

    f->image.at_once = true;
    for (unsigned i = 0; i < 5000; i++) {
        fake_ask_data(f, i, BLKIF_OP_READ, 0, FAKE_DATA_GREF + i * 7 % (FAKE_PAGES - FAKE_DATA_GREF), 0, 7);
        fake_push(f);
        fake_run(f);
        expect_answer(f, i, BLKIF_RSP_OKAY);
        f->now_ns += 20000000;
        most = f->mapped > most ? f->mapped : most;
    }
    assert_true(most <= 1 + DISK_PERSISTENT_CHUNKS);
    assert_true(most >= DISK_PERSISTENT_CHUNKS);
}

/* Pages that come one by one are all mapped, in fewer mappings than pages. */
static void test_small_mappings_merge(void **state)
{
    struct fake *f = *state;
    const unsigned pages = 3 * DISK_PERSISTENT_CHUNKS;
    unsigned maps;

    f->image.at_once = true;
    for (unsigned round = 0; round < 2; round++) {
        maps = f->map_calls;
        for (unsigned i = 0; i < pages; i++) {
            fake_ask_data(f, i, BLKIF_OP_WRITE, 0, FAKE_DATA_GREF + i, 0, 7);
            fake_push(f);
            fake_run(f);
            expect_answer(f, i, BLKIF_RSP_OKAY);
        }
    }
    assert_int_equal(f->map_calls, maps);
    assert_int_equal(f->mapped, 1 + pages);
}

/* More data than the disk may hold in buffers: later requests wait for memory and are served. */
static void test_buffers_are_bounded(void **state)
{
    struct fake *f = *state;
    struct blkif_request_segment *segments = (void *)fake_page(f, FAKE_DATA_GREF);

    for (unsigned i = 0; i < BLK_MAX_SEGMENTS; i++)
        segments[i] = (struct blkif_request_segment){FAKE_DATA_GREF + 1 + i, 0, 7};
    for (unsigned i = 0; i < 32; i++) {
        struct blkif_request_indirect req = {.operation = BLKIF_OP_INDIRECT,
                                             .indirect_op = BLKIF_OP_WRITE,
                                             .nr_segments = BLK_MAX_SEGMENTS,
                                             .id = i};

        req.indirect_grefs[0] = FAKE_DATA_GREF;
        memcpy(fake_ask(f), &req, sizeof(req));
    }
    fake_push(f);
    fake_run(f);
    for (unsigned i = 0; i < 32; i++) {
        assert_true(f->disk.buffers.used <= BUFFERS_DISK_BYTES);
        assert_int_equal(f->image.count, 32 - i < 4 ? 32 - i : 4);
        fake_complete(f, 0);
        fake_run(f);
        expect_answer(f, i, BLKIF_RSP_OKAY);
    }
}

static void test_rate(void **state)
{
    struct fake *f = *state;
    unsigned served = 0, rounds = 0;

    f->image.at_once = true;
    rate_set(&f->disk.iops, 100, (uint64_t)f->now_ns);
    while (served < 300) {
        struct blkif_response answer;

        while (RING_FREE_REQUESTS(&f->front) > 0)
            fake_ask_data(f, 1, BLKIF_OP_READ, 0, FAKE_DATA_GREF, 0, 7);
        fake_push(f);
        fake_run(f);
        while (fake_answer(f, &answer))
            served++;
        f->now_ns += 1000000;
        rounds++;
    }
    /* 300 requests at 100 a second, less the burst of a tenth. */
    assert_in_range(rounds, 2850, 3010);
    rate_set(&f->disk.iops, 0, (uint64_t)f->now_ns);
    assert_false(disk_throttled(&f->disk));
}

static void test_cut_off_image(void **state)
{
    struct fake *f = *state;

    f->image.at_once = true;
    f->disk.actual_sectors = 64;
    fake_ask_data(f, 1, BLKIF_OP_WRITE, 64, FAKE_DATA_GREF, 0, 7);
    fake_ask_data(f, 2, BLKIF_OP_WRITE, 56, FAKE_DATA_GREF, 0, 7);
    fake_push(f);
    fake_run(f);
    expect_answer(f, 1, BLKIF_RSP_ERROR);
    expect_answer(f, 2, BLKIF_RSP_OKAY);
}

static void test_stop_with_io_under_way(void **state)
{
    struct fake *f = *state;

    fake_ask_data(f, 1, BLKIF_OP_READ, 0, FAKE_DATA_GREF, 0, 7);
    fake_ask_data(f, 2, BLKIF_OP_WRITE_BARRIER, 0, FAKE_DATA_GREF, 0, 7);
    fake_push(f);
    fake_run(f);
    queue_stop(f->disk.queues[0]);
    assert_int_equal(f->disk.inflight, 1);
    f->disk.draining = true;
    fake_complete_all(f);
    assert_int_equal(f->drained, 1);
    queue_free(f->disk.queues[0]);
    f->disk.queues[0] = NULL;
}

/* A request that kills each daemon costs its own disk in the end; one that is answered starts the count anew.
 */
static void test_deadly_request(void **state)
{
    struct fake *f = *state;

    for (unsigned round = 0; round < 2; round++) {
        fake_ask_data(f, 1, BLKIF_OP_READ, 0, FAKE_DATA_GREF, 0, 7);
        fake_push(f);
        fake_run(f);
        for (unsigned i = 0; i < JOURNAL_MAX_RESUMED; i++)
            assert_non_null(fake_restart(f));
        if (round == 1)
            break;
        fake_run(f);
        fake_complete_all(f);
        fake_run(f);
        expect_answer(f, 1, BLKIF_RSP_OKAY);
    }
    assert_int_equal(f->fails, 0);
    assert_null(fake_restart(f));
    assert_int_equal(f->fails, 1);
}

/* Answers may be there of which the frontend was not told: it is told once, with requests open or without. */
static void test_next_daemon_notifies(void **state)
{
    struct fake *f = *state;
    unsigned before;

    f->image.at_once = true;
    fake_ask_data(f, 1, BLKIF_OP_READ, 0, FAKE_DATA_GREF, 0, 7);
    fake_push(f);
    fake_run(f);
    before = f->notifies;
    assert_non_null(fake_restart(f));
    fake_run(f);
    assert_int_equal(f->notifies, before + 1);
    expect_answer(f, 1, BLKIF_RSP_OKAY);
}

static void test_event_wanted_again(void **state)
{
    struct fake *f = *state;

    f->image.at_once = true;
    for (unsigned i = 1; i < 100; i++) {
        fake_ask_data(f, i, BLKIF_OP_READ, 0, FAKE_DATA_GREF, 0, 7);
        f->disk.queues[0]->masked = true;
        fake_push(f);
        fake_run(f);
        expect_answer(f, i, BLKIF_RSP_OKAY);
        assert_int_equal(f->front.sring->req_event, i + 1);
        assert_int_equal(f->unmasks, i);
    }
}

#define ALL(test)                                                          \
    cmocka_unit_test_setup_teardown(test, setup_copy, teardown),           \
        cmocka_unit_test_setup_teardown(test, setup_persistent, teardown), \
        cmocka_unit_test_setup_teardown(test, setup_direct, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ALL(test_write_then_read),
        ALL(test_indirect),
        ALL(test_many_sizes),
        ALL(test_batches),
        cmocka_unit_test_setup_teardown(test_persistent_pages_stay, setup_persistent, teardown),
        cmocka_unit_test_setup_teardown(test_registered, setup_direct, teardown),
        cmocka_unit_test_setup_teardown(test_in_place_without_buffer, setup_direct, teardown),
        ALL(test_refused),
        ALL(test_refused_indirect),
        ALL(test_read_only),
        ALL(test_big_sectors),
        ALL(test_discard),
        ALL(test_barrier_orders),
        ALL(test_flush),
        ALL(test_impossible_index),
        ALL(test_index_beyond_answers),
        cmocka_unit_test_setup_teardown(test_revoked_in_flight, setup_copy, teardown),
        cmocka_unit_test_setup_teardown(test_persistent_is_bounded, setup_persistent, teardown),
        cmocka_unit_test_setup_teardown(test_small_mappings_merge, setup_persistent, teardown),
        cmocka_unit_test_setup_teardown(test_buffers_are_bounded, setup_copy, teardown),
        ALL(test_rate),
        ALL(test_cut_off_image),
        ALL(test_stop_with_io_under_way),
        ALL(test_deadly_request),
        ALL(test_next_daemon_notifies),
        ALL(test_event_wanted_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
