/* SPDX-License-Identifier: MIT */
/* Timers: order, moment, moving between CPUs, stopping, and all of it from several CPUs at once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "cpus.h"
#include "cpu/clock.h"
#include "sched/timer.h"

#define N 64

struct probe {
    struct timer t;
    unsigned fired;
    ns_t at;      /* when it fired last */
    ns_t again;   /* its function sets it to fire so much later; 0: not */
    bool stopped; /* must not fire */
};
static struct probe probes[N];
static ns_t last_fired;

static void fire(void *data)
{
    struct probe *p = data;

    assert_false(__atomic_load_n(&p->stopped, __ATOMIC_SEQ_CST));
    __atomic_fetch_add(&p->fired, 1, __ATOMIC_SEQ_CST);
    p->at = now();
    if (p->again)
        timer_set(&p->t, now() + p->again);
}

static void fire_in_order(void *data)
{
    struct probe *p = data;

    assert_true(now() >= p->t.expires);
    assert_true(p->t.expires >= last_fired);
    last_fired = p->t.expires;
    p->fired++;
}

static int setup(void **state)
{
    (void)state;
    cpus_reset(4);
    for (unsigned i = 0; i < N; i++) {
        probes[i] = (struct probe){0};
        timer_setup(&probes[i].t, fire, &probes[i]);
    }
    last_fired = 0;
    return 0;
}

static void test_moment(void **state)
{
    (void)state;
    timer_set(&probes[0].t, 1000);
    assert_int_equal(cpus_deadline(0), 1000);
    cpus_set_time(999);
    cpus_settle();
    assert_int_equal(probes[0].fired, 0);
    cpus_set_time(1000);
    cpus_settle();
    assert_int_equal(probes[0].fired, 1);
    assert_int_equal(cpus_deadline(0), 0);
    assert_false(probes[0].t.active);
}

static void test_past(void **state)
{
    (void)state;
    cpus_set_time(5000);
    timer_set(&probes[0].t, 1);
    timer_set(&probes[1].t, 0);
    assert_true(cpus_deadline(0) != 0);
    cpus_settle();
    assert_int_equal(probes[0].fired, 1);
    assert_int_equal(probes[1].fired, 1);
}

static void test_order(void **state)
{
    u64 seed = 42;

    (void)state;
    for (unsigned round = 0; round < 50; round++) {
        last_fired = 0;
        for (unsigned i = 0; i < N; i++) {
            timer_setup(&probes[i].t, fire_in_order, &probes[i]);
            timer_set(&probes[i].t, now() + 1 + threads_random(&seed) % 1000);
        }
        for (unsigned i = 0; i < N; i += 3) /* some twice */
            timer_set(&probes[i].t, now() + 1 + threads_random(&seed) % 1000);
        for (unsigned i = 1; i < N; i += 5)
            timer_stop(&probes[i].t);
        cpus_set_time(now() + 500);
        cpus_settle();
        cpus_set_time(now() + 600);
        cpus_settle();
        for (unsigned i = 0; i < N; i++) {
            assert_int_equal(probes[i].fired, i % 5 == 1 ? 0 : 1);
            probes[i].fired = 0;
        }
    }
}

static void test_again(void **state)
{
    (void)state;
    probes[0].again = 100;
    timer_set(&probes[0].t, 100);
    cpus_advance(1000);
    assert_int_equal(probes[0].fired, 10);
    timer_stop(&probes[0].t);
    probes[0].stopped = true;
    cpus_advance(1000);
    assert_int_equal(probes[0].fired, 10);
}

/* A function that arms in the past must not keep the CPU for ever. */
static void test_again_at_once(void **state)
{
    (void)state;
    probes[0].again = 0;
    timer_set(&probes[0].t, 1);
    probes[1].again = 1;
    timer_set(&probes[1].t, 1);
    cpus_set_time(2);
    cpus_enter(0);
    assert_true(cpus_run_pending(0));
    assert_int_equal(probes[1].fired, 1);
    assert_int_equal(cpus_deadline(0), 3);
}

static void test_moves(void **state)
{
    (void)state;
    timer_set(&probes[0].t, 1000);
    cpus_enter(2);
    timer_set(&probes[0].t, 2000);
    assert_int_equal(cpus_deadline(2), 2000);
    cpus_set_time(1500);
    cpus_settle();
    assert_int_equal(probes[0].fired, 0);
    cpus_set_time(2000);
    cpus_settle();
    assert_int_equal(probes[0].fired, 1);
    cpus_enter(1);
    timer_set(&probes[0].t, 3000);
    cpus_enter(3);
    timer_stop(&probes[0].t);
    cpus_set_time(4000);
    cpus_settle();
    assert_int_equal(probes[0].fired, 1);
}

/* Every CPU sets and stops the same few timers while time runs. After a stop by the only one who sets,
 * nothing fires. */
static void hammer(unsigned cpu)
{
    u64 seed = cpu + 7;
    struct probe *own = &probes[32 + cpu];

    cpus_enter(cpu);
    for (unsigned i = 0; i < 100000; i++) {
        struct probe *p = &probes[threads_random(&seed) % 8];

        if (cpu == 0)
            cpus_set_time(now() + 3);
        if (i % 256 == 0)
            threads_yield();
        switch (threads_random(&seed) % 4) {
        case 0:
            timer_set(&p->t, now() + threads_random(&seed) % 20);
            break;
        case 1:
            timer_stop_nosync(&p->t);
            break;
        case 2:
            __atomic_store_n(&own->stopped, false, __ATOMIC_SEQ_CST);
            timer_set(&own->t, now() + threads_random(&seed) % 4);
            cpus_run_pending(cpu);
            timer_stop(&own->t);
            __atomic_store_n(&own->stopped, true, __ATOMIC_SEQ_CST);
            break;
        default:
            cpus_run_pending(cpu);
            break;
        }
    }
    cpus_run_pending(cpu);
}

static void test_threads(void **state)
{
    unsigned before;

    (void)state;
    threads_run(4, hammer);
    cpus_set_time(now() + 100);
    cpus_settle();
    before = probes[0].fired;
    assert_true(before > 100);
    cpus_set_time(now() + 100);
    cpus_settle();
    assert_int_equal(probes[0].fired, before);
    for (unsigned i = 0; i < N; i++) {
        assert_false(probes[i].t.active);
        assert_int_equal(probes[i].t.calls, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_moment, setup),        cmocka_unit_test_setup(test_past, setup),
        cmocka_unit_test_setup(test_order, setup),         cmocka_unit_test_setup(test_again, setup),
        cmocka_unit_test_setup(test_again_at_once, setup), cmocka_unit_test_setup(test_moves, setup),
        cmocka_unit_test_setup(test_threads, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
