/* SPDX-License-Identifier: MIT */
/* The event loop's timers against a plain model, callbacks that free each other, and the limit on log lines.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "dom0/backends/common/daemon.h"
#include "dom0/backends/common/loop.h"

#define TIMERS 200

struct alarm {
    struct loop_timer *timer;
    int64_t deadline; /* 0: off */
    unsigned int fired;
};

static struct alarm alarms[TIMERS];
static int64_t last_deadline;

static void on_alarm(void *arg)
{
    struct alarm *a = arg;

    assert_true(a->deadline > 0 && a->deadline <= loop_now_ns());
    /* The first deadline first. */
    assert_true(a->deadline >= last_deadline);
    last_deadline = a->deadline;
    a->deadline = 0;
    a->fired++;
    assert_false(loop_timer_is_set(a->timer));
}

/* All deadlines are in the past, so that no time has to pass. */
static void test_timers_in_order(void **state)
{
    struct loop *loop = loop_new();
    unsigned int expected[TIMERS] = {0};

    (void)state;
    srand(3);
    for (int i = 0; i < TIMERS; i++)
        alarms[i] = (struct alarm){.timer = loop_timer_new(loop, on_alarm, &alarms[i])};
    for (int round = 0; round < 300; round++) {
        for (int n = rand() % 400; n > 0; n--) {
            int i = rand() % TIMERS;

            alarms[i].deadline = rand() % 4 ? 1 + rand() % 1000 : 0;
            loop_timer_set(alarms[i].timer, alarms[i].deadline);
            assert_int_equal(loop_timer_is_set(alarms[i].timer), alarms[i].deadline != 0);
        }
        if (round % 7 == 0) {
            int i = rand() % TIMERS;

            loop_timer_free(alarms[i].timer);
            alarms[i].timer = loop_timer_new(loop, on_alarm, &alarms[i]);
            alarms[i].deadline = 0;
        }
        for (int i = 0; i < TIMERS; i++)
            expected[i] += alarms[i].deadline != 0;
        last_deadline = 0;
        assert_int_equal(loop_round(loop, 0), 0);
    }
    for (int i = 0; i < TIMERS; i++) {
        assert_int_equal(alarms[i].fired, expected[i]);
        loop_timer_free(alarms[i].timer);
    }
    loop_free(loop);
}

struct pair {
    struct loop *loop;
    struct loop_timer *timers[2];
    struct loop_handle *handles[2];
    struct loop_hook *hooks[2];
    int fds[4];
    unsigned int calls;
};

static void free_both_timers(void *arg)
{
    struct pair *p = arg;

    p->calls++;
    for (int i = 0; i < 2; i++) {
        loop_timer_free(p->timers[i]);
        p->timers[i] = NULL;
    }
}

static void remove_both_handles(void *arg, uint32_t events)
{
    struct pair *p = arg;

    assert_true(events & EPOLLIN);
    p->calls++;
    for (int i = 0; i < 2; i++) {
        loop_remove(p->handles[i]);
        p->handles[i] = NULL;
    }
}

static void free_both_hooks(void *arg)
{
    struct pair *p = arg;

    p->calls++;
    for (int i = 0; i < 2; i++) {
        loop_hook_free(p->hooks[i]);
        p->hooks[i] = NULL;
    }
}

/* Of two that are both due, the one that comes first takes the other away. */
static void test_callbacks_free_each_other(void **state)
{
    struct pair p = {.loop = loop_new()};

    (void)state;
    for (int i = 0; i < 2; i++) {
        p.timers[i] = loop_timer_new(p.loop, free_both_timers, &p);
        loop_timer_set(p.timers[i], 1);
        assert_int_equal(pipe(p.fds + 2 * i), 0);
        assert_int_equal(write(p.fds[2 * i + 1], "x", 1), 1);
        p.handles[i] = loop_add(p.loop, p.fds[2 * i], EPOLLIN, remove_both_handles, &p);
        p.hooks[i] = loop_hook_new(p.loop, free_both_hooks, &p);
    }
    for (int i = 0; i < 3; i++)
        assert_int_equal(loop_round(p.loop, 0), 0);
    assert_int_equal(p.calls, 3);
    loop_free(p.loop);
    for (int i = 0; i < 4; i++)
        close(p.fds[i]);
}

static void set_again(void *arg)
{
    struct alarm *a = arg;

    a->fired++;
    loop_timer_set(a->timer, 1);
}

static void stop(void *arg)
{
    loop_stop(arg);
}

/* A timer that is always due starves nobody. */
static void test_timer_that_sets_itself(void **state)
{
    struct loop *loop = loop_new();
    struct alarm a = {0};
    struct loop_timer *end = loop_timer_new(loop, stop, loop);

    (void)state;
    a.timer = loop_timer_new(loop, set_again, &a);
    loop_timer_set(a.timer, 1);
    loop_timer_set(end, loop_now_ns());
    assert_int_equal(loop_run(loop), 0);
    assert_true(a.fired >= 1);
    loop_timer_free(a.timer);
    loop_timer_free(end);
    loop_free(loop);
}

static void test_log_limit(void **state)
{
    struct log_limit limit = {0};
    unsigned int left_out = 77, taken = 0;

    (void)state;
    for (int i = 0; i < 1000; i++)
        taken += log_limit_take(&limit, &left_out);
    assert_int_equal(taken, LOG_LIMIT_BURST);
    assert_int_equal(left_out, 0);
    /* Twenty-five seconds later: two more, the first of which says how many were lost. */
    limit.refilled_ms -= 25000;
    assert_true(log_limit_take(&limit, &left_out));
    assert_int_equal(left_out, 1000 - LOG_LIMIT_BURST);
    assert_true(log_limit_take(&limit, &left_out));
    assert_int_equal(left_out, 0);
    assert_false(log_limit_take(&limit, &left_out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_timers_in_order),
        cmocka_unit_test(test_callbacks_free_each_other),
        cmocka_unit_test(test_timer_that_sets_itself),
        cmocka_unit_test(test_log_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
