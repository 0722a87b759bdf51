/* SPDX-License-Identifier: MIT */
/* The scheduler with real concurrency: each fake CPU is a thread. No vCPU is ever loaded twice
 * (context_switch() checks), none is lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "cpus.h"
#include "cpu/clock.h"
#include "lib/printk.h"
#include "sched/sched.h"

#define CPUS   4
#define VCPUS  9
#define ROUNDS 60000

static struct domain *dom;
static unsigned working;

/* Stops a vCPU that is not ours and waits until its state is in memory, as a toolstack does. */
static void pause_for_a_while(struct vcpu *v, u64 *seed)
{
    static u32 busy[VCPUS];

    if (v == current || __atomic_exchange_n(&busy[v->id], 1, __ATOMIC_SEQ_CST))
        return;
    cpus_stop(v, VPF_PAUSED);
    /* If it is this CPU that has it, only a switch here lets go of it. */
    while ((READ_ONCE(v->sched.running) || READ_ONCE(v->sched.moving)) && current != v)
        threads_yield();
    if (current != v) {
        struct sched_vcpu before = v->sched;

        BUG_ON(v->desc_base);
        for (unsigned i = threads_random(seed) % 50; i; i--)
            threads_yield();
        /* Nobody's: affinity apart (changed by others on purpose) nothing has been touched. */
        BUG_ON(v->sched.running || v->sched.moving || v->sched.queued || v->sched.credit != before.credit);
    }
    __atomic_store_n(&busy[v->id], 0, __ATOMIC_SEQ_CST);
    cpus_start(v, VPF_PAUSED);
}

static void act(u64 *seed)
{
    struct vcpu *v = dom->vcpu[threads_random(seed) % VCPUS];
    u64 mask[BITS_TO_WORDS(NR_CPUS)] = {threads_random(seed) % 16};

    switch (threads_random(seed) % 16) {
    case 0 ... 6:
        vcpu_kick(v);
        break;
    case 7 ... 10:
        if (!is_idle_vcpu(current))
            sched_block(current);
        break;
    case 11:
    case 12:
        if (!is_idle_vcpu(current))
            sched_yield();
        break;
    case 13:
        (void)sched_set_affinity(v, mask, NULL);
        break;
    case 14:
        if (threads_random(seed) % 8 == 0)
            pause_for_a_while(v, seed);
        break;
    default:
        break;
    }
}

static void cpu_thread(unsigned cpu)
{
    u64 seed = 1000 + cpu;

    cpus_enter(cpu);
    for (unsigned i = 0; i < ROUNDS; i++) {
        if (cpu == 0)
            cpus_set_time(now() + threads_random(&seed) % 2000000);
        act(&seed);
        cpus_run_pending(cpu);
        if (i % 128 == 0)
            threads_yield();
    }
    /* The others may still need this CPU to let go of a vCPU. */
    __atomic_fetch_sub(&working, 1, __ATOMIC_SEQ_CST);
    while (__atomic_load_n(&working, __ATOMIC_SEQ_CST)) {
        cpus_run_pending(cpu);
        threads_yield();
    }
}

static void test_nothing_lost(void **state)
{
    const u64 all[BITS_TO_WORDS(NR_CPUS)] = {~0UL};
    unsigned running = 0, waiting = 0;

    (void)state;
    cpus_reset(CPUS);
    dom = cpus_domain(VCPUS);
    for (unsigned i = 0; i < VCPUS; i++)
        cpus_start(dom->vcpu[i], VPF_DOWN);
    working = CPUS;
    threads_run(CPUS, cpu_thread);
    cpus_settle();
    for (unsigned i = 0; i < VCPUS; i++) {
        (void)sched_set_affinity(dom->vcpu[i], all, NULL);
        vcpu_kick(dom->vcpu[i]);
    }
    cpus_settle();
    for (unsigned i = 0; i < VCPUS; i++) {
        assert_int_equal(dom->vcpu[i]->pause_flags, 0);
        running += dom->vcpu[i]->sched.running;
        waiting += dom->vcpu[i]->sched.queued;
    }
    assert_int_equal(running, CPUS);
    assert_int_equal(waiting, VCPUS - CPUS);
    assert_true(cpus_switches > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_nothing_lost)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
