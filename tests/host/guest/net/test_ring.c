/* SPDX-License-Identifier: MIT */
/*
 * The ring core against a backend that the test plays: first an honest one, then one lie at a time. Pages and
 * rings are of exact size, so that the address sanitizer sees every byte beyond them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <xen/errno.h>
#include "guest/frontends/net_ring.h"

struct bench {
    struct net_slot tx_slots[NET_RING_SLOTS], rx_slots[NET_RING_SLOTS];
    void *tx_shared, *rx_shared;
    struct net_tx_ring tx;
    struct net_rx_ring rx;
    struct netif_tx_back_ring tx_back;
    struct netif_rx_back_ring rx_back;
    uint8_t frame[NET_FRAME_MAX];
};

static void make_slots(struct net_slot *slots, unsigned first_gref)
{
    for (unsigned i = 0; i < NET_RING_SLOTS; i++) {
        slots[i].page = aligned_alloc(NET_SLOT_BYTES, NET_SLOT_BYTES);
        slots[i].gref = first_gref + i;
    }
}

static int set_up(void **state)
{
    struct bench *b = calloc(1, sizeof(*b));

    make_slots(b->tx_slots, 1000);
    make_slots(b->rx_slots, 2000);
    b->tx_shared = aligned_alloc(NET_SLOT_BYTES, NET_SLOT_BYTES);
    b->rx_shared = aligned_alloc(NET_SLOT_BYTES, NET_SLOT_BYTES);
    net_tx_init(&b->tx, b->tx_shared, b->tx_slots);
    net_rx_init(&b->rx, b->rx_shared, b->rx_slots);
    net_rx_post(&b->rx);
    BACK_RING_INIT(&b->tx_back, (struct netif_tx_sring *)b->tx_shared, NET_SLOT_BYTES);
    BACK_RING_INIT(&b->rx_back, (struct netif_rx_sring *)b->rx_shared, NET_SLOT_BYTES);
    for (unsigned i = 0; i < sizeof(b->frame); i++)
        b->frame[i] = (uint8_t)(i * 7 + (i >> 8));
    *state = b;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *b = *state;

    for (unsigned i = 0; i < NET_RING_SLOTS; i++) {
        free(b->tx_slots[i].page);
        free(b->rx_slots[i].page);
    }
    free(b->tx_shared);
    free(b->rx_shared);
    free(b);
    return 0;
}

/* --- the backend's side of sending --- */

static int put(struct bench *b, size_t len, enum net_csum csum, unsigned slot_bytes, unsigned slots)
{
    struct net_frag frag = {b->frame, len};

    return net_tx_put(&b->tx, &frag, 1, csum, slot_bytes, slots);
}

/* Reads one packet as a backend does; its length. */
static size_t back_read(struct bench *b, uint8_t *out, uint16_t *ids, unsigned *nr, uint16_t *flags)
{
    size_t rest = 0, total = 0;
    struct netif_tx_request reqs[NET_PACKET_SLOTS];

    *nr = 0;
    do {
        assert_true(*nr < NET_PACKET_SLOTS);
        reqs[*nr] = *RING_GET_REQUEST(&b->tx_back, b->tx_back.req_cons++);
        ids[*nr] = reqs[*nr].id;
        if (*nr)
            rest += reqs[*nr].size;
    } while (reqs[(*nr)++].flags & NETTXF_more_data);
    *flags = reqs[0].flags;
    total = reqs[0].size;
    assert_true(rest < total);
    reqs[0].size = (uint16_t)(total - rest);
    for (unsigned i = 0; i < *nr; i++) {
        assert_true(reqs[i].offset + reqs[i].size <= NET_SLOT_BYTES);
        assert_int_equal(reqs[i].gref, 1000 + reqs[i].id);
        memcpy(out, b->tx_slots[reqs[i].gref - 1000].page + reqs[i].offset, reqs[i].size);
        out += reqs[i].size;
    }
    return total;
}

