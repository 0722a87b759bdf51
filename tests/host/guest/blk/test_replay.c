/* SPDX-License-Identifier: MIT */
/* Connections that end with requests in flight: everything is done in the end, and done once to its owner. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/host/guest/blk/bench.h"

#define SECTORS 4096u
#define DEPTH   48u

static int setup(void **state)
{
    *state = bench_new(4, 300, SECTORS);
    return 0;
}

static int teardown(void **state)
{
    bench_free(*state);
    machine_check_empty();
    return 0;
}

static void test_in_flight_is_done_again(void **state)
{
    struct bench *b = *state;
    uint8_t buf[3][8 * 512];
    struct blk_req reqs[3];

    bench_connect(b, 0, 11, true);
    for (unsigned i = 0; i < 3; i++) {
        memset(buf[i], (int)i + 1, sizeof(buf[i]));
        bench_submit(b, &reqs[i], BLK_WRITE, i * 8, 8, buf[i]);
    }
    /* The second is carried out and answered, the third only carried out. */
    disk_take(&b->disk);
    disk_answer(&b->disk, 1);
    disk_carry_out(&b->disk, &b->disk.taken[1]);
    blk_queue_poll(&b->queue);
    assert_int_equal(b->ended, 1);
    bench_disconnect(b);
    memset(b->disk.data, 0, 8 * 512);
    bench_connect(b, 0, 11, false);
    assert_int_equal(b->queue.replayed, 2);
    disk_run(&b->disk, false);
    blk_queue_poll(&b->queue);
    assert_int_equal(b->ended, 3);
    for (unsigned i = 0; i < 3; i++)
        assert_memory_equal(b->disk.data + i * sizeof(buf[i]), buf[i], sizeof(buf[i]));
}

/* Answers that were on the ring and not taken when it was given up count for nothing; they may be lost. */
static void test_requests_wait_while_there_is_no_backend(void **state)
{
    struct bench *b = *state;
    uint8_t buf[512] = {7};
    struct blk_req reqs[100];

    for (unsigned i = 0; i < 100; i++)
        bench_submit(b, &reqs[i], BLK_WRITE, i, 1, buf);
    assert_int_equal(blk_queue_in_flight(&b->queue), 0);
    bench_connect(b, 0, 11, false);
    disk_take(&b->disk);
    disk_answer(&b->disk, 3);
    bench_disconnect(b);
    assert_int_equal(b->ended, 0);
    bench_connect(b, 4, 11, false);
    disk_run(&b->disk, true);
    blk_queue_poll(&b->queue);
    assert_int_equal(b->ended, 100);
}

/* A backend that comes back with less: long requests are cut anew. */
static void test_shorter_requests_afterwards(void **state)
{
    struct bench *b = *state;
    uint8_t *buf = malloc(2048 * 512);
    struct blk_req req;

    for (unsigned i = 0; i < 2048 * 512; i++)
        buf[i] = (uint8_t)(i * 7 >> 4);
    bench_connect(b, 4, 256, true);
    bench_submit(b, &req, BLK_WRITE, 100, 2048, buf);
    assert_int_equal(disk_take(&b->disk), 1);
    bench_disconnect(b);
    bench_connect(b, 0, 11, false);
    while (!b->ended) {
        disk_run(&b->disk, true);
        blk_queue_poll(&b->queue);
    }
    assert_memory_equal(b->disk.data + 100 * 512, buf, 2048 * 512);
    free(buf);
}

static void test_pause_and_move(void **state)
{
    struct bench *b = *state, *other = bench_new(0, 64, SECTORS);
    uint8_t buf[512] = {9};
    struct blk_req reqs[3];

    bench_connect(b, 0, 11, false);
    bench_submit(b, &reqs[0], BLK_WRITE, 0, 1, buf);
    blk_queue_pause(&b->queue);
    bench_submit(b, &reqs[1], BLK_WRITE, 1, 1, buf);
    bench_submit(b, &reqs[2], BLK_WRITE, 2, 1, buf);
    assert_int_equal(disk_take(&b->disk), 1);
    disk_answer(&b->disk, 0);
    blk_queue_poll(&b->queue);
    assert_int_equal(b->ended, 1);
    bench_disconnect(b);
    blk_queue_move(&b->queue, &other->queue);
    bench_connect(other, 0, 11, false);
    disk_run(&other->disk, false);
    blk_queue_poll(&other->queue);
    assert_int_equal(b->ended, 3);
    assert_int_equal(other->disk.data[2 * 512], 9);
    bench_free(other);
}

/* Random work with a model of every sector, the backend going away in the middle again and again. */
struct job {
    struct blk_req req;
    struct bench *bench;
    bool busy;
    uint8_t value;
    uint8_t buf[40 * 512];
};

static uint8_t model[SECTORS];

static void job_done(struct blk_req *req)
{
    struct job *j = (struct job *)req;

    assert_true(j->busy);
    assert_int_equal(req->status, 0);
    j->busy = false;
    j->bench->ended++;
    for (uint64_t i = 0; i < req->sectors; i++) {
        if (req->op == BLK_WRITE)
            model[req->sector + i] = j->value;
        else if (req->op == BLK_READ)
            assert_int_equal(j->buf[i * 512 + 5], model[req->sector + i]);
    }
}

static bool job_start(struct job *j, struct job *all)
{
    uint64_t n = 1 + (uint64_t)rand() % 40, sector = (uint64_t)rand() % (SECTORS - n);

    for (struct job *o = all; o < all + DEPTH; o++)
        if (o->busy && o->req.sector < sector + n && sector < o->req.sector + o->req.sectors)
            return false;
    j->busy = true;
    j->value = (uint8_t)rand();
    j->req = (struct blk_req){.op = rand() & 1 ? BLK_READ : BLK_WRITE,
                              .sector = sector,
                              .sectors = n,
                              .buf = j->buf,
                              .done = job_done};
    if (j->req.op == BLK_WRITE)
        memset(j->buf, j->value, n * 512);
    assert_int_equal(blk_queue_add(&j->bench->queue, &j->req), 0);
    return true;
}

static void reconnect(struct bench *b)
{
    if (b->shared) {
        /* Some of what it had in hand was carried out before it died. */
        for (unsigned i = 0; i < b->disk.nr_taken; i++)
            if (rand() & 1)
                disk_carry_out(&b->disk, &b->disk.taken[i]);
        bench_disconnect(b);
    }
    bench_connect(b, (unsigned)rand() % 5, rand() & 1 ? 11 : 256, rand() & 1);
}

static void test_random(void **state)
{
    struct bench *b = *state;
    static struct job jobs[DEPTH];
    unsigned started = 0;

    srand(1);
    for (unsigned i = 0; i < DEPTH; i++)
        jobs[i].bench = b;
    reconnect(b);
    while (b->ended < 20000) {
        struct job *j = &jobs[(unsigned)rand() % DEPTH];

        if (!j->busy && started < 20000)
            started += job_start(j, jobs);
        if (disk_take(&b->disk))
            disk_answer(&b->disk, (unsigned)rand() % b->disk.nr_taken);
        if (!(rand() & 3))
            blk_queue_poll(&b->queue);
        if (!(rand() & 511))
            reconnect(b);
        assert_null(machine_broken);
    }
    for (unsigned i = 0; i < SECTORS; i++)
        assert_int_equal(b->disk.data[i * 512 + 11], model[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_in_flight_is_done_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_requests_wait_while_there_is_no_backend, setup, teardown),
        cmocka_unit_test_setup_teardown(test_shorter_requests_afterwards, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pause_and_move, setup, teardown),
        cmocka_unit_test_setup_teardown(test_random, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
