/* SPDX-License-Identifier: MIT */
/*
 * The store as a guest sees it: each claim is one line, "PASS name" or "FAIL name: what", and the last line
 * is RESULT.
 *
 *     rounds=N    how often each thread of the concurrent claim writes and reads (default 20)
 */
#include "guest/guest.h"
#include "guest/heap.h"
#include "guest/mm.h"
#include "guest/smp.h"
#include "guest/time.h"
#include "guest/xenbus.h"

#define BASE    "data/store-test"
#define SECOND  1000000000ul
#define BIG     1900u /* more than the ring holds, less than a guest's value may be */
#define THREADS 8u

static unsigned failures, rounds = 20;

static void judge(const char *name, bool good, int seen)
{
    if (good) {
        printf("PASS %s\n", name);
        return;
    }
    printf("FAIL %s: %d\n", name, seen);
    failures++;
}

static void expect(const char *name, int seen, int wanted)
{
    judge(name, seen == wanted, seen);
}

static bool holds(const char *node, const char *value)
{
    char text[64];

    return xenbus_read(XENBUS_NO_TX, text, sizeof(text), BASE "/%s", node) >= 0 && strcmp(text, value) == 0;
}

static void test_nodes(void)
{
    char text[64];
    uint64_t number = 0;

    judge("own name", xenbus_read(XENBUS_NO_TX, text, sizeof(text), "name") > 0, 0);
    expect("own number", xenbus_read_uint(XENBUS_NO_TX, &number, "domid"), 0);
    expect("write", xenbus_write(XENBUS_NO_TX, "hello", BASE "/%s", "a"), 0);
    expect("read", xenbus_read(XENBUS_NO_TX, text, sizeof(text), BASE "/a"), 5);
    judge("value", strcmp(text, "hello") == 0, 0);
    expect("absolute path",
           xenbus_read(XENBUS_NO_TX, text, sizeof(text), "/local/domain/%lu/" BASE "/a", number), 5);
    expect("empty value", xenbus_write(XENBUS_NO_TX, "", BASE "/empty"), 0);
    expect("read empty", xenbus_read(XENBUS_NO_TX, text, 1, BASE "/empty"), 0);
    expect("short buffer", xenbus_read(XENBUS_NO_TX, text, 5, BASE "/a"), -XEN_ERANGE);
    expect("no such node", xenbus_read(XENBUS_NO_TX, text, sizeof(text), BASE "/none"), -XEN_ENOENT);
    expect("bad path", xenbus_read(XENBUS_NO_TX, text, sizeof(text), BASE "//a"), -XEN_EINVAL);
}

static void test_numbers(void)
{
    uint64_t number = 0;

    xenbus_write_uint(XENBUS_NO_TX, UINT64_MAX, BASE "/n");
    expect("largest number", xenbus_read_uint(XENBUS_NO_TX, &number, BASE "/n"), 0);
    judge("its value", number == UINT64_MAX, 0);
    xenbus_write(XENBUS_NO_TX, "18446744073709551616", BASE "/n");
    expect("number too large", xenbus_read_uint(XENBUS_NO_TX, &number, BASE "/n"), -XEN_ERANGE);
    xenbus_write(XENBUS_NO_TX, "12x", BASE "/n");
    expect("no number", xenbus_read_uint(XENBUS_NO_TX, &number, BASE "/n"), -XEN_EINVAL);
}

static void test_listing(void)
{
    char names[64];
    int n;

    for (unsigned i = 0; i < 3; i++)
        xenbus_write_uint(XENBUS_NO_TX, i, BASE "/list/%u", i);
    n = xenbus_list(XENBUS_NO_TX, names, sizeof(names), BASE "/list");
    expect("list", n, 3);
    judge("its names", n == 3 && names[0] + names[2] + names[4] == '0' + '1' + '2', 0);
    expect("list does not fit", xenbus_list(XENBUS_NO_TX, names, 5, BASE "/list"), -XEN_ERANGE);
    expect("empty list", xenbus_list(XENBUS_NO_TX, names, sizeof(names), BASE "/list/0"), 0);
    expect("remove", xenbus_rm(XENBUS_NO_TX, BASE "/list"), 0);
    expect("removed", xenbus_list(XENBUS_NO_TX, names, sizeof(names), BASE "/list"), -XEN_ENOENT);
}

