/* SPDX-License-Identifier: MIT */
/*
 * Ticket spinlocks with a lock order.
 *
 * Each lock carries a level. A CPU may take a lock only while every lock that it holds has a LOWER level (two
 * of the same level only through spin_lock_pair(), which orders them by address). Debug builds check it and
 * stop the machine. The table of levels in docs/locks.md follows this enum. Locks marked "irq" are also taken
 * in interrupt handlers: take them with spin_lock_irqsave() only.
 */
#ifndef HYP_LIB_SPINLOCK_H
#define HYP_LIB_SPINLOCK_H

#include "lib/types.h"

enum lock_level {
    LOCK_DOMCTL = 1, /* one toolstack operation at a time */
    LOCK_DOMAIN_LIST,
    LOCK_DOMAIN,      /* a domain's own fields */
    LOCK_GRANT_MAP,   /* maptrack of the mapping domain */
    LOCK_GRANT_TABLE, /* entries of the granting domain */
    LOCK_PT,          /* page-table updates of one domain (struct mm_owner.pt_lock) */
    LOCK_EVTCHN,      /* irq: ports of one domain */
    LOCK_PIRQ,        /* irq: a guest-bound interrupt line */
    LOCK_PAGE_ALLOC,  /* a domain's page list and counters */
    LOCK_HEAP,        /* frame allocator */
    LOCK_VMAP,
    LOCK_IRQ_DESC, /* irq: interrupt descriptors */
    LOCK_SCHED,    /* irq: run queues */
    LOCK_TIMER,    /* irq: timer queues */
    LOCK_HW,       /* irq: IO-APIC, PCI configuration and other hardware registers */
    LOCK_CONSOLE,  /* irq: innermost, printk works under every other lock */
};

struct spinlock {
    u16 next, serving;
    u8 level;
    u8 cpu_plus1; /* holder, 0 = free; debug builds only */
};

#define SPINLOCK_INIT(lvl) \
    {                      \
        .level = (lvl)     \
    }

static inline void spin_lock_init(struct spinlock *l, enum lock_level level)
{
    *l = (struct spinlock)SPINLOCK_INIT((u8)level);
}

void spin_lock(struct spinlock *l);
bool spin_trylock(struct spinlock *l);
void spin_unlock(struct spinlock *l);
/* Disables interrupts; returns the flags to give back. */
u64 spin_lock_irqsave(struct spinlock *l);
void spin_unlock_irqrestore(struct spinlock *l, u64 flags);
/* Two locks of the same level; a == b is allowed and takes it once. */
void spin_lock_pair(struct spinlock *a, struct spinlock *b);
void spin_unlock_pair(struct spinlock *a, struct spinlock *b);
/* True when this CPU holds the lock. For assertions: release builds do not know. */
bool spin_is_held(const struct spinlock *l);

/* Brackets of every interrupt handler for the checks: locks of the interrupted code do not count in it. */
u32 lock_check_irq_enter(void);
void lock_check_irq_exit(u32 held);

#endif
