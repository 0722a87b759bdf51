/* SPDX-License-Identifier: MIT */
/* Devices and their states, with the real store and client library, and guests that do what they like. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dom0/backends/common/xenbus_internal.h"
#include "tests/host/backends/model.h"

static void attach(struct model *m, uint32_t domid, uint32_t devid)
{
    toolstack_attach(m, domid, devid);
    model_settle(m);
}

static void front(struct model *m, uint32_t domid, uint32_t devid, const char *state)
{
    guest_state(domid, devid, state);
    model_settle(m);
}

static void connect_one(struct model *m, uint32_t domid, uint32_t devid)
{
    attach(m, domid, devid);
    front(m, domid, devid, "3");
    assert_int_equal(back_state(m, domid, devid), 4);
    front(m, domid, devid, "4");
    assert_int_equal(model_find(m, domid, devid)->phase, CONNECTED);
}

/* The store answers again; the daemon tries every 200 ms. */
static void store_back(struct model *m, bool keep)
{
    const struct timespec wait = {0, 250000000};

    fake_store_up(keep);
    xsc_close(m->toolstack);
    m->toolstack = fake_store_connect(0);
    nanosleep(&wait, NULL);
    model_settle(m);
}

/* ---- a life in order ---- */

static void test_life(void **state)
{
    struct model *m = *state;
    struct model_dev *d;

    attach(m, 3, 51712);
    d = model_find(m, 3, 51712);
    assert_non_null(d);
    assert_int_equal(back_state(m, 3, 51712), 2);
    front(m, 3, 51712, "3");
    assert_int_equal(back_state(m, 3, 51712), 4);
    assert_int_equal(d->phase, CONNECTED);
    assert_false(d->resumed);
    front(m, 3, 51712, "4");
    front(m, 3, 51712, "5");
    assert_int_equal(back_state(m, 3, 51712), 5);
    front(m, 3, 51712, "6");
    assert_int_equal(back_state(m, 3, 51712), 6);
    /* A new driver. */
    front(m, 3, 51712, "1");
    assert_int_equal(back_state(m, 3, 51712), 2);
    front(m, 3, 51712, "4");
    assert_int_equal(back_state(m, 3, 51712), 4);
    assert_int_equal(d->connects, 2);
    assert_int_equal(d->disconnects, 1);
    assert_int_equal(d->probes, 1);
}

static void test_hot_unplug(void **state)
{
    struct model *m = *state;
    struct model_dev *d;

    connect_one(m, 3, 1);
    d = model_find(m, 3, 1);
    toolstack_detach(m, 3, 1);
    model_settle(m);
    /* The guest is asked first. */
    assert_int_equal(d->phase, CONNECTED);
    assert_int_equal(back_state(m, 3, 1), 5);
    front(m, 3, 1, "5");
    front(m, 3, 1, "6");
    assert_int_equal(back_state(m, 3, 1), 6);
    /* The image is free before the state says so. */
    assert_int_equal(d->removes, 1);
    toolstack_remove(m, 3, 1);
    model_settle(m);
    assert_null(model_find(m, 3, 1));
    assert_int_equal(d->probes, 1);
}

static void test_forced_unplug(void **state)
{
    struct model *m = *state;

    connect_one(m, 3, 1);
    toolstack_detach(m, 3, 1);
    guest_remove(3, 1);
    model_settle(m);
    assert_int_equal(back_state(m, 3, 1), 6);
    assert_null(model_find(m, 3, 1));
    /* One that never came up is let go without being asked. */
    attach(m, 3, 2);
    toolstack_detach(m, 3, 2);
    model_settle(m);
    assert_int_equal(back_state(m, 3, 2), 6);
}

