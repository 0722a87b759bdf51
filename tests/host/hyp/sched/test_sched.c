/* SPDX-License-Identifier: MIT */
/* Run queues and the round-robin policy on fake CPUs: who runs where, for how long, and what is accounted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "cpus.h"
#include "cpu/clock.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "sched/cap.h"
#include "sched/policy.h"
#include "sched/sched.h"

#define MS 1000000UL

static u64 ran(struct vcpu *v)
{
    struct vcpu_runstate_info rs;

    sched_runstate_get(v, &rs);
    return rs.time[RUNSTATE_running];
}

static void assert_share(struct vcpu *v, u64 want, u64 slack)
{
    assert_in_range(ran(v), want - slack, want + slack);
}

static bool is_running(struct vcpu *v)
{
    return cpus_running(v->cpu) == v;
}

static int setup1(void **state)
{
    (void)state;
    cpus_reset(1);
    return 0;
}

static int setup2(void **state)
{
    (void)state;
    cpus_reset(2);
    return 0;
}

static int setup4(void **state)
{
    (void)state;
    cpus_reset(4);
    return 0;
}

static struct domain *start_all(unsigned n)
{
    struct domain *d = cpus_domain(n);

    for (unsigned i = 0; i < n; i++) {
        cpus_start(d->vcpu[i], VPF_DOWN);
        cpus_settle();
    }
    return d;
}

static void block(struct vcpu *v)
{
    assert_true(is_running(v));
    cpus_enter(v->cpu);
    sched_block(v);
    cpus_settle();
}

static void test_wake_and_block(void **state)
{
    struct domain *d = cpus_domain(1);
    struct vcpu *v = d->vcpu[0];

    (void)state;
    cpus_settle();
    assert_true(is_idle_vcpu(cpus_running(0)));
    cpus_start(v, VPF_DOWN);
    cpus_settle();
    assert_true(is_running(v));
    cpus_advance(7 * MS);
    block(v);
    assert_true(is_idle_vcpu(cpus_running(0)));
    assert_false(v->sched.running);
    cpus_advance(5 * MS);
    vcpu_kick(v);
    cpus_settle();
    assert_true(is_running(v));
    assert_int_equal(ran(v), 7 * MS);
    assert_int_equal(v->runstate.time[RUNSTATE_blocked], 5 * MS);
    assert_int_equal(sched_idle_time(0), 5 * MS);
}

static void test_pending_event_does_not_block(void **state)
{
    struct vcpu *v = start_all(1)->vcpu[0];

    (void)state;
    v->info->evtchn_upcall_pending = 1;
    block(v);
    assert_true(is_running(v));
    assert_int_equal(v->pause_flags, 0);
}

/* The event comes between the block and the switch. */
static void test_wake_before_switch(void **state)
{
    struct vcpu *v = start_all(1)->vcpu[0];

    (void)state;
    cpus_enter(0);
    sched_block(v);
    vcpu_kick(v);
    cpus_settle();
    assert_true(is_running(v));
}

static void test_kick_running(void **state)
{
    struct domain *d = start_all(2);

    (void)state;
    cpus_take_kicks(1);
    cpus_take_kicks(0);
    cpus_enter(d->vcpu[0]->cpu);
    vcpu_kick(d->vcpu[1]);
    assert_int_equal(cpus_take_kicks(d->vcpu[1]->cpu), 1);
    vcpu_kick(d->vcpu[0]); /* itself: it looks on its way out */
    assert_int_equal(cpus_take_kicks(d->vcpu[0]->cpu), 0);
}

static void test_slices(void **state)
{
    struct domain *d = start_all(2);

    (void)state;
    cpus_advance(1000 * MS);
    assert_share(d->vcpu[0], 500 * MS, 25 * MS);
    assert_share(d->vcpu[1], 500 * MS, 25 * MS);
    assert_in_range(cpus_switches, 40, 60);
}

static void test_weight(void **state)
{
    struct domain *heavy = cpus_domain(1), *light = cpus_domain(1);

    (void)state;
    heavy->sched_weight = 512;
    cpus_start(heavy->vcpu[0], VPF_DOWN);
    cpus_start(light->vcpu[0], VPF_DOWN);
    cpus_advance(3000 * MS);
    assert_share(heavy->vcpu[0], 2000 * MS, 90 * MS);
}

