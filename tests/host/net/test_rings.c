/* SPDX-License-Identifier: MIT */
/* Both rings of a network queue against an honest frontend, a hostile one, and a backend that is killed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "tests/host/net/front.h"

struct fixture {
    struct front front;
    struct net_tx_ring tx;
    struct net_rx_ring rx;
    struct net_tx_batch out;
    struct net_rx_batch in;
    uint8_t data[20 * NET_PAGE_SIZE];
};

static void attach(struct fixture *f)
{
    net_tx_attach(&f->tx, &f->front.tx.ring, &f->front.tx_journal);
    net_rx_attach(&f->rx, &f->front.rx.ring, &f->front.rx_journal);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    if (!f)
        return -1;
    front_init(&f->front);
    attach(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    free(*state);
    return 0;
}

static unsigned int take(struct fixture *f)
{
    int64_t tokens = INT64_MAX;

    return net_tx_take(&f->tx, &f->out, &tokens);
}

/* ---- transmit ---- */

static void test_one_packet(void **state)
{
    struct fixture *f = *state;

    front_send(&f->front, (netif_tx_request_t){.gref = 7, .offset = 100, .id = 3, .size = 60});
    assert_int_equal(take(f), 1);
    assert_null(f->out.packet[0].error);
    assert_int_equal(f->out.packet[0].length, 60);
    assert_int_equal(f->out.packet[0].pieces, 1);
    assert_int_equal(f->out.piece[0].gref, 7);
    assert_int_equal(f->out.piece[0].offset, 100);
    assert_int_equal(f->out.piece[0].size, 60);
    assert_true(net_tx_answer(&f->tx, &f->out)); /* rsp_event is 1 */
    assert_int_equal(f->front.tx.ring.rsp_prod, 1);
    assert_int_equal(front_answer(&f->front, 0).id, 3);
    assert_int_equal(front_answer(&f->front, 0).status, NETIF_RSP_OKAY);
    assert_false(net_tx_wait(&f->tx));
    assert_int_equal(f->front.tx.ring.req_event, 2);
    /* The frontend has not asked for another event. */
    front_send(&f->front, (netif_tx_request_t){.size = 60});
    assert_true(net_tx_wait(&f->tx));
    assert_int_equal(take(f), 1);
    assert_false(net_tx_answer(&f->tx, &f->out));
}

/* The first size is the packet's, the others are their own. */
static void test_pieces_and_segmentation(void **state)
{
    struct fixture *f = *state;

    front_send(&f->front,
               (netif_tx_request_t){.gref = 1,
                                    .size = 5000,
                                    .id = 1,
                                    .flags = NETTXF_more_data | NETTXF_extra_info | NETTXF_csum_blank});
    front_send_extra(&f->front,
                     (netif_extra_info_t){.type = XEN_NETIF_EXTRA_TYPE_GSO,
                                          .u.gso = {.size = 1448, .type = XEN_NETIF_GSO_TYPE_TCPV4}});
    front_send(&f->front, (netif_tx_request_t){.gref = 2, .size = 4000, .id = 2, .flags = NETTXF_more_data});
    front_send(&f->front, (netif_tx_request_t){.gref = 3, .offset = 3596, .size = 500, .id = 4});
    assert_int_equal(take(f), 1);
    assert_null(f->out.packet[0].error);
    assert_int_equal(f->out.packet[0].pieces, 3);
    assert_int_equal(f->out.packet[0].answers, 4);
    assert_int_equal(f->out.piece[0].size, 500);
    assert_int_equal(f->out.piece[2].offset, 3596);
    assert_int_equal(f->out.packet[0].gso_size, 1448);
    assert_true(f->out.packet[0].checksum_blank);
    net_tx_answer(&f->tx, &f->out);
    assert_int_equal(f->front.tx.ring.rsp_prod, 4);
    assert_int_equal(front_answer(&f->front, 0).id, 1);
    assert_int_equal(front_answer(&f->front, 1).status, NETIF_RSP_NULL);
    assert_int_equal(front_answer(&f->front, 2).id, 2);
    assert_int_equal(front_answer(&f->front, 3).id, 4);
}