static void test_nodes_vanish(void **state)
{
    struct model *m = *state;

    connect_one(m, 3, 1);
    connect_one(m, 3, 2);
    connect_one(m, 4, 1);
    toolstack_remove(m, 3, 1);
    model_settle(m);
    assert_null(model_find(m, 3, 1));
    assert_non_null(model_find(m, 3, 2));
    /* All of a kind at once, and none of it comes back by our writing. */
    assert_int_equal(xsc_rm(m->toolstack, XSC_NO_TX, "/local/domain/0/backend"), 0);
    model_settle(m);
    assert_null(model_find(m, 3, 2));
    assert_null(model_find(m, 4, 1));
    assert_int_equal(xsc_exists(m->toolstack, XSC_NO_TX, "/local/domain/0/backend"), 0);
    connect_one(m, 3, 1);
}

static void test_replaced_at_once(void **state)
{
    struct model *m = *state;
    struct model_dev *d;

    connect_one(m, 3, 1);
    d = model_find(m, 3, 1);
    toolstack_remove(m, 3, 1);
    attach(m, 3, 1);
    assert_int_equal(d->removes, 1);
    assert_int_equal(d->probes, 2);
    assert_int_equal(d->phase, PROBED);
    assert_int_equal(back_state(m, 3, 1), 2);
}

static void test_changed_nodes(void **state)
{
    struct model *m = *state;
    struct model_dev *d;

    attach(m, 3, 1);
    d = model_find(m, 3, 1);
    toolstack_write(m, 3, 1, "resize", "1");
    toolstack_write(m, 3, 1, "something", "1");
    model_settle(m);
    assert_int_equal(d->changes, 1);
    assert_string_equal(m->changed, "resize");
    toolstack_write(m, 3, 1, "limit-iops", "100");
    model_settle(m);
    assert_int_equal(d->changes, 2);
    assert_string_equal(m->changed, "limit-iops");
}

/* ---- hostile ---- */

static void test_frontend_of_another(void **state)
{
    static const char *const bad[] = {"/local/domain/4/device/vbd/1",
                                      "/local/domain/33/device/vbd/1",
                                      "/local/domain/3/device/",
                                      "/local/domain/3/device/vbd//1",
                                      "/local/domain/3/device/vbd/1/",
                                      "/local/domain/3/console",
                                      "device/vbd/1",
                                      "",
                                      "/local/domain/3/device/vbd/1 2"};
    struct model *m = *state;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char *error;

        toolstack_attach(m, 3, 1);
        toolstack_write(m, 3, 1, "frontend", bad[i]);
        model_settle(m);
        assert_null(model_find(m, 3, 1));
        assert_int_equal(back_state(m, 3, 1), 6);
        error = error_of(m, 3, 1);
        assert_non_null(error);
        free(error);
        toolstack_remove(m, 3, 1);
        model_settle(m);
        assert_int_equal(xsc_exists(m->toolstack, XSC_NO_TX, "/local/domain/0/error"), 0);
    }
    toolstack_attach(m, 3, 1);
    toolstack_write(m, 3, 1, "frontend-id", "4");
    model_settle(m);
    assert_null(model_find(m, 3, 1));
}

static void test_odd_frontend_states(void **state)
{
    static const char *const odd[] = {"7",  "8",   "44", "-1",       "",           "x",
                                      "4 ", "4\n", "0",  "00000004", "99999999999"};
    struct model *m = *state;

    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        attach(m, 3, 1);
        front(m, 3, 1, "4");
        assert_int_equal(back_state(m, 3, 1), 4);
        front(m, 3, 1, odd[i]);
        assert_int_equal(back_state(m, 3, 1), 6);
        assert_int_equal(model_find(m, 3, 1)->phase, PROBED);
        /* Closed is closed. */
        front(m, 3, 1, "4");
        assert_int_equal(back_state(m, 3, 1), 6);
        front(m, 3, 1, "1");
        assert_int_equal(back_state(m, 3, 1), 2);
        toolstack_remove(m, 3, 1);
        model_settle(m);
    }
}

