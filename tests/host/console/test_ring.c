/* SPDX-License-Identifier: MIT */
/* The console ring's arithmetic against an honest guest and a hostile one, and the backlog behind it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "dom0/backends/console/backlog.h"
#include "dom0/backends/console/logfile.h"
#include "dom0/backends/console/ring.h"

struct fixture {
    struct xencons_interface page;
    struct console_ring ring;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    console_ring_attach(&f->ring, &f->page);
    *state = f;
    return f ? 0 : -1;
}

static int teardown(void **state)
{
    free(*state);
    return 0;
}

/* What a guest's driver does. */
static void guest_puts(struct xencons_interface *page, const char *text)
{
    for (; *text; text++)
        page->out[page->out_prod++ & (sizeof(page->out) - 1)] = *text;
}

static void test_output_in_order(void **state)
{
    struct fixture *f = *state;
    char buf[64];

    guest_puts(&f->page, "hello");
    assert_true(console_ring_has_output(&f->ring));
    assert_int_equal(console_ring_read(&f->ring, buf, 3), 3);
    assert_memory_equal(buf, "hel", 3);
    assert_int_equal(f->page.out_cons, 3);
    assert_int_equal(console_ring_read(&f->ring, buf, sizeof(buf)), 2);
    assert_memory_equal(buf, "lo", 2);
    assert_int_equal(console_ring_read(&f->ring, buf, sizeof(buf)), 0);
    assert_false(console_ring_has_output(&f->ring));
}

static void test_wrap_of_ring_and_index(void **state)
{
    struct fixture *f = *state;
    char buf[64];

    /* Indices close to their own end, and text across the ring's end. */
    f->page.out_prod = f->page.out_cons = UINT32_MAX - 2;
    f->page.in_prod = f->page.in_cons = UINT32_MAX - 1;
    console_ring_attach(&f->ring, &f->page);
    guest_puts(&f->page, "across the end");
    assert_int_equal(console_ring_read(&f->ring, buf, sizeof(buf)), 14);
    assert_memory_equal(buf, "across the end", 14);
    assert_int_equal(console_ring_write(&f->ring, "keys", 4), 4);
    assert_int_equal(f->page.in_prod, 2);
    assert_int_equal(f->page.in[sizeof(f->page.in) - 2], 'k');
    assert_int_equal(f->page.in[1], 's');
}

static void test_input_stops_when_full(void **state)
{
    struct fixture *f = *state;
    char many[2 * sizeof(f->page.in)];

    memset(many, 'x', sizeof(many));
    assert_int_equal(console_ring_space(&f->ring), sizeof(f->page.in));
    assert_int_equal(console_ring_write(&f->ring, many, sizeof(many)), sizeof(f->page.in));
    assert_int_equal(console_ring_space(&f->ring), 0);
    assert_int_equal(console_ring_write(&f->ring, many, 1), 0);
    f->page.in_cons += 10;
    assert_int_equal(console_ring_write(&f->ring, many, sizeof(many)), 10);
    assert_false(f->ring.broken);
}

static void test_impossible_output_index(void **state)
{
    struct fixture *f = *state;
    char buf[64];

    f->page.out_prod = sizeof(f->page.out) + 1;
    assert_int_equal(console_ring_read(&f->ring, buf, sizeof(buf)), 0);
    assert_true(f->ring.broken);
    /* For good, also when the guest repents. */
    f->page.out_prod = 5;
    assert_int_equal(console_ring_read(&f->ring, buf, sizeof(buf)), 0);
    assert_int_equal(console_ring_space(&f->ring), 0);
}

static void test_impossible_input_index(void **state)
{
    struct fixture *f = *state;

    f->page.in_cons = 1; /* has read what was never written */
    assert_int_equal(console_ring_space(&f->ring), 0);
    assert_int_equal(console_ring_write(&f->ring, "x", 1), 0);
    assert_true(f->ring.broken);
}

