/* SPDX-License-Identifier: MIT */
#ifndef GUEST_SPINLOCK_H
#define GUEST_SPINLOCK_H

/* Stands in for guest/spinlock.h on the host: one thread, so a lock that is taken twice is a mistake. */

#include <assert.h>
#include <stdint.h>

struct spinlock {
    unsigned held;
};

static inline void spin_lock(struct spinlock *l)
{
    assert(!l->held);
    l->held = 1;
}

static inline void spin_unlock(struct spinlock *l)
{
    assert(l->held);
    l->held = 0;
}

static inline uint8_t spin_lock_masked(struct spinlock *l)
{
    spin_lock(l);
    return 0;
}

static inline void spin_unlock_masked(struct spinlock *l, uint8_t mask)
{
    (void)mask;
    spin_unlock(l);
}

#endif