static void test_thousands_of_reconnects(void **state)
{
    struct model *m = *state;
    struct model_dev *d;

    attach(m, 3, 1);
    d = model_find(m, 3, 1);
    for (unsigned int i = 1; i <= 3000; i++) {
        front(m, 3, 1, i % 3 ? "3" : "4");
        assert_int_equal(back_state(m, 3, 1), 4);
        if (i % 2)
            front(m, 3, 1, "6");
        front(m, 3, 1, "1");
        assert_int_equal(back_state(m, 3, 1), 2);
        assert_int_equal(d->connects, i);
        assert_int_equal(d->disconnects, i);
    }
    assert_int_equal(fake_store_watches(), 3);
}

/* A guest that has used up its share waits, the others do not. */
static void test_share(void **state)
{
    struct model *m = *state;
    struct backend_dev_state *greedy;

    connect_one(m, 3, 1);
    connect_one(m, 4, 1);
    m->backend->share_burst_ns = BACKEND_SHARE_BURST_NS;
    greedy = backend_find(m->backend, 3, 1);
    greedy->share.paid_until = INT64_MAX / 2;
    front(m, 3, 1, "6");
    front(m, 4, 1, "6");
    assert_int_equal(back_state(m, 3, 1), 4);
    assert_int_equal(back_state(m, 4, 1), 6);
    assert_true(loop_timer_is_set(m->backend->later));
    /* What was put off is not forgotten. */
    greedy->share.paid_until = 0;
    front(m, 4, 1, "1");
    assert_int_equal(back_state(m, 3, 1), 6);
    assert_false(loop_timer_is_set(m->backend->later));
}

static void test_share_is_a_quarter(void **state)
{
    const int64_t burst = BACKEND_SHARE_BURST_NS, ms = 1000000;
    struct backend_share share = {0};
    int64_t now = 5000 * ms, busy = 0;

    (void)state;
    while (now < 105000 * ms) {
        int64_t due = backend_share_due(&share, burst, now);

        if (due) {
            assert_true(due > now);
            now = due;
        }
        backend_share_spend(&share, now, now + 3 * ms);
        now += 3 * ms;
        busy += 3 * ms;
    }
    assert_in_range(busy, 24000 * ms, 26500 * ms);
    /* Whatever one look took, the next one comes within seconds. */
    backend_share_spend(&share, now, now + 3600000 * ms);
    assert_true(backend_share_due(&share, burst, now) <= now + 2100 * ms);
    /* One that was quiet has all its burst again. */
    now += 10000 * ms;
    backend_share_spend(&share, now, now + 100 * ms);
    assert_int_equal(backend_share_due(&share, burst, now), 0);
}

static void test_slow_disconnect(void **state)
{
    struct model *m = *state;
    struct model_dev *d;

    connect_one(m, 3, 1);
    d = model_find(m, 3, 1);
    m->slow_disconnect = true;
    front(m, 3, 1, "5");
    assert_int_equal(d->phase, LEAVING);
    assert_int_equal(back_state(m, 3, 1), 4);
    /* Whatever comes meanwhile waits. */
    front(m, 3, 1, "1");
    front(m, 3, 1, "4");
    toolstack_write(m, 3, 1, "resize", "1");
    model_settle(m);
    assert_int_equal(d->phase, LEAVING);
    assert_int_equal(d->changes, 0);
    toolstack_remove(m, 3, 1);
    toolstack_attach(m, 3, 1);
    model_settle(m);
    assert_int_equal(d->phase, LEAVING);
    d->phase = PROBED;
    backend_disconnected(d->dev);
    backend_disconnected(d->dev);
    model_settle(m);
    assert_int_equal(d->removes, 1);
    assert_int_equal(d->probes, 2);
    assert_int_equal(back_state(m, 3, 1), 2);
}

/* ---- failures ---- */