/* One that is wrong is answered as such in all its slots, the next one goes. */
static void expect_refused(struct fixture *f, unsigned int slots)
{
    uint32_t start = f->front.tx.ring.rsp_prod;

    front_send(&f->front, (netif_tx_request_t){.size = 60, .id = 99});
    assert_int_equal(take(f), 2);
    assert_non_null(f->out.packet[0].error);
    assert_int_equal(f->out.packet[0].pieces, 0);
    assert_int_equal(f->out.packet[0].answers, slots);
    assert_null(f->out.packet[1].error);
    assert_int_equal(f->out.packet[1].first_piece, 0);
    net_tx_answer(&f->tx, &f->out);
    for (unsigned int i = 0; i < slots; i++)
        assert_int_not_equal(front_answer(&f->front, start + i).status, NETIF_RSP_OKAY);
    assert_int_equal(front_answer(&f->front, start + slots).status, NETIF_RSP_OKAY);
    assert_int_equal(front_answer(&f->front, start + slots).id, 99);
}

static void test_refused(void **state)
{
    struct fixture *f = *state;

    front_send(&f->front, (netif_tx_request_t){.size = 13});
    expect_refused(f, 1);
    front_send(&f->front, (netif_tx_request_t){.offset = 4000, .size = 97});
    expect_refused(f, 1);
    front_send(&f->front, (netif_tx_request_t){.offset = 0xffff, .size = 0xffff});
    expect_refused(f, 1);
    /* The rest is larger than the whole. */
    front_send(&f->front, (netif_tx_request_t){.size = 100, .flags = NETTXF_more_data});
    front_send(&f->front, (netif_tx_request_t){.size = 100});
    expect_refused(f, 2);
    /* A later piece beyond its page. */
    front_send(&f->front, (netif_tx_request_t){.size = 5000, .flags = NETTXF_more_data});
    front_send(&f->front, (netif_tx_request_t){.offset = 4090, .size = 2000});
    expect_refused(f, 2);
    /* Extra infos that nobody offered, and a GSO that is none. */
    front_send(&f->front, (netif_tx_request_t){.size = 60, .flags = NETTXF_extra_info});
    front_send_extra(&f->front, (netif_extra_info_t){.type = XEN_NETIF_EXTRA_TYPE_MCAST_ADD});
    expect_refused(f, 2);
    front_send(&f->front, (netif_tx_request_t){.size = 60, .flags = NETTXF_extra_info});
    front_send_extra(&f->front, (netif_extra_info_t){.type = XEN_NETIF_EXTRA_TYPE_GSO,
                                                     .flags = XEN_NETIF_EXTRA_FLAG_MORE,
                                                     .u.gso = {.size = 1000, .type = 9}});
    front_send_extra(&f->front,
                     (netif_extra_info_t){.type = XEN_NETIF_EXTRA_TYPE_GSO, .u.gso = {.size = 1, .type = 1}});
    expect_refused(f, 3);
}

static void send_slots(struct fixture *f, unsigned int slots)
{
    for (unsigned int i = 0; i < slots; i++)
        front_send(&f->front, (netif_tx_request_t){.size = (uint16_t)(i ? 10 : slots * 10),
                                                   .flags = i + 1 < slots ? NETTXF_more_data : 0});
}

static void test_slot_limit(void **state)
{
    struct fixture *f = *state;

    send_slots(f, 18);
    assert_int_equal(take(f), 1);
    assert_null(f->out.packet[0].error);
    net_tx_answer(&f->tx, &f->out);
    send_slots(f, 19);
    expect_refused(f, 19);
    send_slots(f, 255);
    expect_refused(f, 255);
}

static void test_index_jump(void **state)
{
    struct fixture *f = *state;

    f->front.tx.ring.req_prod = 257;
    assert_int_equal(take(f), 0);
    assert_true(f->tx.ring.broken);
    f->front.tx.ring.req_prod = 1; /* once is enough */
    assert_int_equal(take(f), 0);
    assert_int_equal(f->front.tx.ring.rsp_prod, 0);
}

static void test_no_end(void **state)
{
    struct fixture *f = *state;

    front_send(&f->front, (netif_tx_request_t){.size = 60, .id = 5});
    front_send(&f->front, (netif_tx_request_t){.size = 200, .flags = NETTXF_more_data});
    assert_int_equal(take(f), 1);
    assert_true(f->tx.ring.broken);
    assert_int_equal(f->out.pieces, 1);
    net_tx_answer(&f->tx, &f->out);
    assert_int_equal(f->front.tx.ring.rsp_prod, 1);
}

static void test_all_of_the_ring_is_chain(void **state)
{
    struct fixture *f = *state;

    for (unsigned int i = 0; i < NET_RING_SLOTS; i++)
        front_send(&f->front, (netif_tx_request_t){.size = 1, .flags = NETTXF_more_data});
    assert_int_equal(take(f), 0);
    assert_true(f->tx.ring.broken);
}