static void test_sizes(void)
{
    char *big = heap_alloc(8192), *back = heap_alloc(8192);

    memset(big, 'x', BIG);
    expect("big value", xenbus_write(XENBUS_NO_TX, big, BASE "/big"), 0);
    expect("read big value", xenbus_read(XENBUS_NO_TX, back, 8192, BASE "/big"), (int)BIG);
    judge("its bytes", memcmp(big, back, BIG) == 0, 0);
    memset(big, 'y', 5000);
    expect("value beyond a message", xenbus_write(XENBUS_NO_TX, big, BASE "/big"), -XEN_ENAMETOOLONG);
    expect("path too long", xenbus_write(XENBUS_NO_TX, "v", "%s", big), -XEN_ENAMETOOLONG);
    heap_free(big);
    heap_free(back);
}

static void test_permissions(void)
{
    char text[64];

    expect("write to dom0", xenbus_write(XENBUS_NO_TX, "1", "/local/domain/0/store-test"), -XEN_EACCES);
    expect("write to the root", xenbus_write(XENBUS_NO_TX, "1", "/store-test"), -XEN_EACCES);
    expect("write own name", xenbus_write(XENBUS_NO_TX, "other", "name"), -XEN_EACCES);
    expect("read what is dom0's", xenbus_read(XENBUS_NO_TX, text, sizeof(text), "/local/domain/0/name"),
           -XEN_EACCES);
}

static void test_transactions(void)
{
    xenbus_tx_t tx;
    char text[64];

    xenbus_write(XENBUS_NO_TX, "before", BASE "/t");
    expect("start", xenbus_tx_start(&tx), 0);
    expect("write inside", xenbus_write(tx, "inside", BASE "/t"), 0);
    judge("not seen outside", holds("t", "before"), 0);
    expect("abort", xenbus_tx_end(tx, false), 0);
    judge("aborted", holds("t", "before"), 0);

    xenbus_tx_start(&tx);
    xenbus_write(tx, "inside", BASE "/t");
    expect("commit", xenbus_tx_end(tx, true), 0);
    judge("committed", holds("t", "inside"), 0);
    expect("over is over", xenbus_write(tx, "late", BASE "/t"), -XEN_EAGAIN);

    xenbus_tx_start(&tx);
    xenbus_read(tx, text, sizeof(text), BASE "/t");
    xenbus_write(XENBUS_NO_TX, "other", BASE "/t");
    xenbus_write(tx, "inside", BASE "/t");
    expect("conflict", xenbus_tx_end(tx, true), -XEN_EAGAIN);
    judge("the first one wins", holds("t", "other"), 0);
}

/* --- watches ------------------------------------------------------------------------------------ */

struct seen {
    struct waitq q;
    unsigned calls, of_node;
    int read; /* what reading from inside the function gave */
};

static void on_change(struct xenbus_watch *w, const char *path)
{
    struct seen *s = w->data;
    char text[64];

    s->read = xenbus_read(XENBUS_NO_TX, text, sizeof(text), BASE "/watched/node");
    if (strcmp(path, BASE "/watched/node") == 0)
        __atomic_add_fetch(&s->of_node, 1, __ATOMIC_SEQ_CST);
    __atomic_add_fetch(&s->calls, 1, __ATOMIC_SEQ_CST);
    waitq_wake(&s->q);
}

static bool called(void *arg)
{
    return __atomic_load_n(&((struct seen *)arg)->calls, __ATOMIC_SEQ_CST) >= 1;
}

static bool told_of_node(void *arg)
{
    return __atomic_load_n(&((struct seen *)arg)->of_node, __ATOMIC_SEQ_CST) >= 1;
}