static void test_probe_fails(void **state)
{
    struct model *m = *state;
    char *error;

    m->probe_fails = true;
    attach(m, 3, 1);
    assert_int_equal(back_state(m, 3, 1), 6);
    error = error_of(m, 3, 1);
    assert_string_equal(error, "no image: No such file or directory");
    free(error);
    m->probe_fails = false;
    /* Nothing that a guest does helps. */
    front(m, 3, 1, "3");
    front(m, 3, 1, "1");
    assert_int_equal(back_state(m, 3, 1), 6);
    toolstack_remove(m, 3, 1);
    model_settle(m);
    assert_null(error_of(m, 3, 1));
    connect_one(m, 3, 1);
}

static void test_connect_fails(void **state)
{
    struct model *m = *state;
    char *error;

    attach(m, 3, 1);
    m->connect_fails = true;
    front(m, 3, 1, "3");
    assert_int_equal(back_state(m, 3, 1), 6);
    error = error_of(m, 3, 1);
    assert_string_equal(error, "ring reference makes no sense");
    free(error);
    m->connect_fails = false;
    front(m, 3, 1, "4");
    assert_int_equal(back_state(m, 3, 1), 6);
    /* A new driver in the guest begins anew. */
    front(m, 3, 1, "6");
    front(m, 3, 1, "1");
    assert_int_equal(back_state(m, 3, 1), 2);
    assert_null(error_of(m, 3, 1));
    front(m, 3, 1, "3");
    assert_int_equal(back_state(m, 3, 1), 4);
}

static void test_failure_while_connected(void **state)
{
    struct model *m = *state;
    struct model_dev *d;

    connect_one(m, 3, 1);
    d = model_find(m, 3, 1);
    backend_dev_fail(d->dev, 0, "request %u makes no sense", 7);
    assert_int_equal(d->phase, CONNECTED);
    model_settle(m);
    assert_int_equal(d->phase, PROBED);
    assert_int_equal(back_state(m, 3, 1), 6);
}

/* ---- restarts ---- */

static void test_daemon_killed(void **state)
{
    struct model *m = *state;
    struct xsc *watcher = fake_store_connect(0);
    struct model_dev *d;

    connect_one(m, 3, 1);
    attach(m, 3, 2);
    connect_one(m, 4, 1);
    model_kill(m);
    /* While nobody looks. */
    guest_state(4, 1, "5");
    assert_int_equal(xsc_watch(watcher, "/local/domain/0/backend/hospes-vbd/3/1/state", "w"), 0);
    free(xsc_check_watch(watcher));
    model_start(m);
    model_settle(m);
    d = model_find(m, 3, 1);
    assert_int_equal(d->phase, CONNECTED);
    assert_true(d->resumed);
    assert_null(xsc_check_watch(watcher));
    assert_int_equal(model_find(m, 3, 2)->phase, PROBED);
    assert_int_equal(back_state(m, 4, 1), 5);
    assert_int_equal(model_find(m, 4, 1)->phase, PROBED);
    /* Not resumed any more when it begins anew. */
    front(m, 3, 1, "6");
    front(m, 3, 1, "1");
    front(m, 3, 1, "3");
    assert_false(model_find(m, 3, 1)->resumed);
    xsc_close(watcher);
}

static void test_daemon_killed_during_unplug(void **state)
{
    struct model *m = *state;

    connect_one(m, 3, 1);
    toolstack_detach(m, 3, 1);
    model_settle(m);
    model_kill(m);
    model_start(m);
    model_settle(m);
    /* The guest still has data to write. */
    assert_int_equal(model_find(m, 3, 1)->phase, CONNECTED);
    assert_true(model_find(m, 3, 1)->resumed);
    front(m, 3, 1, "6");
    assert_int_equal(back_state(m, 3, 1), 6);
    assert_null(model_find(m, 3, 1));
    model_kill(m);
    model_start(m);
    model_settle(m);
    assert_null(model_find(m, 3, 1));
    assert_int_equal(back_state(m, 3, 1), 6);
}

