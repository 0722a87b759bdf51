/* SPDX-License-Identifier: MIT */
/* A device's life: its backend goes and comes back, it is unplugged, the domain is saved and goes on
 * elsewhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <xen/errno.h>

#include "guest/frontends/blk.h"
#include "guest/time.h"
#include "tests/host/guest/blk/backend.h"
#include "tests/host/guest/blk/disk.h"
#include "tests/host/guest/blk/kernel.h"
#include "tests/host/guest/blk/machine.h"

#define FRONT   "device/vbd/51712"
#define SECTORS 256u

static struct disk disk;
static unsigned port;
static bool serves; /* takes requests and answers them; else it lets them wait */

static void connect(void)
{
    port = (unsigned)store_number_at(FRONT "/event-channel", 0);
    disk_attach(&disk, machine_map((grant_ref_t)store_number_at(FRONT "/ring-ref", 0), true), 1);
}

static void serve(void)
{
    while (serves && disk_take(&disk))
        if (disk_answer(&disk, 0))
            port_raise(port);
}

static struct backend dom0;

static void plug(const char *back)
{
    snprintf(dom0.back, sizeof(dom0.back), "%s", back);
    backend_put(&dom0, "sectors", SECTORS);
    backend_put(&dom0, "feature-flush-cache", 1);
    backend_plug(&dom0, dom0.back);
}

static int setup(void **state)
{
    (void)state;
    kernel_begin();
    dom0 =
        (struct backend){.front = FRONT, .ready = XenbusStateInitialised, .connect = connect, .serve = serve};
    serves = true;
    disk_init(&disk, SECTORS);
    plug("/local/domain/0/backend/vbd/1/51712");
    backend_start(&dom0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    backend_stop(&dom0);
    disk_fini(&disk);
    kernel_end();
    machine_check_empty();
    return 0;
}

static struct blk_dev *open_disk(void)
{
    struct blk_options opt = {.queues = 1, .pool_pages = 32};
    int error;
    struct blk_dev *dev = blk_open(51712, &opt, &error);

    assert_non_null(dev);
    return dev;
}

static void ended(struct blk_req *req)
{
    ++*(unsigned *)req->data;
}

static void submit(struct blk_dev *dev, struct blk_req *req, uint64_t sector, uint8_t *buf, unsigned *count)
{
    *req = (struct blk_req){
        .op = BLK_WRITE, .sector = sector, .sectors = 1, .buf = buf, .done = ended, .data = count};
    assert_int_equal(blk_submit(dev, req), 0);
}

static void wait_until(unsigned *count, unsigned wanted)
{
    for (unsigned i = 0; i < 60000 && *count < wanted; i++)
        time_sleep(MS);
    assert_int_equal(*count, wanted);
}

static void check_use(struct blk_dev *dev, uint8_t byte)
{
    uint8_t out[DISK_SECTOR], in[DISK_SECTOR] = {0};

    memset(out, byte, sizeof(out));
    assert_int_equal(blk_write(dev, byte, out, 1), 0);
    assert_int_equal(blk_read(dev, byte, in, 1), 0);
    assert_memory_equal(in, out, sizeof(in));
    assert_memory_equal(disk.data + byte * DISK_SECTOR, out, sizeof(out));
}

static void test_use(void **state)
{
    struct blk_dev *dev = open_disk();

    (void)state;
    check_use(dev, 1);
    blk_close(dev);
    assert_int_equal(store_number_at(FRONT "/state", 0), XenbusStateClosed);
}

/* In another domain: the grants are gone, and the backend is another one, with other nodes. */
static void in_another_domain(void)
{
    machine_forget_grants();
    store_remove("/local/domain/0/backend/vbd/1");
    store_remove(FRONT);
    plug("/local/domain/0/backend/vbd/2/51712");
}

static void suspend_with_requests(void (*in_between)(void))
{
    struct blk_dev *dev = open_disk();
    struct blk_stats stats;
    struct blk_req reqs[3];
    uint8_t buf[3][DISK_SECTOR];
    unsigned count = 0;

    serves = false;
    for (unsigned i = 0; i < 3; i++) {
        memset(buf[i], (int)i + 10, DISK_SECTOR);
        submit(dev, &reqs[i], 20 + i, buf[i], &count);
    }
    kernel_suspend(in_between);
    assert_int_equal(count, 0);
    serves = true;
    wait_until(&count, 3);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(reqs[i].status, 0);
        assert_memory_equal(disk.data + (20 + i) * DISK_SECTOR, buf[i], DISK_SECTOR);
    }
    check_use(dev, 2);
    blk_stats(dev, &stats);
    assert_int_equal(stats.reconnects, 1);
    assert_int_equal(stats.replayed, 3);
    assert_int_equal(stats.held_pages, 0);
    blk_close(dev);
}