static void test_guest_changes_our_indices(void **state)
{
    struct fixture *f = *state;
    char buf[64];

    guest_puts(&f->page, "abc");
    f->page.out_cons = 4000000;
    f->page.in_prod = 77;
    assert_int_equal(console_ring_read(&f->ring, buf, sizeof(buf)), 3);
    assert_memory_equal(buf, "abc", 3);
    assert_int_equal(console_ring_write(&f->ring, "k", 1), 1);
    assert_int_equal(f->page.out_cons, 3);
    assert_int_equal(f->page.in_prod, 1);
}

static void test_random_indices_stay_inside(void **state)
{
    struct fixture *f = *state;
    char buf[64];

    srand(7);
    for (int i = 0; i < 20000; i++) {
        f->page.out_prod = (uint32_t)rand() ^ (uint32_t)rand() << 16;
        f->page.out_cons = (uint32_t)rand();
        f->page.in_cons = i % 3 ? (uint32_t)rand() : f->page.in_prod;
        if (i % 5 == 0)
            console_ring_attach(&f->ring, &f->page);
        assert_true(console_ring_read(&f->ring, buf, sizeof(buf)) <= sizeof(buf));
        assert_true(console_ring_write(&f->ring, "0123456789", 10) <= 10);
    }
}

static void test_backlog(void **state)
{
    struct backlog *log = calloc(1, sizeof(*log));
    char *text = malloc(3 * BACKLOG_BYTES);
    uint64_t position = 0;
    size_t len, total = 0;
    const char *bytes;

    (void)state;
    assert_non_null(log);
    assert_non_null(text);
    for (size_t i = 0; i < 3 * BACKLOG_BYTES; i++)
        text[i] = (char)('a' + i % 23);
    assert_int_equal(backlog_peek(log, &position, &bytes), 0);

    backlog_append(log, text, 10);
    assert_int_equal(backlog_peek(log, &position, &bytes), 10);
    position += 4;
    assert_int_equal(backlog_peek(log, &position, &bytes), 6);
    assert_memory_equal(bytes, text + 4, 6);

    /* More than is kept: a slow viewer goes on at the oldest byte. */
    backlog_append(log, text + 10, 3 * BACKLOG_BYTES - 10);
    while ((len = backlog_peek(log, &position, &bytes)) > 0) {
        if (total == 0)
            assert_int_equal(position, 2 * BACKLOG_BYTES);
        assert_memory_equal(bytes, text + position, len);
        position += len;
        total += len;
    }
    assert_int_equal(total, BACKLOG_BYTES);
    free(text);
    free(log);
}

static void test_logfile_rotates(void **state)
{
    char dir[] = "/tmp/logfile.XXXXXX", name[128], chunk[4096];
    struct logfile log;

    (void)state;
    assert_non_null(mkdtemp(dir));
    memset(chunk, 'x', sizeof(chunk));
    logfile_open(&log, dir, "../up and/away");
    assert_string_equal(strrchr(log.path, '/'), "/console-.._up_and_away.log");
    for (long n = 0; n < 6 * LOGFILE_BYTES; n += (long)sizeof(chunk))
        logfile_write(&log, chunk, sizeof(chunk));
    logfile_write(&log, "end", 3);
    logfile_close(&log);
    for (int i = 0; i <= LOGFILE_KEEP + 1; i++) {
        snprintf(name, sizeof(name), i ? "%s.%d" : "%s", log.path, i);
        assert_int_equal(access(name, F_OK), i <= LOGFILE_KEEP ? 0 : -1);
        unlink(name);
    }
    rmdir(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_output_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(test_wrap_of_ring_and_index, setup, teardown),
        cmocka_unit_test_setup_teardown(test_input_stops_when_full, setup, teardown),
        cmocka_unit_test_setup_teardown(test_impossible_output_index, setup, teardown),
        cmocka_unit_test_setup_teardown(test_impossible_input_index, setup, teardown),
        cmocka_unit_test_setup_teardown(test_guest_changes_our_indices, setup, teardown),
        cmocka_unit_test_setup_teardown(test_random_indices_stay_inside, setup, teardown),
        cmocka_unit_test(test_backlog),
        cmocka_unit_test(test_logfile_rotates),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