static void test_daemon_stopped(void **state)
{
    struct model *m = *state;

    connect_one(m, 3, 1);
    model_stop(m);
    assert_int_equal(m->devices[0].disconnects, 1);
    assert_int_equal(m->devices[0].removes, 1);
    assert_int_equal(back_state(m, 3, 1), 4);
    model_start(m);
    model_settle(m);
    assert_true(model_find(m, 3, 1)->resumed);
}

static void test_store_reconnected(void **state)
{
    struct model *m = *state;

    connect_one(m, 3, 1);
    connect_one(m, 3, 2);
    attach(m, 3, 4);
    fake_store_down();
    model_settle(m);
    assert_int_equal(model_find(m, 3, 1)->phase, CONNECTED);
    /* A device fails while the store is away, another goes, a third comes, a guest closes one. */
    backend_dev_fail(model_find(m, 3, 4)->dev, EIO, "disk");
    fake_store_up(true);
    xsc_close(m->toolstack);
    m->toolstack = fake_store_connect(0);
    guest_state(3, 1, "5");
    toolstack_remove(m, 3, 2);
    /* So that the second one's guest is known. */
    toolstack_attach(m, 3, 3);
    store_back(m, true);
    assert_int_equal(back_state(m, 3, 1), 5);
    assert_null(model_find(m, 3, 2));
    assert_int_equal(back_state(m, 3, 3), 2);
    assert_int_equal(back_state(m, 3, 4), 6);
    front(m, 3, 3, "4");
    assert_int_equal(back_state(m, 3, 3), 4);
}

static void test_store_lost(void **state)
{
    struct model *m = *state;

    connect_one(m, 3, 1);
    attach(m, 4, 1);
    fake_store_down();
    model_settle(m);
    store_back(m, false);
    /* Its disk is served on, but nothing of it appears in the new store. */
    assert_int_equal(model_find(m, 3, 1)->phase, CONNECTED);
    assert_null(model_find(m, 4, 1));
    assert_int_equal(xsc_exists(m->toolstack, XSC_NO_TX, "/local"), 0);
    fake_store_down();
    model_settle(m);
    store_back(m, true);
    assert_int_equal(model_find(m, 3, 1)->phase, CONNECTED);
    fake_domain_lives = false;
    fake_release_domain(3);
    model_settle(m);
    assert_null(model_find(m, 3, 1));
}

/* ---- anything at all ---- */

static const char *random_state(void)
{
    static const char *const states[] = {"1", "1", "2", "3", "3",  "4",        "4",
                                         "5", "6", "0", "",  "17", "connected"};

    return states[(size_t)rand() % (sizeof(states) / sizeof(states[0]))];
}

static void random_deed(struct model *m, uint32_t domid, uint32_t devid)
{
    int back = back_state(m, domid, devid);

    switch (rand() % 24) {
    case 0:
        toolstack_attach(m, domid, devid);
        break;
    case 1:
        if (back)
            toolstack_detach(m, domid, devid);
        break;
    case 2:
        toolstack_remove(m, domid, devid);
        break;
    case 3:
        guest_remove(domid, devid);
        break;
    case 4:
        if (back)
            toolstack_write(m, domid, devid, "resize", "1");
        break;
    case 5:
        m->connect_fails = rand() % 4 == 0;
        m->probe_fails = rand() % 8 == 0;
        m->slow_disconnect = rand() % 3 == 0;
        break;
    case 6: {
        struct model_dev *d = model_find(m, domid, devid);

        if (d && d->phase == CONNECTED)
            backend_dev_fail(d->dev, EIO, "now and then");
        break;
    }
    case 7:
        if (rand() % 4 == 0) {
            model_kill(m);
            model_start(m);
        } else if (rand() % 8 == 0) {
            m->slow_disconnect = false;
            for (int i = 0; i < MODEL_DEVICES; i++)
                if (m->devices[i].phase == LEAVING)
                    return;
            model_stop(m);
            model_start(m);
        }
        break;
    default:
        if (xsc_exists(m->toolstack, XSC_NO_TX, "/local/domain") == 1)
            guest_state(domid, devid, random_state());
    }
}