/* One that sleeps mostly gets the CPU at once from one that never does. */
static void test_latency(void **state)
{
    struct vcpu *hog = cpus_domain(1)->vcpu[0], *light = cpus_domain(1)->vcpu[0];

    (void)state;
    cpus_start(light, VPF_DOWN);
    cpus_settle();
    block(light);
    cpus_start(hog, VPF_DOWN);
    cpus_settle();
    for (unsigned i = 0; i < 50; i++) {
        cpus_advance(10 * MS);
        assert_true(is_running(hog));
        vcpu_kick(light);
        cpus_settle();
        assert_true(is_running(light));
        cpus_advance(1 * MS);
        block(light);
    }
    assert_share(light, 50 * MS, 1 * MS);
    assert_int_equal(light->runstate.time[RUNSTATE_runnable], 0);
}

/* With a rate limit the one that runs keeps the CPU for so long, and no longer. All within one slice. */
static void test_rate_limit(void **state)
{
    struct vcpu *hog = cpus_domain(1)->vcpu[0], *light = cpus_domain(1)->vcpu[0];

    (void)state;
    sched_rate_limit = 3 * MS;
    cpus_start(light, VPF_DOWN);
    cpus_settle();
    block(light);
    cpus_start(hog, VPF_DOWN);
    cpus_settle();
    for (unsigned i = 0; i < 5; i++) {
        cpus_advance(1 * MS);
        vcpu_kick(light);
        cpus_settle();
        assert_true(is_running(hog));
        cpus_advance(2 * MS - 1000);
        assert_true(is_running(hog));
        cpus_advance(1000);
        assert_true(is_running(light));
        cpus_advance(500000);
        block(light);
        assert_true(is_running(hog));
    }
    /* Beyond the limit nothing holds a wake-up up. */
    cpus_advance(4 * MS);
    vcpu_kick(light);
    cpus_settle();
    assert_true(is_running(light));
}

/* A cap holds to within a percent over ten seconds, alone or beside others; without it all is as before. */
static void test_cap(void **state)
{
    struct vcpu *v = start_all(1)->vcpu[0], *other;
    u64 before;

    (void)state;
    cap_set(v->domain, 25);
    before = ran(v);
    cpus_advance(10000 * MS);
    assert_in_range(ran(v) - before, 2400 * MS, 2600 * MS);
    assert_int_equal(v->runstate.time[RUNSTATE_offline], 0);
    other = start_all(1)->vcpu[0];
    before = ran(v);
    cpus_advance(10000 * MS);
    assert_in_range(ran(v) - before, 2400 * MS, 2600 * MS);
    assert_in_range(ran(other), 7300 * MS, 7600 * MS);
    cap_set(v->domain, 0);
    before = ran(v);
    cpus_advance(1000 * MS);
    assert_in_range(ran(v) - before, 450 * MS, 550 * MS);
}

/* The cap counts all vCPUs of a domain; those that sleep are woken only when there is something to run with.
 */
static void test_cap_of_several(void **state)
{
    struct domain *d = start_all(2);
    u64 before = ran(d->vcpu[0]) + ran(d->vcpu[1]);

    (void)state;
    cap_set(d, 150);
    cpus_advance(10000 * MS);
    assert_in_range(ran(d->vcpu[0]) + ran(d->vcpu[1]) - before, 14600 * MS, 15400 * MS);
    cap_set(d, 10);
    before = ran(d->vcpu[0]) + ran(d->vcpu[1]);
    for (unsigned i = 0; i < 2000; i++) {
        cpus_advance(5 * MS);
        for (unsigned k = 0; k < 2; k++) {
            if (is_running(d->vcpu[k]) && i % 3 == 0)
                block(d->vcpu[k]);
            vcpu_kick(d->vcpu[k]);
        }
        cpus_settle();
    }
    assert_in_range(ran(d->vcpu[0]) + ran(d->vcpu[1]) - before, 900 * MS, 1100 * MS);
    /* Taken away while both are parked. */
    while (!(d->vcpu[0]->pause_flags & VPF_CAPPED) || !(d->vcpu[1]->pause_flags & VPF_CAPPED))
        cpus_advance(1 * MS);
    cap_set(d, 0);
    cpus_settle();
    assert_true(is_running(d->vcpu[0]) && is_running(d->vcpu[1]));
    cap_stop(d);
    /* The tools may set what they like for a domain that is being destroyed: no timer is left behind. */
    d->dying = DOM_DYING;
    cap_set(d, 50);
    assert_false(d->cap_timer.active);
}

/* Many that sleep a little cannot keep one that never sleeps away for ever. */
static void test_no_starvation(void **state)
{
    struct vcpu *hog = cpus_domain(1)->vcpu[0];
    struct domain *d = cpus_domain(6);

    (void)state;
    cpus_start(hog, VPF_DOWN);
    for (unsigned i = 0; i < 6; i++)
        cpus_start(d->vcpu[i], VPF_DOWN);
    cpus_settle();
    for (unsigned i = 0; i < 4000; i++) {
        struct vcpu *v = cpus_running(0);

        cpus_advance(1 * MS);
        if (v != hog && is_running(v))
            block(v);
        for (unsigned k = 0; k < 6; k++)
            if (d->vcpu[k] != v && (d->vcpu[k]->pause_flags & VPF_BLOCKED))
                vcpu_kick(d->vcpu[k]);
        cpus_settle();
    }
    assert_true(ran(hog) > 250 * MS);
}