static void test_tokens(void **state)
{
    struct fixture *f = *state;
    int64_t tokens = 100;

    for (int i = 0; i < 3; i++)
        front_send(&f->front, (netif_tx_request_t){.size = 60});
    assert_int_equal(net_tx_take(&f->tx, &f->out, &tokens), 2);
    assert_int_equal(tokens, -20);
    net_tx_answer(&f->tx, &f->out);
    assert_int_equal(net_tx_take(&f->tx, &f->out, &tokens), 0);
    assert_false(f->tx.ring.broken);
}

static void test_wrap(void **state)
{
    struct fixture *f = *state;

    f->front.tx.ring.req_prod = f->front.tx.ring.rsp_prod = UINT32_MAX - 1;
    f->front.tx.ring.rsp_event = UINT32_MAX;
    attach(f);
    for (uint16_t i = 0; i < 4; i++)
        front_send(&f->front, (netif_tx_request_t){.size = 60, .id = i});
    assert_int_equal(take(f), 4);
    assert_true(net_tx_answer(&f->tx, &f->out));
    assert_int_equal(f->front.tx.ring.rsp_prod, 2);
    assert_int_equal(front_answer(&f->front, 1).id, 3);
}

/* ---- receive ---- */

static void test_receive_one(void **state)
{
    struct fixture *f = *state;
    struct net_rx_packet packet = {.data = f->data, .length = 60, .checksum_good = true};
    netif_rx_response_t *answer = &front_rx_slot(&f->front, 0)->rsp;

    assert_int_equal(net_rx_begin(&f->rx, &f->in), 0);
    assert_false(net_rx_add(&f->rx, &f->in, &packet));
    assert_false(net_rx_wait(&f->rx, 1));
    assert_int_equal(f->front.rx.ring.req_event, 1);
    front_post(&f->front, 2);
    assert_int_equal(net_rx_begin(&f->rx, &f->in), 2);
    assert_true(net_rx_add(&f->rx, &f->in, &packet));
    assert_int_equal(f->in.pieces, 1);
    assert_int_equal(f->in.piece[0].gref, 1000);
    assert_true(net_rx_answer(&f->rx, &f->in));
    assert_int_equal(answer->status, 60);
    assert_int_equal(answer->id, 0);
    assert_int_equal(answer->flags, NETRXF_data_validated);
    assert_int_equal(f->front.rx.ring.rsp_prod, 1);
}

/* The extra info stands behind the first slot and takes a page that is not used. */
static void test_receive_segmented(void **state)
{
    struct fixture *f = *state;
    struct net_rx_packet packet = {.data = f->data,
                                   .length = 2 * NET_PAGE_SIZE + 1,
                                   .gso_size = 1448,
                                   .gso_type = XEN_NETIF_GSO_TYPE_TCPV6,
                                   .checksum_blank = true};
    union netif_rx_sring_entry *slot = f->front.rx.ring.ring;
    netif_extra_info_t extra;

    assert_int_equal(net_rx_slots(&packet), 4);
    front_post(&f->front, 3);
    net_rx_begin(&f->rx, &f->in);
    assert_false(net_rx_add(&f->rx, &f->in, &packet));
    assert_int_equal(f->in.answers, 0);
    assert_false(net_rx_wait(&f->rx, 4));
    front_post(&f->front, 1);
    assert_true(net_rx_wait(&f->rx, 4));
    net_rx_begin(&f->rx, &f->in);
    assert_true(net_rx_add(&f->rx, &f->in, &packet));
    assert_int_equal(f->in.pieces, 3);
    assert_int_equal(f->in.piece[1].gref, 1002);
    assert_ptr_equal(f->in.piece[2].data, f->data + 2 * NET_PAGE_SIZE);
    net_rx_failed(&f->in, &f->in.piece[1]);
    net_rx_answer(&f->rx, &f->in);
    assert_int_equal(slot[0].rsp.flags,
                     NETRXF_csum_blank | NETRXF_data_validated | NETRXF_extra_info | NETRXF_more_data);
    memcpy(&extra, &slot[1], sizeof(extra));
    assert_int_equal(extra.type, XEN_NETIF_EXTRA_TYPE_GSO);
    assert_int_equal(extra.flags, 0);
    assert_int_equal(extra.u.gso.size, 1448);
    assert_int_equal(extra.u.gso.type, XEN_NETIF_GSO_TYPE_TCPV6);
    assert_int_equal(slot[2].rsp.status, NETIF_RSP_ERROR);
    assert_int_equal(slot[2].rsp.flags, NETRXF_more_data);
    assert_int_equal(slot[3].rsp.status, 1);
    assert_int_equal(slot[3].rsp.id, 3);
    assert_int_equal(slot[3].rsp.flags, 0);
    assert_int_equal(f->front.rx.ring.rsp_prod, 4);
}

