/* SPDX-License-Identifier: MIT */
/*
 * Several CPUs bind, send and close at once while domains come and go. A reference or a lock too few shows as
 * a use after free (address sanitizer), a lock order broken as an abort, a binding half undone as a slot that
 * does not match its peer at the end.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "../simple/simple.h"
#include "event/ports.h"
#include "lib/printk.h"
#include "lines.h"

#define THREADS 3
#define LIVES   40
#define STEPS   10000 /* in each life */

static const struct domain_unit *const units[] = {&evtchn_unit, NULL};

static pthread_barrier_t start;

static void step(struct domain *d, unsigned *seed)
{
    u32 port = 1 + (u32)rand_r(seed) % 8, out;
    u16 other = (u16)(1 + rand_r(seed) % THREADS);

    switch (rand_r(seed) % 6) {
    case 0:
        (void)evtchn_alloc_unbound(d, other, &out);
        break;
    case 1:
    case 2:
        (void)evtchn_bind_interdomain(d, other, port, &out);
        break;
    case 3:
        (void)evtchn_close(d, port);
        break;
    default:
        (void)evtchn_send(d, port);
        break;
    }
}

/* Lives several lives of the domain with its number. */
static void *live(void *arg)
{
    u16 id = (u16)(uintptr_t)arg;
    unsigned seed = id;

    pthread_barrier_wait(&start);
    for (unsigned life = 0; life < LIVES; life++) {
        struct domain *d = simple_domain(id, 1, false, units);

        simple_enter(d->vcpu[0]);
        for (unsigned i = 0; i < STEPS; i++)
            step(d, &seed);
        BUG_ON(simple_locks_held());
        BUG_ON(!domain_ref(d));
        simple_kill(d);
        BUG_ON(d->evtchn->in_use);
        while (__atomic_load_n(&d->refs, __ATOMIC_SEQ_CST) != 1)
            ; /* somebody is about to find it dead */
        domain_put(d);
    }
    return NULL;
}

static void many_cpus(void **state)
{
    pthread_t t[THREADS];

    (void)state;
    lines_reset();
    assert_int_equal(pthread_barrier_init(&start, NULL, THREADS), 0);
    for (uintptr_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&t[i], NULL, live, (void *)(i + 1)), 0);
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(t[i], NULL), 0);
    assert_int_equal(simple_domains, 0);
    assert_int_equal(simple_allocs, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(many_cpus)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
