/* SPDX-License-Identifier: MIT */
/*
 * Threads on all vCPUs: each claim is one line, "PASS name" or "FAIL name: what", and the last line is
 * RESULT.
 *
 *     rounds=N    how often each race is run (default 200)
 */
#include "guest/guest.h"
#include "guest/events.h"
#include "guest/heap.h"
#include "guest/mm.h"
#include "guest/smp.h"
#include "guest/thread.h"
#include "guest/time.h"
#include "guest/vcpu.h"

#define MS          1000000ul
#define MAX_THREADS 16u

static unsigned vcpus, rounds = 200, failures;

static void judge(const char *name, bool good, const char *what)
{
    if (good) {
        printf("PASS %s\n", name);
        return;
    }
    printf("FAIL %s: %s\n", name, what);
    failures++;
}

/* Starts n threads, spread over the vCPUs, and waits for their ends; false if one does not start. */
static bool run_all(unsigned n, void (*fn)(void *))
{
    struct thread *t[MAX_THREADS];
    bool all = true;

    for (unsigned i = 0; i < n; i++) {
        t[i] = thread_start("worker", i % vcpus, fn, (void *)(uintptr_t)i);
        all &= t[i] != NULL;
    }
    for (unsigned i = 0; i < n; i++)
        if (t[i])
            thread_join(t[i]);
    return all;
}

/* --- each stays where it was started ------------------------------------------------------------ */

static unsigned strayed;

static void stay(void *arg)
{
    unsigned mine = (unsigned)(uintptr_t)arg % vcpus;

    for (unsigned i = 0; i < rounds; i++) {
        if (this_vcpu()->id != mine)
            __atomic_add_fetch(&strayed, 1, __ATOMIC_RELAXED);
        thread_yield();
    }
}

static void test_placement(void)
{
    judge("placement", run_all(2 * vcpus, stay) && !strayed, "a thread ran on another vCPU");
    judge("no such vcpu", !thread_start("none", vcpus, stay, NULL),
          "a thread was started on a vCPU beyond the last");
}

/* --- yielding takes turns ----------------------------------------------------------------------- */

static unsigned turn;
static bool turns_taken = true;

static void take_turns(void *arg)
{
    unsigned me = (unsigned)(uintptr_t)arg;

    for (unsigned i = 0; i < 100; i++) {
        turns_taken &= turn % 3 == me;
        turn++;
        thread_yield();
    }
}

static void test_yield(void)
{
    struct thread *t[3];

    for (unsigned i = 0; i < 3; i++)
        t[i] = thread_start("turn", 0, take_turns, (void *)(uintptr_t)i);
    for (unsigned i = 0; i < 3; i++)
        thread_join(t[i]);
    judge("yield", turns_taken && turn == 300, "threads of one vCPU do not take turns");
}

/* --- a token handed round between vCPUs --------------------------------------------------------- */

static struct waitq ring;
static unsigned token;
static unsigned players;

struct seat {
    unsigned me;
};

static bool is_mine(void *arg)
{
    const struct seat *s = arg;

    return __atomic_load_n(&token, __ATOMIC_ACQUIRE) % players == s->me;
}

static void play(void *arg)
{
    struct seat s = {(unsigned)(uintptr_t)arg};

    for (unsigned i = 0; i < rounds; i++) {
        waitq_wait(&ring, is_mine, &s, 0);
        __atomic_add_fetch(&token, 1, __ATOMIC_RELEASE);
        waitq_wake(&ring);
    }
}

static void test_wake(void)
{
    players = vcpus > 1 ? vcpus : 2;
    judge("wake", run_all(players, play) && token == players * rounds, "the token was lost");
}

/* --- deadlines ---------------------------------------------------------------------------------- */

static unsigned slept_short;

static void sleep_a_little(void *arg)
{
    uint64_t ns = ((uintptr_t)arg % 5 + 1) * 2 * MS, before = time_now();

    time_sleep(ns);
    if (time_now() - before < ns)
        __atomic_add_fetch(&slept_short, 1, __ATOMIC_RELAXED);
}

static bool never(void *arg)
{
    (void)arg;
    return false;
}