static void back_answer(struct bench *b, uint16_t id, int16_t status)
{
    *RING_GET_RESPONSE(&b->tx_back, b->tx_back.rsp_prod_pvt++) =
        (struct netif_tx_response){.id = id, .status = status};
    b->tx_back.sring->rsp_prod = b->tx_back.rsp_prod_pvt;
}

static void test_sends_all_sizes(void **state)
{
    struct bench *b = *state;
    static uint8_t out[NET_FRAME_MAX];
    static const size_t sizes[] = {14, 60, 1514, 4095, 4096, 4097, 9014, 8192, 12289, 65535};

    for (unsigned round = 0; round < 200; round++) {
        size_t len = sizes[round % 10];
        uint16_t ids[NET_PACKET_SLOTS], flags;
        unsigned nr;

        assert_int_equal(put(b, len, NET_CSUM_UNKNOWN, NET_SLOT_BYTES, NET_PACKET_SLOTS), 0);
        net_tx_push(&b->tx);
        assert_int_equal(back_read(b, out, ids, &nr, &flags), len);
        assert_memory_equal(out, b->frame, len);
        assert_int_equal(nr, (len + 4095) / 4096);
        assert_int_equal(flags & NETTXF_csum_blank, 0);
        /* Out of order. */
        while (nr--)
            back_answer(b, ids[nr], NETIF_RSP_OKAY);
        assert_int_equal(net_tx_reap(&b->tx), NET_FAULT_NONE);
        assert_int_equal(net_tx_outstanding(&b->tx), 0);
    }
}

static void test_gathers_pieces(void **state)
{
    struct bench *b = *state;
    static uint8_t out[NET_FRAME_MAX];
    struct net_frag frags[] = {{b->frame, 0},       {b->frame, 14},       {NULL, 0},
                               {b->frame + 14, 28}, {b->frame + 42, 900}, {NULL, 0}};
    uint16_t ids[NET_PACKET_SLOTS], flags;
    unsigned nr;

    assert_int_equal(net_tx_put(&b->tx, frags, 6, NET_CSUM_BLANK, 100, NET_PACKET_SLOTS), 0);
    net_tx_push(&b->tx);
    assert_int_equal(back_read(b, out, ids, &nr, &flags), 942);
    assert_int_equal(nr, 10);
    assert_memory_equal(out, b->frame, 942);
    assert_int_equal(flags & (NETTXF_csum_blank | NETTXF_data_validated),
                     NETTXF_csum_blank | NETTXF_data_validated);
}

static void test_refuses_what_cannot_be_sent(void **state)
{
    struct bench *b = *state;
    struct net_frag huge[] = {{b->frame, 65535}, {b->frame, 1}},
                    wrap[] = {{b->frame, 100}, {b->frame, SIZE_MAX - 50}};

    assert_int_equal(put(b, 13, NET_CSUM_UNKNOWN, 4096, 18), -XEN_EMSGSIZE);
    assert_int_equal(put(b, 4097, NET_CSUM_UNKNOWN, 4096, 1), -XEN_EMSGSIZE);
    assert_int_equal(put(b, 1514, NET_CSUM_UNKNOWN, 64, 18), -XEN_EMSGSIZE);
    assert_int_equal(net_tx_put(&b->tx, huge, 2, NET_CSUM_UNKNOWN, 4096, 18), -XEN_EMSGSIZE);
    assert_int_equal(net_tx_put(&b->tx, wrap, 2, NET_CSUM_UNKNOWN, 4096, 18), -XEN_EMSGSIZE);
    assert_int_equal(net_tx_put(&b->tx, NULL, 0, NET_CSUM_UNKNOWN, 4096, 18), -XEN_EMSGSIZE);
    assert_int_equal(net_tx_outstanding(&b->tx), 0);
    assert_int_equal(b->tx.ring.req_prod_pvt, 0);
}