static void test_receive_jump(void **state)
{
    struct fixture *f = *state;

    front_post(&f->front, 257);
    assert_int_equal(net_rx_begin(&f->rx, &f->in), 0);
    assert_true(f->rx.ring.broken);
    assert_false(net_rx_wait(&f->rx, 1));
}

/* ---- killed ---- */

/*
 * A daemon that dies between two of its stores is a prefix of them. The one state of interest is where slots
 * are overwritten and rsp_prod has not moved: whatever the slots hold then, the next daemon finishes it.
 */
static void test_killed_while_answering(void **state)
{
    struct fixture *f = *state;
    struct front before;

    front_send(&f->front, (netif_tx_request_t){.size = 60, .id = 11});
    front_send(&f->front, (netif_tx_request_t){.size = 5, .id = 12});
    front_post(&f->front, 4);
    before = f->front;
    assert_int_equal(take(f), 2);
    net_tx_answer(&f->tx, &f->out);
    net_rx_begin(&f->rx, &f->in);
    assert_true(net_rx_add(&f->rx, &f->in, &(struct net_rx_packet){.data = f->data, .length = 60}));
    net_rx_answer(&f->rx, &f->in);
    /* Back to the moment: journals complete, slots half done, indices as before. */
    f->front.tx.ring.rsp_prod = before.tx.ring.rsp_prod;
    *front_tx_slot(&f->front, 1) = *front_tx_slot(&before, 1);
    f->front.rx.ring.rsp_prod = before.rx.ring.rsp_prod;
    attach(f);
    assert_int_equal(f->front.tx.ring.rsp_prod, 2);
    assert_int_equal(front_answer(&f->front, 0).id, 11);
    assert_int_equal(front_answer(&f->front, 1).id, 12);
    assert_int_equal(front_answer(&f->front, 1).status, NETIF_RSP_ERROR);
    assert_int_equal(f->front.rx.ring.rsp_prod, 1);
    assert_int_equal(front_rx_slot(&f->front, 0)->rsp.status, 60);
    assert_int_equal(take(f), 0);
    assert_int_equal(net_rx_begin(&f->rx, &f->in), 3);
}

static void test_killed_before_answering(void **state)
{
    struct fixture *f = *state;

    front_send(&f->front, (netif_tx_request_t){.size = 60, .id = 11});
    assert_int_equal(take(f), 1);
    attach(f);
    assert_int_equal(f->front.tx.ring.rsp_prod, 0);
    assert_int_equal(take(f), 1);
    assert_int_equal(f->out.packet[0].length, 60);
}

/* The journal of one batch does not apply when the next one is under way. */
static void test_old_journal(void **state)
{
    struct fixture *f = *state;

    front_send(&f->front, (netif_tx_request_t){.size = 60, .id = 11});
    assert_int_equal(take(f), 1);
    net_tx_answer(&f->tx, &f->out);
    front_send(&f->front, (netif_tx_request_t){.size = 60, .id = 12});
    attach(f);
    assert_int_equal(f->front.tx.ring.rsp_prod, 1);
    assert_int_equal(take(f), 1);
    /* One from another life: too long to be one. */
    f->front.tx_journal.from = 1;
    f->front.tx_journal.to = 1000;
    attach(f);
    assert_int_equal(f->front.tx.ring.rsp_prod, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_one_packet, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pieces_and_segmentation, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(test_slot_limit, setup, teardown),
        cmocka_unit_test_setup_teardown(test_index_jump, setup, teardown),
        cmocka_unit_test_setup_teardown(test_no_end, setup, teardown),
        cmocka_unit_test_setup_teardown(test_all_of_the_ring_is_chain, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tokens, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wrap, setup, teardown),
        cmocka_unit_test_setup_teardown(test_receive_one, setup, teardown),
        cmocka_unit_test_setup_teardown(test_receive_segmented, setup, teardown),
        cmocka_unit_test_setup_teardown(test_receive_jump, setup, teardown),
        cmocka_unit_test_setup_teardown(test_killed_while_answering, setup, teardown),
        cmocka_unit_test_setup_teardown(test_killed_before_answering, setup, teardown),
        cmocka_unit_test_setup_teardown(test_old_journal, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