static void test_yield(void **state)
{
    struct domain *d = start_all(2);
    struct vcpu *first = cpus_running(0);

    (void)state;
    cpus_advance(1 * MS);
    cpus_enter(0);
    sched_yield();
    cpus_settle();
    assert_ptr_not_equal(cpus_running(0), first);
    cpus_advance(1 * MS);
    cpus_enter(0);
    sched_yield();
    cpus_settle();
    assert_ptr_equal(cpus_running(0), first);
    /* Alone it keeps the CPU, and costs nothing. */
    cpus_stop(first == d->vcpu[0] ? d->vcpu[1] : d->vcpu[0], VPF_DOWN);
    cpus_settle();
    cpus_switches = 0;
    cpus_enter(0);
    sched_yield();
    cpus_settle();
    assert_int_equal(cpus_switches, 0);
}

/* A yield with an empty queue takes over what waits elsewhere. */
static void test_yield_steals(void **state)
{
    struct domain *d = start_all(3);
    struct vcpu *waiting = NULL;

    (void)state;
    for (unsigned i = 0; i < 3; i++)
        if (!is_running(d->vcpu[i]))
            waiting = d->vcpu[i];
    assert_non_null(waiting);
    cpus_enter(1 - waiting->cpu);
    sched_yield();
    cpus_settle();
    assert_true(is_running(waiting));
}

static void test_spread(void **state)
{
    struct domain *d = start_all(4);

    (void)state;
    for (unsigned i = 0; i < 4; i++)
        assert_true(is_running(d->vcpu[i]));
    cpus_advance(100 * MS);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(ran(d->vcpu[i]), 100 * MS);
}

/* Three that never sleep on two CPUs: two thirds of a CPU each. */
static void test_fair_over_cpus(void **state)
{
    struct domain *d = start_all(3);

    (void)state;
    cpus_advance(3000 * MS);
    for (unsigned i = 0; i < 3; i++)
        assert_share(d->vcpu[i], 2000 * MS, 150 * MS);
    assert_int_equal(sched_idle_time(0) + sched_idle_time(1), 0);
}

/* When a CPU becomes idle it takes what waits elsewhere. */
static void test_idle_steals(void **state)
{
    struct domain *d = start_all(3);
    struct vcpu *runs[2] = {cpus_running(0), cpus_running(1)};

    (void)state;
    block(runs[1]);
    for (unsigned i = 0; i < 3; i++)
        assert_true(d->vcpu[i] == runs[1] || is_running(d->vcpu[i]));
    assert_ptr_equal(cpus_running(0), runs[0]);
}

static void test_affinity(void **state)
{
    struct domain *d = start_all(2);
    const u64 only2[BITS_TO_WORDS(NR_CPUS)] = {1u << 2}, none[BITS_TO_WORDS(NR_CPUS)] = {1u << 9},
              soft3[BITS_TO_WORDS(NR_CPUS)] = {1u << 3}, all[BITS_TO_WORDS(NR_CPUS)] = {0xf};

    (void)state;
    assert_int_equal(sched_set_affinity(d->vcpu[0], none, NULL), -EINVAL);
    assert_int_equal(sched_set_affinity(d->vcpu[0], only2, NULL), 0);
    cpus_settle();
    assert_int_equal(d->vcpu[0]->cpu, 2);
    assert_true(is_running(d->vcpu[0]));
    /* Both on one CPU although three others idle. */
    assert_int_equal(sched_set_affinity(d->vcpu[1], only2, NULL), 0);
    cpus_advance(400 * MS);
    assert_int_equal(d->vcpu[1]->cpu, 2);
    assert_share(d->vcpu[1], 200 * MS, 45 * MS);
    /* Free again: the soft wish decides at the next wake-up. */
    assert_int_equal(sched_set_affinity(d->vcpu[1], all, soft3), 0);
    cpus_stop(d->vcpu[1], VPF_DOWN);
    cpus_settle();
    cpus_start(d->vcpu[1], VPF_DOWN);
    cpus_settle();
    assert_int_equal(d->vcpu[1]->cpu, 3);
}