static void test_full_ring(void **state)
{
    struct bench *b = *state;
    uint16_t id;

    for (unsigned i = 0; i < NET_RING_SLOTS - 2; i++)
        assert_int_equal(put(b, 60, NET_CSUM_UNKNOWN, 4096, 1), 0);
    assert_int_equal(put(b, 9000, NET_CSUM_UNKNOWN, 4096, 18), -XEN_EAGAIN);
    assert_int_equal(put(b, 8000, NET_CSUM_UNKNOWN, 4096, 18), 0);
    assert_int_equal(put(b, 60, NET_CSUM_UNKNOWN, 4096, 1), -XEN_EAGAIN);
    assert_true(net_tx_push(&b->tx));
    assert_false(net_tx_arm(&b->tx));
    assert_int_equal(b->tx_back.sring->rsp_event, 129);
    id = RING_GET_REQUEST(&b->tx_back, 0)->id;
    back_answer(b, id, NETIF_RSP_ERROR);
    assert_true(net_tx_arm(&b->tx));
    assert_int_equal(net_tx_reap(&b->tx), NET_FAULT_NONE);
    assert_int_equal(b->tx.refused, 1);
    assert_int_equal(put(b, 60, NET_CSUM_UNKNOWN, 4096, 1), 0);
}

static void test_notifies_as_asked(void **state)
{
    struct bench *b = *state;

    put(b, 60, NET_CSUM_UNKNOWN, 4096, 1);
    assert_true(net_tx_push(&b->tx));
    put(b, 60, NET_CSUM_UNKNOWN, 4096, 1);
    assert_false(net_tx_push(&b->tx));
    b->tx_back.sring->req_event = 3;
    put(b, 60, NET_CSUM_UNKNOWN, 4096, 1);
    assert_true(net_tx_push(&b->tx));
}

static void test_tx_lies(void **state)
{
    struct bench *b = *state;
    static const struct {
        uint16_t id;
        int16_t status;
        enum net_fault fault;
    } lies[] = {
        {255, NETIF_RSP_OKAY, NET_FAULT_ID},   {256, NETIF_RSP_OKAY, NET_FAULT_ID},
        {65535, NETIF_RSP_OKAY, NET_FAULT_ID}, {0, NETIF_RSP_NULL, NET_FAULT_STATUS},
        {0, 4096, NET_FAULT_STATUS},           {0, -3, NET_FAULT_STATUS},
    };

    for (unsigned i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        net_tx_init(&b->tx, b->tx_shared, b->tx_slots);
        BACK_RING_INIT(&b->tx_back, (struct netif_tx_sring *)b->tx_shared, NET_SLOT_BYTES);
        put(b, 60, NET_CSUM_UNKNOWN, 4096, 1);
        net_tx_push(&b->tx);
        back_answer(b, lies[i].id, lies[i].status);
        assert_int_equal(net_tx_reap(&b->tx), lies[i].fault);
    }
}

static void test_tx_answered_twice(void **state)
{
    struct bench *b = *state;

    put(b, 60, NET_CSUM_UNKNOWN, 4096, 1);
    put(b, 60, NET_CSUM_UNKNOWN, 4096, 1);
    net_tx_push(&b->tx);
    back_answer(b, 0, NETIF_RSP_OKAY);
    back_answer(b, 0, NETIF_RSP_OKAY);
    assert_int_equal(net_tx_reap(&b->tx), NET_FAULT_ID);
}

static void test_tx_index_lies(void **state)
{
    struct bench *b = *state;

    put(b, 60, NET_CSUM_UNKNOWN, 4096, 1);
    net_tx_push(&b->tx);
    b->tx_back.sring->rsp_prod = 2;
    assert_int_equal(net_tx_reap(&b->tx), NET_FAULT_INDEX);
    b->tx_back.sring->rsp_prod = (RING_IDX)-1;
    assert_int_equal(net_tx_reap(&b->tx), NET_FAULT_INDEX);
}

