/* SPDX-License-Identifier: MIT */
/* The ring's bookkeeping: what goes out, and what of a backend's answers is believed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "guest/frontends/blk_ring.h"

struct fixture {
    struct blk_ring ring;
    struct blk_slot slots[BLK_RING_MAX_SLOTS];
    struct blkif_sring *shared;
};

static void start(struct fixture *f, unsigned pages)
{
    free(f->shared);
    f->shared = aligned_alloc(BLK_RING_PAGE, pages * BLK_RING_PAGE);
    blk_ring_init(&f->ring, f->shared, pages, f->slots);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    start(f, 1);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    free(f->shared);
    free(f);
    return 0;
}

static uint32_t put(struct fixture *f, uint8_t op)
{
    struct blk_ring_request r = {.op = op, .sector = 100, .nr_sectors = 8};

    return blk_ring_put(&f->ring, &r);
}

static struct blkif_request *request(struct fixture *f, RING_IDX index)
{
    return &f->shared->ring[index & (f->ring.entries - 1)].req;
}

static void answer(struct fixture *f, uint64_t id, uint8_t op, int16_t status)
{
    RING_IDX prod = f->shared->rsp_prod;

    f->shared->ring[prod & (f->ring.entries - 1)].rsp =
        (struct blkif_response){.id = id, .operation = op, .status = status};
    f->shared->rsp_prod = prod + 1;
}

static void expect_broken(struct fixture *f)
{
    struct blk_ring_response rsp;
    RING_IDX cons = f->ring.rsp_cons;

    assert_int_equal(blk_ring_take(&f->ring, &rsp), BLK_RING_BROKEN);
    assert_non_null(f->ring.broken);
    /* And stays so, whatever comes. */
    f->shared->rsp_prod = cons;
    assert_int_equal(blk_ring_take(&f->ring, &rsp), BLK_RING_BROKEN);
    assert_false(blk_ring_arm(&f->ring));
}

static void test_entries(void **state)
{
    (void)state;
    assert_int_equal(blk_ring_entries(1), 32);
    assert_int_equal(blk_ring_entries(2), 64);
    assert_int_equal(blk_ring_entries(4), 128);
    assert_int_equal(blk_ring_entries(16), BLK_RING_MAX_SLOTS);
}

static void test_there_and_back(void **state)
{
    struct fixture *f = *state;
    struct blk_ring_response rsp;
    uint32_t slot = put(f, BLKIF_OP_READ);

    assert_int_equal(f->shared->req_prod, 0);
    assert_true(blk_ring_push(&f->ring));
    assert_int_equal(f->shared->req_prod, 1);
    assert_int_equal(blk_ring_take(&f->ring, &rsp), BLK_RING_NONE);
    answer(f, request(f, 0)->id, BLKIF_OP_READ, BLKIF_RSP_ERROR);
    assert_int_equal(blk_ring_take(&f->ring, &rsp), BLK_RING_TOOK);
    assert_int_equal(rsp.slot, slot);
    assert_int_equal(rsp.status, BLKIF_RSP_ERROR);
    assert_int_equal(blk_ring_in_flight(&f->ring), 0);
}

