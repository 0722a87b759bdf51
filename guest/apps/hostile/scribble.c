/* SPDX-License-Identifier: MIT */
#include "guest/smp.h"
#include "guest/thread.h"
#include "hostile.h"

#define WRITES_A_TURN 2000u

static uint8_t *target;
static struct waitq sleep;

static bool has_target(void *arg)
{
    (void)arg;
    return __atomic_load_n(&target, __ATOMIC_ACQUIRE);
}

/* Chance of its own: two vCPUs at one sequence would make it depend on their speed. */
static void scribbler(void *arg)
{
    uint64_t x = 88172645463325252ul;

    (void)arg;
    for (;;) {
        waitq_wait(&sleep, has_target, NULL, 0);
        for (unsigned i = 0; i < WRITES_A_TURN; i++) {
            uint8_t *page = __atomic_load_n(&target, __ATOMIC_ACQUIRE);

            if (!page)
                break;
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            /* Most of what is there stays plausible. */
            __atomic_store_n(page + (x & 0xfff), (uint8_t)(x >> 16 & x >> 24 & 0x1f), __ATOMIC_RELAXED);
        }
        time_sleep(NS_PER_MS / 4);
    }
}

bool scribble_init(void)
{
    return smp_vcpus() < 2 || thread_start("scribble", 1, scribbler, NULL);
}

void scribble(void *page)
{
    __atomic_store_n(&target, page, __ATOMIC_RELEASE);
    waitq_wake(&sleep);
}