/* --- the backend's side of receiving --- */

/* One response as it stands; data is copied if it fits. */
static void back_give(struct bench *b, struct netif_rx_response rsp, const uint8_t *data)
{
    struct netif_rx_request req = *RING_GET_REQUEST(&b->rx_back, b->rx_back.req_cons++);

    assert_int_equal(req.gref, 2000 + req.id);
    if (data && rsp.status > 0)
        memcpy(b->rx_slots[req.id].page + rsp.offset, data, (size_t)rsp.status);
    *RING_GET_RESPONSE(&b->rx_back, b->rx_back.rsp_prod_pvt++) = rsp;
}

static void back_show(struct bench *b)
{
    b->rx_back.sring->rsp_prod = b->rx_back.rsp_prod_pvt;
}

static uint16_t next_id(const struct bench *b)
{
    return RING_GET_REQUEST(&b->rx_back, b->rx_back.req_cons)->id;
}

static void back_frame(struct bench *b, size_t len, unsigned piece, uint16_t offset, uint16_t flags)
{
    const uint8_t *data = b->frame;

    for (size_t left = len; left; flags = 0) {
        size_t n = left < piece ? left : piece;

        left -= n;
        back_give(b,
                  (struct netif_rx_response){next_id(b), offset,
                                             (uint16_t)(flags | (left ? NETRXF_more_data : 0)), (int16_t)n},
                  data);
        data += n;
    }
    back_show(b);
}

static enum net_rx_result take(struct bench *b, size_t size, struct net_rx_frame *frame,
                               enum net_fault *fault)
{
    uint8_t *buf = malloc(size); /* of exact size */
    enum net_rx_result result = net_rx_take(&b->rx, buf, size, frame, fault);

    if (result == NET_RX_FRAME)
        assert_memory_equal(buf, b->frame, frame->len);
    free(buf);
    return result;
}

static void test_receives(void **state)
{
    struct bench *b = *state;
    struct net_rx_frame frame;
    enum net_fault fault;

    assert_int_equal(take(b, 1514, &frame, &fault), NET_RX_EMPTY);
    for (unsigned round = 0; round < 1000; round++) {
        size_t len = 14 + round * 13 % 9001;

        back_frame(b, len, 600, (uint16_t)(round % 3000),
                   round % 2 ? NETRXF_data_validated : NETRXF_csum_blank);
        assert_int_equal(take(b, 9014, &frame, &fault), NET_RX_FRAME);
        assert_int_equal(frame.len, len);
        assert_int_equal(frame.slots, (len + 599) / 600);
        assert_int_equal(frame.csum, round % 2 ? NET_CSUM_VALID : NET_CSUM_BLANK);
        assert_int_equal(take(b, 9014, &frame, &fault), NET_RX_EMPTY);
        net_rx_post(&b->rx);
    }
}

static void test_whole_ring_at_once(void **state)
{
    struct bench *b = *state;
    struct net_rx_frame frame;
    enum net_fault fault;

    for (unsigned i = 0; i < NET_RING_SLOTS; i++)
        back_frame(b, 100, 4096, 0, 0);
    for (unsigned i = 0; i < NET_RING_SLOTS; i++)
        assert_int_equal(take(b, 1514, &frame, &fault), NET_RX_FRAME);
    assert_int_equal(take(b, 1514, &frame, &fault), NET_RX_EMPTY);
    b->rx_back.sring->req_event = NET_RING_SLOTS + 1;
    assert_true(net_rx_post(&b->rx));
    back_frame(b, 100, 4096, 0, 0);
    assert_int_equal(take(b, 1514, &frame, &fault), NET_RX_FRAME);
}

