/* SPDX-License-Identifier: MIT */
/*
 * A card's life: taken away and given back with another backend, saved and restored. The kernel around it is
 * that of the disks' tests.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <xen/errno.h>
#include <xen/io/netif.h>

#include "guest/frontends/net.h"
#include "guest/thread.h"
#include "guest/time.h"
#include "tests/host/guest/blk/backend.h"
#include "tests/host/guest/blk/kernel.h"
#include "tests/host/guest/blk/machine.h"

#define xen_mb()   __sync_synchronize()
#define xen_rmb()  __sync_synchronize()
#define xen_wmb()  __sync_synchronize()

#define FRONT      "device/vif/0"
#define PAGE_BYTES 4096u

/* The backend's end: it swallows what is sent, and sends. */
static struct {
    netif_tx_back_ring_t tx;
    netif_rx_back_ring_t rx;
    unsigned port, swallowed, to_send;
    uint8_t last; /* of the last frame that was swallowed: its last byte */
} wire;

/* What the card told its user. */
static struct {
    unsigned received, ups, downs;
    bool up;
} user;

static void connect(void)
{
    void *tx = machine_map((grant_ref_t)store_number_at(FRONT "/tx-ring-ref", 0), true);
    void *rx = machine_map((grant_ref_t)store_number_at(FRONT "/rx-ring-ref", 0), true);

    assert(tx && rx);
    BACK_RING_INIT(&wire.tx, (netif_tx_sring_t *)tx, PAGE_BYTES);
    BACK_RING_INIT(&wire.rx, (netif_rx_sring_t *)rx, PAGE_BYTES);
    wire.port = (unsigned)store_number_at(FRONT "/event-channel", 0);
}

static void swallow(void)
{
    while (RING_HAS_UNCONSUMED_REQUESTS(&wire.tx)) {
        netif_tx_request_t req = *RING_GET_REQUEST(&wire.tx, wire.tx.req_cons);
        const uint8_t *page = machine_map(req.gref, false);
        int notify;

        assert(page && req.size);
        wire.tx.req_cons++;
        wire.last = page[req.offset + req.size - 1];
        wire.swallowed++;
        machine_unmap(req.gref, false);
        RING_GET_RESPONSE(&wire.tx, wire.tx.rsp_prod_pvt++)->id = req.id;
        RING_GET_RESPONSE(&wire.tx, wire.tx.rsp_prod_pvt - 1)->status = NETIF_RSP_OKAY;
        RING_PUSH_RESPONSES_AND_CHECK_NOTIFY(&wire.tx, notify);
        if (notify)
            port_raise(wire.port);
    }
}

static void send(void)
{
    while (wire.to_send && RING_HAS_UNCONSUMED_REQUESTS(&wire.rx)) {
        netif_rx_request_t req = *RING_GET_REQUEST(&wire.rx, wire.rx.req_cons);
        void *page = machine_map(req.gref, true);
        int notify;

        assert(page);
        wire.rx.req_cons++;
        wire.to_send--;
        memset(page, 0x11, 60);
        machine_unmap(req.gref, true);
        *RING_GET_RESPONSE(&wire.rx, wire.rx.rsp_prod_pvt++) =
            (netif_rx_response_t){.id = req.id, .status = 60};
        RING_PUSH_RESPONSES_AND_CHECK_NOTIFY(&wire.rx, notify);
        if (notify)
            port_raise(wire.port);
    }
}

static void serve(void)
{
    swallow();
    send();
}

static struct backend dom0;

static void plug(const char *back)
{
    snprintf(dom0.back, sizeof(dom0.back), "%s", back);
    backend_put(&dom0, "feature-rx-copy", 1);
    store_put(FRONT "/mac", "00:16:3e:00:00:01");
    backend_plug(&dom0, dom0.back);
}

static void on_receive(void *ctx, const uint8_t *frame, size_t len, enum net_csum csum)
{
    (void)ctx;
    (void)csum;
    user.received += len == 60 && frame[59] == 0x11;
}

static void on_change(void *ctx, const struct net_state *state)
{
    (void)ctx;
    user.ups += state->up && !user.up;
    user.downs += !state->up && user.up;
    user.up = state->up;
}