static void test_pause(void **state)
{
    struct domain *d = start_all(2);

    (void)state;
    for (unsigned i = 0; i < 2; i++)
        cpus_stop(d->vcpu[i], VPF_DOM_PAUSED);
    cpus_settle();
    assert_true(is_idle_vcpu(cpus_running(0)));
    assert_false(d->vcpu[0]->sched.running || d->vcpu[0]->sched.queued);
    assert_int_equal(d->vcpu[0]->runstate.state, RUNSTATE_offline);
    vcpu_kick(d->vcpu[0]);
    vcpu_wake(d->vcpu[0]);
    cpus_settle();
    assert_true(is_idle_vcpu(cpus_running(0)));
    for (unsigned i = 0; i < 2; i++)
        cpus_start(d->vcpu[i], VPF_DOM_PAUSED);
    cpus_advance(100 * MS);
    assert_share(d->vcpu[0], 50 * MS, 25 * MS);
}

/* Whatever happens: times add up, nothing runs twice or although it may not, no CPU idles while a vCPU that
 * it may run waits. */
static void check_all(struct domain *d, ns_t created)
{
    for (unsigned i = 0; i < d->max_vcpus; i++) {
        struct vcpu *v = d->vcpu[i];
        struct vcpu_runstate_info rs;
        bool runs = is_running(v);

        sched_runstate_get(v, &rs);
        assert_int_equal(rs.time[0] + rs.time[1] + rs.time[2] + rs.time[3], now() - created);
        assert_int_equal(runs, v->sched.running);
        assert_false(runs && v->sched.queued);
        assert_int_equal(runs || v->sched.queued, vcpu_is_runnable(v));
        if (runs || v->sched.queued)
            assert_true(test_bit(v->sched.affinity_hard, v->cpu));
        for (unsigned c = 0; v->sched.queued && c < cpus_count; c++)
            assert_false(is_idle_vcpu(cpus_running(c)) && test_bit(v->sched.affinity_hard, c));
    }
}

static void one_random_step(struct domain *d, u64 *seed)
{
    struct vcpu *v = d->vcpu[threads_random(seed) % d->max_vcpus];
    u64 mask[BITS_TO_WORDS(NR_CPUS)] = {0};

    cpus_enter(threads_random(seed) % cpus_count);
    switch (threads_random(seed) % 8) {
    case 0:
    case 1:
        vcpu_kick(v);
        break;
    case 2:
        cpus_start(v, VPF_DOWN);
        break;
    case 3:
        if (threads_random(seed) % 4 == 0)
            cpus_stop(v, VPF_DOWN);
        break;
    case 4:
        cpus_stop(v, VPF_PAUSED);
        cpus_enter(threads_random(seed) % cpus_count);
        cpus_start(v, VPF_PAUSED);
        break;
    case 5:
        mask[0] = threads_random(seed) % 16;
        (void)sched_set_affinity(v, mask, NULL);
        break;
    case 6:
        if (!is_idle_vcpu(current))
            sched_block(current);
        break;
    default:
        if (!is_idle_vcpu(current))
            sched_yield();
        break;
    }
}

static void test_random(void **state)
{
    (void)state;
    for (u64 round = 1; round <= 20; round++) {
        u64 seed = round;
        struct domain *d;
        ns_t created;

        cpus_reset(4);
        created = now();
        d = cpus_domain(7);
        for (unsigned i = 0; i < 3000; i++) {
            one_random_step(d, &seed);
            /* Often several things happen before a CPU comes to look. */
            if (threads_random(&seed) % 3 == 0)
                cpus_run_pending(threads_random(&seed) % cpus_count);
            if (threads_random(&seed) % 4 == 0) {
                cpus_advance(threads_random(&seed) % (30 * MS));
                check_all(d, created);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_wake_and_block, setup1),
        cmocka_unit_test_setup(test_pending_event_does_not_block, setup1),
        cmocka_unit_test_setup(test_wake_before_switch, setup1),
        cmocka_unit_test_setup(test_kick_running, setup2),
        cmocka_unit_test_setup(test_slices, setup1),
        cmocka_unit_test_setup(test_weight, setup1),
        cmocka_unit_test_setup(test_latency, setup1),
        cmocka_unit_test_setup(test_rate_limit, setup1),
        cmocka_unit_test_setup(test_cap, setup1),
        cmocka_unit_test_setup(test_cap_of_several, setup2),
        cmocka_unit_test_setup(test_no_starvation, setup1),
        cmocka_unit_test_setup(test_yield, setup1),
        cmocka_unit_test_setup(test_yield_steals, setup2),
        cmocka_unit_test_setup(test_spread, setup4),
        cmocka_unit_test_setup(test_fair_over_cpus, setup2),
        cmocka_unit_test_setup(test_idle_steals, setup2),
        cmocka_unit_test_setup(test_affinity, setup4),
        cmocka_unit_test_setup(test_pause, setup1),
        cmocka_unit_test(test_random),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