static void test_all_kinds_of_requests(void **state)
{
    struct fixture *f = *state;
    struct blkif_request_segment seg[2] = {{.gref = 9, .first_sect = 0, .last_sect = 7},
                                           {.gref = 10, .first_sect = 0, .last_sect = 3}};
    grant_ref_t describe[2] = {77, 78};
    struct blk_ring_request direct = {
        .op = BLKIF_OP_WRITE, .nr_segments = 2, .handle = 51712, .sector = 5, .segments = seg};
    struct blk_ring_request indirect = {
        .op = BLKIF_OP_READ, .nr_segments = 513, .handle = 51712, .sector = 6, .indirect = describe};
    struct blk_ring_request discard = {
        .op = BLKIF_OP_DISCARD, .discard_flag = 1, .handle = 51712, .sector = 7, .nr_sectors = 1ull << 40};
    const struct blkif_request_indirect *in;
    const struct blkif_request_discard *di;

    blk_ring_put(&f->ring, &direct);
    blk_ring_put(&f->ring, &indirect);
    blk_ring_put(&f->ring, &discard);
    assert_int_equal(request(f, 0)->operation, BLKIF_OP_WRITE);
    assert_int_equal(request(f, 0)->nr_segments, 2);
    assert_int_equal(request(f, 0)->handle, 51712);
    assert_int_equal(request(f, 0)->sector_number, 5);
    assert_memory_equal(request(f, 0)->seg, seg, sizeof(seg));
    in = (void *)request(f, 1);
    assert_int_equal(in->operation, BLKIF_OP_INDIRECT);
    assert_int_equal(in->indirect_op, BLKIF_OP_READ);
    assert_int_equal(in->nr_segments, 513);
    assert_int_equal(in->handle, 51712);
    assert_int_equal(in->sector_number, 6);
    assert_memory_equal(in->indirect_grefs, describe, sizeof(describe));
    di = (void *)request(f, 2);
    assert_int_equal(di->operation, BLKIF_OP_DISCARD);
    assert_int_equal(di->flag, 1);
    assert_int_equal(di->sector_number, 7);
    assert_int_equal(di->nr_sectors, 1ull << 40);
}

static void test_events_only_when_wanted(void **state)
{
    struct fixture *f = *state;

    put(f, BLKIF_OP_READ);
    assert_true(blk_ring_push(&f->ring));
    assert_false(blk_ring_push(&f->ring));
    /* The backend is awake: it wants one with the tenth request. */
    f->shared->req_event = 10;
    put(f, BLKIF_OP_READ);
    assert_false(blk_ring_push(&f->ring));
    for (int i = 0; i < 9; i++)
        put(f, BLKIF_OP_READ);
    assert_true(blk_ring_push(&f->ring));
}

static void test_full_and_around(void **state)
{
    struct fixture *f = *state;
    struct blk_ring_response rsp;

    /* Far enough for entries and slots to be used many times, the last one taken first. */
    for (int round = 0; round < 100; round++) {
        uint64_t ids[32];

        for (unsigned i = 0; i < 32; i++) {
            assert_false(blk_ring_full(&f->ring));
            put(f, BLKIF_OP_WRITE);
            ids[i] = request(f, f->ring.req_prod - 1)->id;
        }
        assert_true(blk_ring_full(&f->ring));
        blk_ring_push(&f->ring);
        for (int i = 31; i >= 0; i--)
            answer(f, ids[i], BLKIF_OP_WRITE, 0);
        for (int i = 31; i >= 0; i--) {
            assert_int_equal(blk_ring_take(&f->ring, &rsp), BLK_RING_TOOK);
            assert_int_equal(rsp.slot, (uint32_t)ids[i]);
        }
    }
}

static void test_indices_wrap(void **state)
{
    struct fixture *f = *state;
    struct blk_ring_response rsp;

    f->ring.req_prod = f->ring.req_published = f->ring.rsp_cons = UINT32_MAX - 1;
    f->shared->req_prod = f->shared->rsp_prod = UINT32_MAX - 1;
    f->shared->req_event = UINT32_MAX;
    for (int i = 0; i < 4; i++)
        put(f, BLKIF_OP_READ);
    assert_true(blk_ring_push(&f->ring));
    for (RING_IDX i = UINT32_MAX - 1; i != 2; i++)
        answer(f, request(f, i)->id, BLKIF_OP_READ, 0);
    for (int i = 0; i < 4; i++)
        assert_int_equal(blk_ring_take(&f->ring, &rsp), BLK_RING_TOOK);
    assert_int_equal(blk_ring_take(&f->ring, &rsp), BLK_RING_NONE);
}

