/* SPDX-License-Identifier: MIT */
#ifndef GUEST_SPINLOCK_H
#define GUEST_SPINLOCK_H

#include "guest/hypercall.h"
#include "guest/vcpu.h"

/*
 * A lock between vCPUs. It does not mask upcalls: a lock that a handler of events takes too must be
 * taken with spin_lock_masked(). Waiting gives the CPU away, since the holder may not be running.
 */
struct spinlock {
    unsigned held;
};

/* One turn of waiting; a vCPU may be stopped in it for a suspend, since whoever holds the lock may be. */
void spin_wait(void);

static inline void spin_lock(struct spinlock *l)
{
    while (__atomic_exchange_n(&l->held, 1, __ATOMIC_ACQUIRE))
        spin_wait();
}

static inline void spin_unlock(struct spinlock *l)
{
    __atomic_store_n(&l->held, 0, __ATOMIC_RELEASE);
}

/* Returns the upcall mask before, which spin_unlock_masked() puts back. */
static inline uint8_t spin_lock_masked(struct spinlock *l)
{
    uint8_t mask = upcall_mask_set(1);

    spin_lock(l);
    return mask;
}

static inline void spin_unlock_masked(struct spinlock *l, uint8_t mask)
{
    spin_unlock(l);
    upcall_mask_restore(mask);
}

#endif