static void test_save_and_restore(void **state)
{
    (void)state;
    suspend_with_requests(in_another_domain);
}

static void test_cancelled_suspend(void **state)
{
    (void)state;
    suspend_with_requests(NULL);
}

static void test_saved_again_and_again(void **state)
{
    struct blk_dev *dev = open_disk();

    (void)state;
    for (uint8_t i = 0; i < 20; i++) {
        kernel_suspend(i % 3 ? in_another_domain : NULL);
        /* At once, and after it has connected. */
        if (i % 2)
            check_use(dev, i);
    }
    blk_close(dev);
}

/* A device whose backend is away does not keep the domain from being saved. */
static void test_save_while_the_backend_is_away(void **state)
{
    struct blk_dev *dev = open_disk();
    uint64_t before;

    (void)state;
    backend_let_go(&dom0, XenbusStateClosed);
    dom0.state = XenbusStateUnknown; /* so that it does not come back by itself */
    time_sleep(5000 * MS);
    before = time_now();
    kernel_suspend(in_another_domain);
    assert_true(time_now() - before < 20000 * MS);
    check_use(dev, 3);
    blk_close(dev);
}

static void nothing_there(void)
{
    machine_forget_grants();
    store_remove("/local/domain/0/backend/vbd/1");
    store_remove(FRONT);
}

static void test_restored_without_the_disk(void **state)
{
    struct blk_dev *dev = open_disk();
    uint8_t buf[DISK_SECTOR];

    (void)state;
    kernel_suspend(nothing_there);
    time_sleep(1000 * MS);
    assert_int_equal(blk_error(dev), -XEN_ENODEV);
    assert_int_equal(blk_read(dev, 0, buf, 1), -XEN_ENODEV);
    kernel_suspend(nothing_there);
    blk_close(dev);
    /* It did not bring its directory back. */
    assert_int_equal(store_count("device"), 0);
}

static void test_unplugged(void **state)
{
    struct blk_dev *dev = open_disk();
    struct blk_req req;
    uint8_t buf[DISK_SECTOR] = {0};
    unsigned count = 0;

    (void)state;
    serves = false;
    submit(dev, &req, 1, buf, &count);
    backend_unplug(&dom0);
    wait_until(&count, 1);
    assert_int_equal(req.status, -XEN_ENODEV);
    blk_close(dev);
}

/* By force: the toolstack removes the nodes and asks nobody. */
static void test_taken_away(void **state)
{
    struct blk_dev *dev = open_disk();

    (void)state;
    store_remove(FRONT);
    backend_let_go(&dom0, XenbusStateClosed);
    store_remove("/local/domain/0/backend/vbd/1");
    time_sleep(1000 * MS);
    assert_int_equal(blk_error(dev), -XEN_ENODEV);
    blk_close(dev);
    assert_int_equal(store_count("device"), 0);
}

static void test_backend_begins_anew(void **state)
{
    struct blk_dev *dev = open_disk();
    struct blk_stats stats;

    (void)state;
    check_use(dev, 4);
    backend_say(&dom0, XenbusStateClosing);
    time_sleep(2000 * MS);
    check_use(dev, 5);
    blk_stats(dev, &stats);
    assert_int_equal(stats.reconnects, 1);
    blk_close(dev);
}

static void test_resized(void **state)
{
    struct blk_dev *dev = open_disk();

    (void)state;
    backend_put(&dom0, "sectors", 2 * SECTORS);
    backend_say(&dom0, XenbusStateConnected);
    assert_int_equal(blk_wait_resize(dev, SECTORS, time_now() + 10000 * MS), 2 * SECTORS);
    blk_close(dev);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_use, setup, teardown),
        cmocka_unit_test_setup_teardown(test_save_and_restore, setup, teardown),
        cmocka_unit_test_setup_teardown(test_cancelled_suspend, setup, teardown),
        cmocka_unit_test_setup_teardown(test_saved_again_and_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_save_while_the_backend_is_away, setup, teardown),
        cmocka_unit_test_setup_teardown(test_restored_without_the_disk, setup, teardown),
        cmocka_unit_test_setup_teardown(test_unplugged, setup, teardown),
        cmocka_unit_test_setup_teardown(test_taken_away, setup, teardown),
        cmocka_unit_test_setup_teardown(test_backend_begins_anew, setup, teardown),
        cmocka_unit_test_setup_teardown(test_resized, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
