/* SPDX-License-Identifier: MIT */
/*
 * Several CPUs map, unmap and copy each other's frames at once, some of them from domains that have died
 * already, and guess each other's handles of one domain. Whatever goes wrong shows as a use after free
 * (address sanitizer), a broken count or lock order (abort), or something that is not given back at the end
 * of a round.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "frames.h"
#include "grant/table.h"
#include "lib/printk.h"

#define DOMAINS 2
#define THREADS 4 /* two vCPUs of each domain */
#define ROUNDS  20
#define STEPS   3000
#define OWN     8 /* frames of each domain */
#define REFS    6u

static const struct domain_unit *const units[] = {&grant_unit, NULL};
static struct domain *dom[DOMAINS];
static pthread_barrier_t barrier;

static u64 first_frame(unsigned d)
{
    return 10 + d * OWN;
}

static void one_map(unsigned *seed)
{
    struct grant_batch b = {0};
    struct gnttab_map_grant_ref op = {.ref = (u32)rand_r(seed) % REFS,
                                      .dom = (u16)(rand_r(seed) % DOMAINS),
                                      .flags = GNTMAP_host_map | ((u32)rand_r(seed) & GNTMAP_readonly),
                                      .host_addr = 0x1000 * (1 + (u64)rand_r(seed) % 16)};

    grant_map(&b, &op);
    grant_batch_end(&b);
}

static void some_unmaps(unsigned *seed)
{
    struct gnttab_unmap_grant_ref op[4];
    struct grant_unmap_state st[4];

    for (unsigned i = 0; i < 4; i++) {
        op[i] = (struct gnttab_unmap_grant_ref){.host_addr = 0x1000 * (1 + (u64)rand_r(seed) % 16),
                                                .handle = (u32)rand_r(seed) % 24};
        grant_unmap(&op[i], &st[i]);
    }
    grant_unmap_finish(st, 4);
}

static void some_copies(unsigned *seed)
{
    struct grant_batch b = {0};

    for (unsigned i = 0; i < 3; i++) {
        struct gnttab_copy op = {.flags = GNTCOPY_source_gref | GNTCOPY_dest_gref, .len = 32};

        op.source.u.ref = (u32)rand_r(seed) % REFS;
        op.source.domid = (u16)(rand_r(seed) % DOMAINS);
        op.dest.u.ref = (u32)rand_r(seed) % REFS;
        op.dest.domid = (u16)(rand_r(seed) % DOMAINS);
        grant_copy(&b, &op);
    }
    grant_batch_end(&b);
}

/* The guest writes its own entries at any time, in-use flags and all: that harms itself. */
static void scribble(struct domain *d, unsigned *seed)
{
    u64 e = GTF_permit_access | (u64)(rand_r(seed) % DOMAINS) << 16 |
            (first_frame(d->id) + (u64)rand_r(seed) % OWN) << 32;

    __atomic_store_n(&d->grant->shared[0][(u32)rand_r(seed) % REFS], e, __ATOMIC_RELAXED);
}

static void act(struct domain *d, unsigned *seed)
{
    switch (rand_r(seed) % 4) {
    case 0:
        one_map(seed);
        break;
    case 1:
        some_unmaps(seed);
        break;
    case 2:
        some_copies(seed);
        break;
    default:
        scribble(d, seed);
        break;
    }
}

static void round_begin(void)
{
    frames_reset();
    for (unsigned i = 0; i < DOMAINS; i++) {
        dom[i] = simple_domain((u16)i, 2, false, units);
        frames_owner(dom[i]);
        BUG_ON(grant_table_grow(dom[i], 1));
        for (u64 m = 0; m < OWN; m++)
            frames_give(dom[i], first_frame(i) + m);
    }
}

static void round_end(void)
{
    for (u64 m = 0; m < DOMAINS * OWN; m++) {
        frames_release(10 + m);
        BUG_ON(frames_count(10 + m));
    }
    BUG_ON(frames_shared || frames_all_mapped() || simple_domains || simple_allocs);
}

/* Both vCPUs of a domain have stopped: one of them ends it, while the other domain may go on. */
static void *vcpu_thread(void *arg)
{
    unsigned id = (unsigned)(uintptr_t)arg, seed = id;
    static pthread_barrier_t *pair[DOMAINS];
    static pthread_barrier_t pairs[DOMAINS];

    if (id < DOMAINS) {
        pair[id] = &pairs[id];
        pthread_barrier_init(pair[id], NULL, 2);
    }
    for (unsigned r = 0; r < ROUNDS; r++) {
        if (id == 0)
            round_begin();
        pthread_barrier_wait(&barrier);
        struct domain *d = dom[id % DOMAINS];

        simple_enter(d->vcpu[id / DOMAINS]);
        for (unsigned i = 0; i < STEPS * (1 + id % DOMAINS); i++)
            act(d, &seed);
        BUG_ON(simple_locks_held());
        pthread_barrier_wait(pair[id % DOMAINS]);
        if (id < DOMAINS) {
            BUG_ON(!domain_ref(d));
            simple_kill(d);
            frames_drop_tables(d);
            domain_put(d);
        }
        pthread_barrier_wait(&barrier);
        if (id == 0)
            round_end();
    }
    return NULL;
}

static void many_cpus(void **state)
{
    pthread_t t[THREADS];

    (void)state;
    assert_int_equal(pthread_barrier_init(&barrier, NULL, THREADS), 0);
    for (uintptr_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&t[i], NULL, vcpu_thread, (void *)i), 0);
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(t[i], NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(many_cpus)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
