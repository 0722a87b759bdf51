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
    /* The guest has its room back when we say so. */
    assert_int_equal(f->page.out_cons, 0);
    console_ring_release(&f->ring);
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
    console_ring_release(&f->ring);
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
        console_ring_release(&f->ring);
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
    for (size_t at = 10; at < 3 * BACKLOG_BYTES; at += len) {
        len = 3 * BACKLOG_BYTES - at < 2048 ? 3 * BACKLOG_BYTES - at : 2048;
        backlog_append(log, text + at, len);
    }
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

/* A daemon that was killed anywhere between taking bytes and telling the guest: the next one goes on where
 * the backlog ends. */
static void test_backlog_knows_the_ring(void **state)
{
    struct fixture *f = *state;
    struct backlog *log = calloc(1, sizeof(*log));
    char buf[64];
    size_t len;

    assert_non_null(log);
    f->page.out_prod = f->page.out_cons = UINT32_MAX - 1;
    console_ring_attach(&f->ring, &f->page);
    backlog_adopt(log, 1234, 5, f->ring.out_cons);
    guest_puts(&f->page, "first");
    len = console_ring_read(&f->ring, buf, sizeof(buf));
    backlog_append(log, buf, len);
    /* Killed before console_ring_release(). */
    guest_puts(&f->page, "second");
    console_ring_attach(&f->ring, &f->page);
    backlog_adopt(log, 1234, 5, f->ring.out_cons);
    f->ring.out_cons = backlog_ring_index(log);
    assert_int_equal(console_ring_read(&f->ring, buf, sizeof(buf)), 6);
    assert_memory_equal(buf, "second", 6);
    assert_int_equal(log->end, 5);

    /* Of another guest: nothing is kept. */
    backlog_adopt(log, 1234, 6, 77);
    assert_int_equal(log->end, 0);
    assert_int_equal(backlog_ring_index(log), 77);
    free(log);
}

struct log_dir {
    char dir[32];
    const char *name;
};

static int open_log_file(void *arg, bool rotate)
{
    const struct log_dir *d = arg;

    return logfile_open_path(d->dir, d->name, rotate);
}

static void test_logfile_rotates(void **state)
{
    struct log_dir d = {"/tmp/logfile.XXXXXX", "../up and/away"};
    char path[128], chunk[4096];
    struct logfile log;

    (void)state;
    assert_non_null(mkdtemp(d.dir));
    memset(chunk, 'x', sizeof(chunk));
    logfile_open(&log, open_log_file, &d);
    for (long n = 0; n < 6 * LOGFILE_BYTES; n += (long)sizeof(chunk))
        logfile_write(&log, chunk, sizeof(chunk));
    logfile_write(&log, "end", 3);
    logfile_close(&log);
    for (int i = 0; i <= LOGFILE_KEEP + 1; i++) {
        snprintf(path, sizeof(path), i ? "%s/console-.._up_and_away.log.%d" : "%s/console-.._up_and_away.log",
                 d.dir, i);
        assert_int_equal(access(path, F_OK), i <= LOGFILE_KEEP ? 0 : -1);
        unlink(path);
    }
    rmdir(d.dir);
}

/* The text of a log with each stamp that is one replaced by '@'. */
static void read_log(const char *path, char *text, size_t size)
{
    FILE *file = fopen(path, "re");
    char line[256], *to = text;
    int stamp = 0;

    assert_non_null(file);
    while (fgets(line, sizeof(line), file)) {
        sscanf(line, "2%*3[0-9]-%*2[0-9]-%*2[0-9]T%*2[0-9]:%*2[0-9]:%*2[0-9]Z%n", &stamp);
        if (stamp == 20 && line[stamp++] == ' ')
            *to++ = '@';
        to += snprintf(to, size - (size_t)(to - text), "%s", line + stamp);
        stamp = 0;
    }
    fclose(file);
}

static void test_logfile_stamps_lines(void **state)
{
    struct log_dir d = {"/tmp/logfile.XXXXXX", "guest"};
    char path[64], text[512] = "";
    struct logfile log;

    (void)state;
    assert_non_null(mkdtemp(d.dir));
    snprintf(path, sizeof(path), "%s/console-guest.log", d.dir);
    logfile_open(&log, open_log_file, &d);
    logfile_write(&log, "one\r\nt", 6);
    logfile_write(&log, "wo", 2);
    logfile_close(&log);
    /* Another daemon goes on inside the line, and begins the next one. */
    logfile_open(&log, open_log_file, &d);
    logfile_write(&log, "!\n\nfour\n", 8);
    logfile_close(&log);
    logfile_open(&log, open_log_file, &d);
    logfile_write(&log, "five", 4);
    logfile_close(&log);
    read_log(path, text, sizeof(text));
    assert_string_equal(text, "@one\r\n@two!\n@\n@four\n@five");
    unlink(path);
    rmdir(d.dir);
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
        cmocka_unit_test_setup_teardown(test_backlog_knows_the_ring, setup, teardown),
        cmocka_unit_test(test_logfile_rotates),
        cmocka_unit_test(test_logfile_stamps_lines),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
