/* SPDX-License-Identifier: MIT */
/*
 * A guest that does what the toolstack asks: it ends, is rebooted, or is saved and goes on elsewhere.
 * "control: ready" says that it runs on all vCPUs and answers, "control: went on" that all works again after
 * a suspend, and the last line before it powers off is RESULT.
 */
#include "guest/control.h"
#include "guest/grant.h"
#include "guest/guest.h"
#include "guest/mm.h"
#include "guest/smp.h"
#include "guest/suspend.h"
#include "guest/thread.h"
#include "guest/time.h"
#include "guest/xenbus.h"

#define MS      1000000ul
#define PATIENT 60000000000ul

static volatile uint64_t ticks[SMP_MAX_VCPUS];
static unsigned vcpus, failures, pings;
static struct waitq pinged;
static void *page;
static grant_ref_t ref;

static void expect(bool good, const char *what)
{
    if (good)
        return;
    printf("FAIL %s\n", what);
    failures++;
}

static void tick(void *arg)
{
    for (;;) {
        ticks[(uintptr_t)arg]++;
        time_sleep(10 * MS);
    }
}

/* Each vCPU's thread is woken by its timer. */
static void check_threads(void)
{
    uint64_t before[SMP_MAX_VCPUS] = {0}, give_up = time_now() + PATIENT;

    for (unsigned i = 0; i < vcpus; i++)
        before[i] = ticks[i];
    for (unsigned i = 0; i < vcpus; i++) {
        while (ticks[i] < before[i] + 3 && time_now() < give_up)
            time_sleep(5 * MS);
        expect(ticks[i] >= before[i] + 3, "a vCPU does not run its thread");
    }
}

static void on_ping(struct xenbus_watch *w, const char *path)
{
    (void)w;
    (void)path;
    __atomic_add_fetch(&pings, 1, __ATOMIC_SEQ_CST);
    waitq_wake(&pinged);
}

static bool pinged_since(void *arg)
{
    return __atomic_load_n(&pings, __ATOMIC_SEQ_CST) > (uintptr_t)arg;
}

static void check_store(void)
{
    uint64_t number = 0, sent = time_now();
    uintptr_t before = pings;

    expect(!xenbus_write_uint(XENBUS_NO_TX, sent, "data/ping"), "a node cannot be written");
    expect(!xenbus_read_uint(XENBUS_NO_TX, &number, "data/ping") && number == sent, "a node cannot be read");
    expect(waitq_wait(&pinged, pinged_since, (void *)before, time_now() + PATIENT), "a watch is silent");
}

/* An entry can be made, is as it was made, and can be taken back. */
static void check_grants(void)
{
    grant_access(ref, 0, virt_to_mfn(page), GTF_readonly);
    expect(grant_entry(ref)->frame == virt_to_mfn(page), "the grant table does not hold an entry");
    expect(grant_end(ref), "a grant cannot be taken back");
}

static void check_all(void)
{
    check_threads();
    check_store();
    check_grants();
}

static struct waitq resumes;
static unsigned resumed;
static uint64_t suspended_at;

static void before_suspend(void *arg)
{
    (void)arg;
    suspended_at = time_now();
}

/* On the watches' thread: what needs a watch is checked by another one. */
static void after_suspend(void *arg, bool cancelled)
{
    (void)arg;
    printf("control: back, %s\n", cancelled ? "the suspend was cancelled" : "in a new domain");
    expect(time_now() >= suspended_at, "time went back");
    __atomic_add_fetch(&resumed, 1, __ATOMIC_SEQ_CST);
    waitq_wake(&resumes);
}

static bool on_request(enum control_request request, void *arg)
{
    static const char *const names[] = {"poweroff", "halt", "reboot", "suspend"};

    (void)arg;
    printf("control: %s\n", names[request]);
    if (request == CONTROL_POWEROFF) {
        if (failures)
            printf("RESULT: FAILED %u checks\n", failures);
        else
            printf("RESULT: PASSED\n");
    }
    return false;
}

static bool resumed_since(void *arg)
{
    return __atomic_load_n(&resumed, __ATOMIC_SEQ_CST) > (uintptr_t)arg;
}

static bool set_up(void)
{
    static struct suspend_hook hook = {.before = before_suspend, .after = after_suspend};
    static struct xenbus_watch watch = {.fn = on_ping};
    int r;

    page = page_alloc(0);
    if (!page || !grant_init(1) || (r = grant_alloc()) < 0)
        return false;
    ref = (grant_ref_t)r;
    suspend_hook_add(&hook);
    return !control_start(on_request, NULL) && !xenbus_watch(&watch, "data/ping");
}

int guest_main(const char *cmdline)
{
    (void)cmdline;
    vcpus = smp_vcpus();
    for (unsigned i = 0; i < vcpus; i++)
        if (!thread_start("tick", i, tick, (void *)(uintptr_t)i))
            failures++;
    if (!set_up() || failures) {
        printf("RESULT: FAILED no store, no grant table or no thread\n");
        return 1;
    }
    check_all();
    printf("control: ready, %u vCPUs, %u failures\n", vcpus, failures);
    for (uintptr_t round = 0;; round++) {
        waitq_wait(&resumes, resumed_since, (void *)round, 0);
        check_all();
        printf("control: went on, %u failures\n", failures);
    }
}