static void test_deadlines(void)
{
    static struct waitq q;
    uint64_t end = time_now() + 5 * MS;

    judge("sleep", run_all(3 * vcpus, sleep_a_little) && !slept_short, "a thread woke before its time");
    judge("deadline", !waitq_wait(&q, never, NULL, end) && time_now() >= end && !q.first,
          "returned early or stayed queued");
    judge("deadline past", !waitq_wait(&q, never, NULL, 1), "a condition that never holds held");
}

/* --- woken by a handler ------------------------------------------------------------------------- */

static struct waitq from_handler;
static unsigned events_seen, event_port;

static void on_event(unsigned port, void *data)
{
    (void)port;
    (void)data;
    events_seen++;
    waitq_wake(&from_handler);
}

static bool seen_all(void *arg)
{
    return __atomic_load_n(&events_seen, __ATOMIC_ACQUIRE) >= (uintptr_t)arg;
}

static void send_event(void *arg)
{
    (void)arg;
    event_send(event_port);
}

static void test_handler(void)
{
    int port = event_bind_ipi(0);

    if (port < 0) {
        judge("handler", false, "no port");
        return;
    }
    event_port = (unsigned)port;
    event_handle(event_port, on_event, NULL);
    for (unsigned i = 1; i <= rounds / 4; i++) {
        struct thread *t = thread_start("sender", i % vcpus, send_event, NULL);

        waitq_wait(&from_handler, seen_all, (void *)(uintptr_t)i, 0);
        thread_join(t);
    }
    judge("handler", events_seen == rounds / 4, "an event was lost or came twice");
    event_close(event_port);
}

/* --- locks and the heap ------------------------------------------------------------------------- */

static struct mutex mutex;
static unsigned guarded, inside;
static bool excluded = true;

static void count(void *arg)
{
    (void)arg;
    for (unsigned i = 0; i < rounds; i++) {
        mutex_lock(&mutex);
        excluded &= ++inside == 1;
        guarded++;
        thread_yield();
        inside--;
        mutex_unlock(&mutex);
    }
}

static unsigned spoilt;

static void churn(void *arg)
{
    unsigned char *p[16] = {0}, me = (unsigned char)(uintptr_t)arg;
    size_t size[16] = {0};

    for (unsigned i = 0; i < rounds * 4; i++) {
        unsigned slot = i * 7 % 16;

        for (size_t j = 0; p[slot] && j < size[slot]; j++)
            spoilt += p[slot][j] != me;
        heap_free(p[slot]);
        size[slot] = i * 37 % 2500;
        p[slot] = heap_alloc(size[slot]);
        if (p[slot])
            memset(p[slot], me, size[slot]);
        if (i % 16 == 0)
            thread_yield();
    }
    for (unsigned i = 0; i < 16; i++)
        heap_free(p[i]);
}

static void test_shared(void)
{
    unsigned long before;

    judge("mutex", run_all(2 * vcpus, count) && excluded && guarded == 2 * vcpus * rounds,
          "two threads were inside");
    before = pages_free();
    judge("heap", run_all(2 * vcpus, churn) && !spoilt, "an object was given to two threads");
    /* A page of each size may stay. */
    judge("heap leak", before - pages_free() <= 16, "pages were lost");
}

static void nothing(void *arg)
{
    (void)arg;
}

static void test_many(void)
{
    unsigned long before = pages_free();
    bool all = true;

    for (unsigned i = 0; i < rounds && all; i++)
        all = run_all(vcpus, nothing);
    judge("start and join", all && pages_free() == before, "a thread did not start, or its stack was lost");
}

int guest_main(const char *cmdline)
{
    char text[16];

    (void)cmdline;
    if (cmdline_value("rounds=", text, sizeof(text)))
        rounds = (unsigned)strtoul(text, NULL, 10);
    vcpus = smp_vcpus() < MAX_THREADS / 3 ? smp_vcpus() : MAX_THREADS / 3;
    printf("threads: %u vCPUs, %u rounds\n", vcpus, rounds);
    test_placement();
    test_yield();
    test_wake();
    test_deadlines();
    test_handler();
    test_shared();
    test_many();
    if (failures)
        printf("RESULT: FAILED %u of the claims\n", failures);
    else
        printf("RESULT: PASSED\n");
    return failures != 0;
}