static void test_arm_sees_what_came_meanwhile(void **state)
{
    struct fixture *f = *state;

    put(f, BLKIF_OP_READ);
    blk_ring_push(&f->ring);
    assert_false(blk_ring_arm(&f->ring));
    assert_int_equal(f->shared->rsp_event, 1);
    answer(f, request(f, 0)->id, BLKIF_OP_READ, 0);
    assert_true(blk_ring_arm(&f->ring));
}

static void test_producer_beyond_requests(void **state)
{
    struct fixture *f = *state;

    put(f, BLKIF_OP_READ);
    blk_ring_push(&f->ring);
    put(f, BLKIF_OP_READ); /* not published: not to be answered */
    f->shared->rsp_prod = 2;
    expect_broken(f);
}

static void test_producer_goes_back(void **state)
{
    struct fixture *f = *state;

    f->shared->rsp_prod = UINT32_MAX;
    expect_broken(f);
}

static void test_twice(void **state)
{
    struct fixture *f = *state;
    struct blk_ring_response rsp;
    uint64_t id;

    put(f, BLKIF_OP_READ);
    put(f, BLKIF_OP_READ);
    blk_ring_push(&f->ring);
    id = request(f, 0)->id;
    answer(f, id, BLKIF_OP_READ, 0);
    assert_int_equal(blk_ring_take(&f->ring, &rsp), BLK_RING_TOOK);
    answer(f, id, BLKIF_OP_READ, 0);
    expect_broken(f);
}

static void test_of_an_earlier_use(void **state)
{
    struct fixture *f = *state;
    struct blk_ring_response rsp;
    uint64_t id;

    put(f, BLKIF_OP_READ);
    blk_ring_push(&f->ring);
    id = request(f, 0)->id;
    answer(f, id, BLKIF_OP_READ, 0);
    assert_int_equal(blk_ring_take(&f->ring, &rsp), BLK_RING_TOOK);
    /* The same slot is in flight again, also on a new ring. */
    start(f, 1);
    assert_int_equal(put(f, BLKIF_OP_READ), rsp.slot);
    blk_ring_push(&f->ring);
    answer(f, id, BLKIF_OP_READ, 0);
    expect_broken(f);
}

static void test_never_asked(void **state)
{
    struct fixture *f = *state;
    static const uint64_t ids[] = {1, 31, 32, UINT32_MAX, 1ull << 32, UINT64_MAX};

    for (unsigned i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        start(f, 1);
        put(f, BLKIF_OP_READ);
        blk_ring_push(&f->ring);
        answer(f, request(f, 0)->id ^ ids[i], BLKIF_OP_READ, 0);
        expect_broken(f);
    }
}

static void test_another_kind(void **state)
{
    struct fixture *f = *state;

    put(f, BLKIF_OP_READ);
    blk_ring_push(&f->ring);
    answer(f, request(f, 0)->id, BLKIF_OP_DISCARD, 0);
    expect_broken(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_entries, setup, teardown),
        cmocka_unit_test_setup_teardown(test_there_and_back, setup, teardown),
        cmocka_unit_test_setup_teardown(test_all_kinds_of_requests, setup, teardown),
        cmocka_unit_test_setup_teardown(test_events_only_when_wanted, setup, teardown),
        cmocka_unit_test_setup_teardown(test_full_and_around, setup, teardown),
        cmocka_unit_test_setup_teardown(test_indices_wrap, setup, teardown),
        cmocka_unit_test_setup_teardown(test_arm_sees_what_came_meanwhile, setup, teardown),
        cmocka_unit_test_setup_teardown(test_producer_beyond_requests, setup, teardown),
        cmocka_unit_test_setup_teardown(test_producer_goes_back, setup, teardown),
        cmocka_unit_test_setup_teardown(test_twice, setup, teardown),
        cmocka_unit_test_setup_teardown(test_of_an_earlier_use, setup, teardown),
        cmocka_unit_test_setup_teardown(test_never_asked, setup, teardown),
        cmocka_unit_test_setup_teardown(test_another_kind, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