static int setup(void **state)
{
    (void)state;
    kernel_begin();
    dom0 =
        (struct backend){.front = FRONT, .ready = XenbusStateConnected, .connect = connect, .serve = serve};
    memset(&wire, 0, sizeof(wire));
    memset(&user, 0, sizeof(user));
    plug("/local/domain/0/backend/vif/1/0");
    backend_start(&dom0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    backend_stop(&dom0);
    kernel_end();
    machine_check_empty();
    return 0;
}

static void wait_up(bool up)
{
    for (unsigned i = 0; i < 30000 && user.up != up; i++)
        time_sleep(MS);
    assert_int_equal(user.up, up);
}

static struct net_device *open_card(void)
{
    const struct net_handlers handlers = {.receive = on_receive, .changed = on_change};
    struct net_device *dev;

    assert_int_equal(net_open(&dev, 0, &handlers), 0);
    wait_up(true);
    return dev;
}

/* A frame goes out, one comes in. */
static void check_use(struct net_device *dev, uint8_t byte)
{
    uint8_t frame[60];
    struct net_frag frag = {frame, sizeof(frame)};
    unsigned swallowed = wire.swallowed, received = user.received;

    memset(frame, byte, sizeof(frame));
    assert_int_equal(net_send(dev, &frag, 1, NET_CSUM_UNKNOWN, 0, 0), 0);
    wire.to_send = 1;
    time_sleep(100 * MS);
    assert_int_equal(wire.swallowed, swallowed + 1);
    assert_int_equal(wire.last, byte);
    assert_int_equal(user.received, received + 1);
}

static void test_use(void **state)
{
    struct net_device *dev = open_card();

    (void)state;
    check_use(dev, 1);
    net_close(dev);
    assert_int_equal(store_number_at(FRONT "/state", 0), XenbusStateClosed);
}

static void in_another_domain(void)
{
    machine_forget_grants();
    store_remove("/local/domain/0/backend/vif/1");
    store_remove(FRONT);
    plug("/local/domain/0/backend/vif/2/0");
}

static void test_save_and_restore(void **state)
{
    struct net_device *dev = open_card();

    (void)state;
    kernel_suspend(in_another_domain);
    wait_up(true);
    assert_int_equal(user.downs, 1);
    check_use(dev, 2);
    net_close(dev);
}

static void test_cancelled_suspend(void **state)
{
    struct net_device *dev = open_card();

    (void)state;
    kernel_suspend(NULL);
    wait_up(true);
    check_use(dev, 3);
    net_close(dev);
}

static void test_saved_again_and_again(void **state)
{
    struct net_device *dev = open_card();

    (void)state;
    for (uint8_t i = 0; i < 20; i++) {
        kernel_suspend(i % 3 ? in_another_domain : NULL);
        if (i % 2)
            continue;
        wait_up(true);
        check_use(dev, i);
    }
    net_close(dev);
}

static void take_away(void)
{
    store_remove(FRONT);
    backend_let_go(&dom0, XenbusStateUnknown);
    store_remove(dom0.back);
}

/* In good order and by force; the next one has the same number, and the same backend or another one. */
static void test_goes_and_comes(void **state)
{
    const char *backs[] = {"/local/domain/0/backend/vif/1/0", "/local/domain/0/backend/hospes-vif/1/0",
                           "/local/domain/0/backend/hospes-vif/1/0", "/local/domain/0/backend/vif/1/0"};
    struct net_device *dev = open_card();

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        if (i % 2) {
            backend_unplug(&dom0);
            wait_up(false);
            time_sleep(100 * MS);
            assert_int_equal(dom0.state, XenbusStateClosed);
        }
        take_away();
        wait_up(false);
        time_sleep(20000 * MS);
        assert_int_equal(store_count("device"), 0);
        plug(backs[i]);
        wait_up(true);
        check_use(dev, (uint8_t)(i + 4));
    }
    net_close(dev);
}

/* Closed while its backend holds pages, which it lets go of much later: none is lost, none is used meanwhile.
 */
static void test_held_over_the_close(void **state)
{
    struct net_device *dev = open_card();
    struct net_counters sum;

    (void)state;
    check_use(dev, 5);
    dom0.stop = true;
    net_close(dev);
    assert_int_not_equal(machine_pages(), 0);
    machine_unmap_all();
    store_remove(FRONT);
    thread_join(dom0.thread);
    dom0.stop = dom0.connected = false;
    backend_start(&dom0);
    plug(dom0.back);
    dev = open_card();
    check_use(dev, 6);
    net_counters(dev, &sum);
    assert_int_equal(sum.held, 0);
    net_close(dev);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_use, setup, teardown),
        cmocka_unit_test_setup_teardown(test_save_and_restore, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cancelled_suspend, setup, teardown),
        cmocka_unit_test_setup_teardown(test_saved_again_and_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_goes_and_comes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_held_over_the_close, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
