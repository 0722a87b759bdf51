/* SPDX-License-Identifier: MIT */
/* A queue with an honest backend: data, pages, grants, errors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/host/guest/blk/bench.h"

static int setup(void **state)
{
    *state = bench_new(4, 300, 65536);
    return 0;
}

static int teardown(void **state)
{
    bench_free(*state);
    machine_check_empty();
    return 0;
}

static void write_and_read(struct bench *b, uint64_t sector, uint64_t sectors, unsigned offset)
{
    uint8_t *out = malloc(sectors * 512 + offset), *in = malloc(sectors * 512 + offset);

    for (uint64_t i = 0; i < sectors * 512; i++)
        out[i + offset] = (uint8_t)(rand() >> 3);
    assert_int_equal(bench_io(b, BLK_WRITE, sector, sectors, out + offset), 0);
    assert_memory_equal(b->disk.data + sector * 512, out + offset, sectors * 512);
    assert_int_equal(bench_io(b, BLK_READ, sector, sectors, in + offset), 0);
    assert_memory_equal(in + offset, out + offset, sectors * 512);
    free(out);
    free(in);
}

/* Every length that matters, at odd addresses, on each kind of connection. */
static void test_data(void **state)
{
    static const uint64_t lengths[] = {1, 7, 8, 9, 87, 88, 89, 96, 255, 256, 2047, 2048, 2049, 5000};
    struct bench *b = *state;

    for (unsigned kind = 0; kind < 8; kind++) {
        bench_connect(b, kind & 1 ? 4 : 0, kind & 2 ? 256 : 11, kind & 4);
        for (unsigned i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
            write_and_read(b, (uint64_t)(rand() % 1000), lengths[i], i & 1 ? 3 : 0);
        bench_disconnect(b);
    }
}

/* Without persistent grants nothing stays within reach, and what is written cannot be changed. */
static void test_grants_end(void **state)
{
    struct bench *b = *state;
    uint8_t buf[64 * 512];
    struct blk_req req;

    bench_connect(b, 0, 256, false);
    assert_int_equal(machine_granted(), 1); /* the ring */
    bench_submit(b, &req, BLK_WRITE, 0, 64, buf);
    assert_int_equal(machine_granted(), 1 + 8);
    assert_int_equal(machine_readonly(), 8);
    disk_run(&b->disk, false);
    blk_queue_poll(&b->queue);
    assert_int_equal(b->ended, 1);
    assert_int_equal(machine_granted(), 1);
    bench_submit(b, &req, BLK_READ, 0, 64, buf);
    assert_int_equal(machine_readonly(), 0);
    disk_run(&b->disk, false);
    blk_queue_poll(&b->queue);
    bench_disconnect(b);
}

static void test_persistent_grants_are_used_again(void **state)
{
    struct bench *b = *state;
    uint8_t buf[64 * 512] = {0};

    bench_connect(b, 0, 256, true);
    for (int i = 0; i < 50; i++)
        assert_int_equal(bench_io(b, i & 1 ? BLK_READ : BLK_WRITE, 0, 64, buf), 0);
    assert_int_equal(machine_granted(), 1 + 8);
    assert_int_equal(machine_readonly(), 0);
    bench_disconnect(b);
}

/* A page that the backend has not let go of is not used until it has. */
static void test_held_pages(void **state)
{
    struct bench *b = *state;
    uint8_t buf[8 * 512] = {0};
    unsigned pages = b->queue.pool.nr_pages;
    grant_ref_t ref;
    struct blk_req req;
    uint8_t *mapped;

    bench_connect(b, 0, 11, false);
    bench_submit(b, &req, BLK_READ, 0, 8, buf);
    disk_take(&b->disk);
    ref = b->disk.taken[0].seg[0].gref;
    mapped = machine_map(ref, true);
    disk_answer(&b->disk, 0);
    blk_queue_poll(&b->queue);
    assert_int_equal(req.status, 0);
    assert_int_equal(b->queue.pool.nr_held, 1);
    memset(mapped, 0xee, 4096);
    for (unsigned i = 0; i < 2 * pages; i++) {
        bench_submit(b, &req, BLK_READ, 0, 8, buf);
        disk_take(&b->disk);
        assert_int_not_equal(b->disk.taken[0].seg[0].gref, ref);
        disk_answer(&b->disk, 0);
        blk_queue_poll(&b->queue);
        memset(mapped, (int)i, 4096);
        assert_int_equal(buf[0], 0);
    }
    machine_unmap(ref, true);
    assert_true(blk_pool_has(&b->queue.pool, pages));
    assert_int_equal(b->queue.pool.nr_held, 0);
    bench_disconnect(b);
}

/* One that keeps everything it was ever shown is given up, and the pages of its device are never freed. */
static void test_all_pages_held(void **state)
{
    struct bench *b = *state;
    uint8_t *buf = calloc(88, 512);
    struct blk_req reqs[64];
    unsigned i;

    bench_connect(b, 0, 11, false);
    for (i = 0; i < 64 && !machine_broken; i++) {
        bench_submit(b, &reqs[i], BLK_READ, 0, 88, buf);
        if (!disk_take(&b->disk))
            break;
        for (unsigned s = 0; s < 11; s++)
            machine_map(b->disk.taken[0].seg[s].gref, true);
        disk_answer(&b->disk, 0);
        blk_queue_poll(&b->queue);
    }
    assert_non_null(machine_broken);
    blk_queue_fail(&b->queue, -XEN_EIO);
    assert_int_equal(reqs[i].status, -XEN_EIO);
    blk_queue_fini(&b->queue);
    assert_int_equal(blk_pool_lost(), 300 / 11 * 11);
    machine_unmap_all();
    assert_int_equal(blk_pool_lost(), 0);
    blk_queue_init(&b->queue, NULL, 0, 4, 300);
    free(buf);
}

/* More than ring and pool hold, answered backwards. */
static void test_many_at_once(void **state)
{
    struct bench *b = *state;
    static struct blk_req reqs[500];
    uint8_t *bufs = calloc(500, 40 * 512);

    for (uint64_t i = 0; i < 500 * 40; i++)
        bufs[i * 512] = (uint8_t)i;
    bench_connect(b, 1, 32, true);
    for (unsigned i = 0; i < 500; i++)
        bench_submit(b, &reqs[i], BLK_WRITE, i * 40, 40, bufs + i * 40 * 512);
    assert_int_equal(b->ended, 0);
    while (b->ended < 500) {
        disk_run(&b->disk, true);
        blk_queue_poll(&b->queue);
    }
    assert_memory_equal(b->disk.data, bufs, 500 * 40 * 512);
    free(bufs);
    bench_disconnect(b);
}

static void test_flush_and_discard(void **state)
{
    struct bench *b = *state;
    uint8_t buf[512] = {1};

    bench_connect(b, 0, 11, false);
    assert_int_equal(bench_io(b, BLK_FLUSH, 0, 0, NULL), 0);
    assert_int_equal(b->disk.flushes, 1);
    assert_int_equal(bench_io(b, BLK_WRITE, 10, 1, buf), 0);
    assert_int_equal(bench_io(b, BLK_DISCARD, 8, 16, NULL), 0);
    assert_int_equal(b->disk.data[10 * 512], 0);
    b->disk.no_flush = b->disk.no_discard = true;
    assert_int_equal(bench_io(b, BLK_FLUSH, 0, 0, NULL), -XEN_EOPNOTSUPP);
    assert_int_equal(bench_io(b, BLK_DISCARD, 8, 16, NULL), -XEN_EOPNOTSUPP);
    assert_int_equal(machine_unsupported, 1u << BLK_FLUSH | 1u << BLK_DISCARD);
    bench_disconnect(b);
}

static void test_errors_of_the_disk(void **state)
{
    struct bench *b = *state;
    uint8_t *buf = calloc(256, 512);

    bench_connect(b, 0, 11, false);
    assert_int_equal(bench_io(b, BLK_READ, b->disk.sectors - 4, 8, buf), -XEN_EIO);
    /* One bad part of a long request, the others good. */
    assert_int_equal(bench_io(b, BLK_WRITE, b->disk.sectors - 255, 256, buf), -XEN_EIO);
    assert_int_equal(bench_io(b, BLK_READ, 0, 8, buf), 0);
    free(buf);
    bench_disconnect(b);
}

/* The error of one does not keep the others, and a queue that is closed refuses. */
static void test_fail(void **state)
{
    struct bench *b = *state;
    struct blk_req reqs[100], late;
    uint8_t buf[512];

    bench_connect(b, 0, 11, true);
    for (unsigned i = 0; i < 100; i++)
        bench_submit(b, &reqs[i], BLK_READ, i, 1, buf);
    blk_queue_fail(&b->queue, -XEN_ENODEV);
    assert_int_equal(b->ended, 100);
    for (unsigned i = 0; i < 100; i++)
        assert_int_equal(reqs[i].status, -XEN_ENODEV);
    late = (struct blk_req){.op = BLK_FLUSH};
    assert_int_equal(blk_queue_add(&b->queue, &late), -XEN_ENODEV);
    bench_disconnect(b);
}

static void test_little_memory(void **state)
{
    struct blk_queue q;

    (void)state;
    machine_limit_pages(5);
    assert_int_equal(blk_queue_init(&q, NULL, 0, 4, 300), -XEN_ENOMEM);
    machine_limit_pages(40);
    assert_int_equal(blk_queue_init(&q, NULL, 0, 4, 300), 0);
    assert_int_equal(blk_queue_max_segments(&q), 39);
    blk_queue_fini(&q);
    machine_limit_pages(-1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_data, setup, teardown),
        cmocka_unit_test_setup_teardown(test_grants_end, setup, teardown),
        cmocka_unit_test_setup_teardown(test_persistent_grants_are_used_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_held_pages, setup, teardown),
        cmocka_unit_test_setup_teardown(test_all_pages_held, setup, teardown),
        cmocka_unit_test_setup_teardown(test_many_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_flush_and_discard, setup, teardown),
        cmocka_unit_test_setup_teardown(test_errors_of_the_disk, setup, teardown),
        cmocka_unit_test_setup_teardown(test_fail, setup, teardown),
        cmocka_unit_test_setup_teardown(test_little_memory, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