static void test_waits_for_the_rest(void **state)
{
    struct bench *b = *state;
    struct net_rx_frame frame;
    enum net_fault fault;

    back_give(b, (struct netif_rx_response){next_id(b), 0, NETRXF_more_data, 1000}, b->frame);
    back_show(b);
    assert_int_equal(take(b, 9000, &frame, &fault), NET_RX_EMPTY);
    assert_false(net_rx_arm(&b->rx));
    assert_int_equal(b->rx_back.sring->rsp_event, 2);
    back_give(b, (struct netif_rx_response){next_id(b), 0, 0, 500}, b->frame + 1000);
    back_show(b);
    assert_true(net_rx_arm(&b->rx));
    assert_int_equal(take(b, 9000, &frame, &fault), NET_RX_FRAME);
    assert_int_equal(frame.len, 1500);
}

static void test_skips_extra_information(void **state)
{
    struct bench *b = *state;
    struct netif_extra_info extra = {.type = XEN_NETIF_EXTRA_TYPE_HASH, .flags = XEN_NETIF_EXTRA_FLAG_MORE};
    struct netif_rx_response rsp;
    struct net_rx_frame frame;
    enum net_fault fault;

    back_give(b, (struct netif_rx_response){next_id(b), 0, NETRXF_extra_info | NETRXF_more_data, 100},
              b->frame);
    memcpy(&rsp, &extra, sizeof(rsp));
    back_give(b, rsp, NULL);
    extra = (struct netif_extra_info){.type = XEN_NETIF_EXTRA_TYPE_GSO};
    memcpy(&rsp, &extra, sizeof(rsp));
    back_give(b, rsp, NULL);
    back_give(b, (struct netif_rx_response){next_id(b), 0, 0, 50}, b->frame + 100);
    back_show(b);
    assert_int_equal(take(b, 1514, &frame, &fault), NET_RX_FRAME);
    assert_int_equal(frame.len, 150);
    assert_int_equal(frame.slots, 4);
}

static void test_counts_losses(void **state)
{
    struct bench *b = *state;
    struct net_rx_frame frame;
    enum net_fault fault;

    back_give(b, (struct netif_rx_response){next_id(b), 0, NETRXF_more_data, NETIF_RSP_ERROR}, NULL);
    back_give(b, (struct netif_rx_response){next_id(b), 0, 0, 50}, b->frame);
    back_show(b);
    assert_int_equal(take(b, 1514, &frame, &fault), NET_RX_DROP);
    assert_int_equal(b->rx.refused, 1);
    back_frame(b, 1515, 4096, 0, 0);
    assert_int_equal(take(b, 1514, &frame, &fault), NET_RX_DROP);
    assert_int_equal(b->rx.too_long, 1);
    back_frame(b, 1514, 4096, 0, 0);
    assert_int_equal(take(b, 1514, &frame, &fault), NET_RX_FRAME);
}

static void test_rx_lies(void **state)
{
    struct bench *b = *state;
    static const struct {
        struct netif_rx_response rsp;
        enum net_fault fault;
    } lies[] = {
        {{1, 0, 0, 100}, NET_FAULT_ID},         {{256, 0, 0, 100}, NET_FAULT_ID},
        {{0, 4000, 0, 97}, NET_FAULT_RANGE},    {{0, 0, 0, 4097}, NET_FAULT_RANGE},
        {{0, 0, 0, 32767}, NET_FAULT_RANGE},    {{0, 65535, 0, 1}, NET_FAULT_RANGE},
        {{0, 4097, 0, 0}, NET_FAULT_RANGE},     {{0, 0, NETRXF_gso_prefix, 100}, NET_FAULT_FLAGS},
        {{0, 0, 0x8000, 100}, NET_FAULT_FLAGS},
    };
    struct net_rx_frame frame;
    enum net_fault fault;

    for (unsigned i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
        net_rx_init(&b->rx, b->rx_shared, b->rx_slots);
        net_rx_post(&b->rx);
        BACK_RING_INIT(&b->rx_back, (struct netif_rx_sring *)b->rx_shared, NET_SLOT_BYTES);
        back_give(b, lies[i].rsp, NULL);
        back_show(b);
        assert_int_equal(take(b, NET_FRAME_MAX, &frame, &fault), NET_RX_BROKEN);
        assert_int_equal(fault, lies[i].fault);
    }
}