static void test_watches(void)
{
    static struct seen seen;
    struct xenbus_watch w = {.fn = on_change, .data = &seen};
    unsigned calls;

    xenbus_write(XENBUS_NO_TX, "", BASE "/watched");
    expect("watch", xenbus_watch(&w, BASE "/watched"), 0);
    judge("first call", waitq_wait(&seen.q, called, &seen, time_now() + 60 * SECOND), 0);
    xenbus_write(XENBUS_NO_TX, "1", BASE "/watched/node");
    judge("change", waitq_wait(&seen.q, told_of_node, &seen, time_now() + 60 * SECOND), 0);
    expect("request from a watch", seen.read, 1);
    expect("unwatch", xenbus_unwatch(&w), 0);
    calls = seen.calls;
    xenbus_write(XENBUS_NO_TX, "2", BASE "/watched/node");
    /* An event of this change would be before the answer in the ring. */
    holds("watched/node", "2");
    thread_yield();
    judge("silence after unwatch", seen.calls == calls, 0);
    expect("unwatch twice", xenbus_unwatch(&w), -XEN_ENOENT);
}

/* --- many at once ------------------------------------------------------------------------------- */

static unsigned mixed_up;

static void write_and_read(void *arg)
{
    unsigned me = (unsigned)(uintptr_t)arg;
    uint64_t back;

    for (unsigned i = 0; i < rounds; i++) {
        uint64_t v = me * 1000000ul + i;

        if (xenbus_write_uint(XENBUS_NO_TX, v, BASE "/thread/%u", me) ||
            xenbus_read_uint(XENBUS_NO_TX, &back, BASE "/thread/%u", me) || back != v)
            __atomic_add_fetch(&mixed_up, 1, __ATOMIC_RELAXED);
    }
}

/* Each adds to one counter; what a conflict refuses is done again. */
static void add_up(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < rounds / 4; i++) {
        uint64_t v = 0;
        xenbus_tx_t tx;
        int rc;

        do {
            rc = xenbus_tx_start(&tx);
            if (rc)
                continue;
            xenbus_read_uint(tx, &v, BASE "/sum");
            xenbus_write_uint(tx, v + 1, BASE "/sum");
            rc = xenbus_tx_end(tx, true);
        } while (rc == -XEN_EAGAIN);
        if (rc)
            __atomic_add_fetch(&mixed_up, 1, __ATOMIC_RELAXED);
    }
}

static void run_threads(void (*fn)(void *), unsigned n)
{
    struct thread *t[THREADS];

    for (unsigned i = 0; i < n; i++)
        t[i] = thread_start("client", i % smp_vcpus(), fn, (void *)(uintptr_t)i);
    for (unsigned i = 0; i < n; i++) {
        if (t[i])
            thread_join(t[i]);
        else
            mixed_up++;
    }
}

static void test_concurrency(void)
{
    uint64_t sum = 0;

    run_threads(write_and_read, THREADS);
    expect("requests of many threads", (int)mixed_up, 0);
    mixed_up = 0;
    xenbus_write_uint(XENBUS_NO_TX, 0, BASE "/sum");
    run_threads(add_up, 4);
    xenbus_read_uint(XENBUS_NO_TX, &sum, BASE "/sum");
    expect("transactions of many threads", (int)mixed_up, 0);
    expect("their sum", (int)sum, (int)(rounds / 4 * 4));
}

static void test_devices(void)
{
    unsigned ids[4];

    expect("no devices of a kind", xenbus_device_ids("none", ids, 4), 0);
}

int guest_main(const char *cmdline)
{
    char text[16];
    int rc = xenbus_init();

    (void)cmdline;
    if (cmdline_value("rounds=", text, sizeof(text)))
        rounds = (unsigned)strtoul(text, NULL, 10);
    if (rc) {
        printf("RESULT: FAILED no store: %d\n", rc);
        return 1;
    }
    xenbus_rm(XENBUS_NO_TX, BASE);
    test_nodes();
    test_numbers();
    test_listing();
    test_sizes();
    test_permissions();
    test_transactions();
    test_watches();
    test_concurrency();
    test_devices();
    expect("remove all", xenbus_rm(XENBUS_NO_TX, BASE), 0);
    if (failures)
        printf("RESULT: FAILED %u of the claims\n", failures);
    else
        printf("RESULT: PASSED\n");
    return failures != 0;
}