static void finish_leaving(struct model *m)
{
    for (int i = 0; i < MODEL_DEVICES; i++)
        if (m->devices[i].phase == LEAVING) {
            m->devices[i].phase = PROBED;
            backend_disconnected(m->devices[i].dev);
        }
}

/* When nothing is under way, what the store says has to fit what the backend does. */
static void check(struct model *m, uint32_t domid, uint32_t devid)
{
    struct model_dev *d = model_find(m, domid, devid);
    int back = back_state(m, domid, devid);

    if (back == 0)
        assert_null(d);
    else if (!d)
        assert_int_equal(back, 6);
    else if (d->phase == CONNECTED)
        assert_true(back == 4 || back == 5);
    else
        assert_true(back == 2 || back == 5 || back == 6);
}

static void test_random_walk(void **state)
{
    struct model *m = *state;
    const char *seed = getenv("SEED");

    srand(seed ? (unsigned int)atoi(seed) : 1);
    for (int i = 0; i < 20000; i++) {
        uint32_t domid = 3 + (uint32_t)rand() % 2, devid = 1 + (uint32_t)rand() % 2;

        random_deed(m, domid, devid);
        if (rand() % 3 == 0)
            model_settle(m);
        if (rand() % 10 == 0)
            finish_leaving(m);
        if (i % 50 != 49)
            continue;
        model_settle(m);
        /* One more, as a disconnect may have been waiting for another. */
        finish_leaving(m);
        m->slow_disconnect = false;
        model_settle(m);
        for (int n = 0; n < 4; n++)
            check(m, 3 + (uint32_t)n % 2, 1 + (uint32_t)n / 2);
    }
    for (int n = 0; n < 4; n++)
        toolstack_remove(m, 3 + (uint32_t)n % 2, 1 + (uint32_t)n / 2);
    model_settle(m);
    for (int i = 0; i < MODEL_DEVICES; i++)
        assert_int_equal(m->devices[i].phase, ABSENT);
    assert_int_equal(fake_store_watches(), 2);
    assert_int_equal(xsc_exists(m->toolstack, XSC_NO_TX, "/local/domain/0/error"), 0);
}

/* A device costs so many waits for the store, whatever is there beside it. */
static void test_waits_for_the_store(void **state)
{
    struct model *m = *state;

    model_settle(m);
    m->requests = 0;
    toolstack_attach(m, 3, 1);
    model_settle(m);
    assert_int_equal(back_state(m, 3, 1), 2);
    assert_in_range(m->requests, 1, 12);
    m->requests = 0;
    for (uint32_t id = 2; id <= MODEL_DEVICES; id++)
        toolstack_attach(m, 3, id);
    model_settle(m);
    for (uint32_t id = 2; id <= MODEL_DEVICES; id++)
        assert_int_equal(back_state(m, 3, id), 2);
    assert_in_range(m->requests, 1, 12 * (MODEL_DEVICES - 1));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, model_setup, model_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_life),
        TEST(test_hot_unplug),
        TEST(test_forced_unplug),
        TEST(test_nodes_vanish),
        TEST(test_replaced_at_once),
        TEST(test_changed_nodes),
        TEST(test_frontend_of_another),
        TEST(test_odd_frontend_states),
        TEST(test_thousands_of_reconnects),
        TEST(test_share),
        TEST(test_share_is_a_quarter),
        TEST(test_slow_disconnect),
        TEST(test_probe_fails),
        TEST(test_connect_fails),
        TEST(test_failure_while_connected),
        TEST(test_daemon_killed),
        TEST(test_daemon_killed_during_unplug),
        TEST(test_daemon_stopped),
        TEST(test_store_reconnected),
        TEST(test_store_lost),
        TEST(test_waits_for_the_store),
        TEST(test_random_walk),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