static void expect_broken(struct bench *b, enum net_fault expected)
{
    struct net_rx_frame frame;
    enum net_fault fault;

    back_show(b);
    assert_int_equal(take(b, NET_FRAME_MAX, &frame, &fault), NET_RX_BROKEN);
    assert_int_equal(fault, expected);
}

static void test_rx_too_many_slots(void **state)
{
    struct bench *b = *state;

    for (unsigned i = 0; i < NET_PACKET_SLOTS + 1; i++)
        back_give(b, (struct netif_rx_response){next_id(b), 0, NETRXF_more_data, 1}, b->frame);
    expect_broken(b, NET_FAULT_SLOTS);
}

static void test_rx_endless_failures(void **state)
{
    struct bench *b = *state;

    for (unsigned i = 0; i < NET_RING_SLOTS; i++)
        back_give(b, (struct netif_rx_response){next_id(b), 0, NETRXF_more_data, NETIF_RSP_ERROR}, NULL);
    expect_broken(b, NET_FAULT_SLOTS);
}

static void test_rx_extra_lies(void **state)
{
    struct bench *b = *state;
    static const uint8_t types[] = {XEN_NETIF_EXTRA_TYPE_NONE, XEN_NETIF_EXTRA_TYPE_MAX, 255,
                                    XEN_NETIF_EXTRA_TYPE_GSO};

    for (unsigned i = 0; i < sizeof(types); i++) {
        struct netif_extra_info extra = {.type = types[i], .flags = XEN_NETIF_EXTRA_FLAG_MORE};
        struct netif_rx_response rsp;

        net_rx_init(&b->rx, b->rx_shared, b->rx_slots);
        net_rx_post(&b->rx);
        BACK_RING_INIT(&b->rx_back, (struct netif_rx_sring *)b->rx_shared, NET_SLOT_BYTES);
        back_give(b, (struct netif_rx_response){0, 0, NETRXF_extra_info, 100}, b->frame);
        memcpy(&rsp, &extra, sizeof(rsp));
        for (unsigned n = 0; n < XEN_NETIF_EXTRA_TYPE_MAX; n++)
            back_give(b, rsp, NULL);
        expect_broken(b, NET_FAULT_EXTRA);
    }
}

static void test_rx_index_lies(void **state)
{
    struct bench *b = *state;
    struct net_rx_frame frame;
    enum net_fault fault;

    b->rx_back.sring->rsp_prod = NET_RING_SLOTS + 1;
    assert_int_equal(take(b, 1514, &frame, &fault), NET_RX_BROKEN);
    assert_int_equal(fault, NET_FAULT_INDEX);
    b->rx_back.sring->rsp_prod = 0x80000000u;
    assert_int_equal(take(b, 1514, &frame, &fault), NET_RX_BROKEN);
    assert_int_equal(fault, NET_FAULT_INDEX);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_sends_all_sizes),
        TEST(test_gathers_pieces),
        TEST(test_refuses_what_cannot_be_sent),
        TEST(test_full_ring),
        TEST(test_notifies_as_asked),
        TEST(test_tx_lies),
        TEST(test_tx_answered_twice),
        TEST(test_tx_index_lies),
        TEST(test_receives),
        TEST(test_whole_ring_at_once),
        TEST(test_waits_for_the_rest),
        TEST(test_skips_extra_information),
        TEST(test_counts_losses),
        TEST(test_rx_lies),
        TEST(test_rx_too_many_slots),
        TEST(test_rx_endless_failures),
        TEST(test_rx_extra_lies),
        TEST(test_rx_index_lies),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
