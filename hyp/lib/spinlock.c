/* SPDX-License-Identifier: MIT */
/*
 * Ticket locks, and in debug builds two checks against deadlock that need no deadlock to fire:
 *  - order: a CPU takes a lock only while all locks that it holds have a lower level;
 *  - interrupts: a level that was ever held in an interrupt handler is "irq"; one that was ever taken with
 * interrupts on is "interruptible". Waiting for an interruptible lock while holding an irq lock can close a
 * circle through another CPU's interrupt.
 */
#include "lib/spinlock.h"
#include "cpu/percpu.h"
#include "cpu/processor.h"
#include "lib/printk.h"

/* Release builds leave all of this out. */
static u32 held_levels[NR_CPUS];       /* bit per level */
static u8 in_irq[NR_CPUS];             /* nesting of interrupt handlers */
static u32 irq_levels, preempt_levels; /* see above */

static void check_take(const struct spinlock *l, bool ordered)
{
    if (!HYP_DEBUG)
        return;

    unsigned cpu = this_cpu_id();
    u32 held = held_levels[cpu], bit = 1u << l->level;

    if (l->cpu_plus1 == cpu + 1)
        panic("lock of level %u taken twice by CPU%u\n", l->level, cpu);
    if (ordered && held >> l->level)
        panic("lock order: level %u wanted while levels %#x are held by CPU%u\n", l->level, held, cpu);
    if (ordered && (held & READ_ONCE(irq_levels)) && (READ_ONCE(preempt_levels) & bit))
        panic("lock order: level %u is taken with interrupts on elsewhere; CPU%u holds irq levels %#x\n",
              l->level, cpu, held & irq_levels);
}

static void note_taken(struct spinlock *l)
{
    if (!HYP_DEBUG)
        return;

    unsigned cpu = this_cpu_id();
    u32 bit = 1u << l->level;

    l->cpu_plus1 = (u8)(cpu + 1);
    held_levels[cpu] |= bit;
    if (in_irq[cpu] && !(READ_ONCE(irq_levels) & bit))
        __atomic_fetch_or(&irq_levels, bit, __ATOMIC_RELAXED);
    if (local_irq_is_enabled() && !(READ_ONCE(preempt_levels) & bit))
        __atomic_fetch_or(&preempt_levels, bit, __ATOMIC_RELAXED);
}

static void note_released(struct spinlock *l)
{
    if (!HYP_DEBUG)
        return;
    ASSERT(spin_is_held(l));
    l->cpu_plus1 = 0;
    held_levels[this_cpu_id()] &= ~(1u << l->level);
}

u32 lock_check_irq_enter(void)
{
    if (!HYP_DEBUG)
        return 0;

    unsigned cpu = this_cpu_id();
    u32 held = held_levels[cpu];

    held_levels[cpu] = 0;
    in_irq[cpu]++;
    return held;
}

void lock_check_irq_exit(u32 held)
{
    if (!HYP_DEBUG)
        return;

    unsigned cpu = this_cpu_id();

    in_irq[cpu]--;
    held_levels[cpu] = held;
}
static void take(struct spinlock *l, bool ordered)
{
    check_take(l, ordered);
    u16 ticket = __atomic_fetch_add(&l->next, 1, __ATOMIC_RELAXED);
    while (__atomic_load_n(&l->serving, __ATOMIC_ACQUIRE) != ticket)
        cpu_relax();
    note_taken(l);
}

void spin_lock(struct spinlock *l)
{
    take(l, true);
}

bool spin_trylock(struct spinlock *l)
{
    u16 serving = __atomic_load_n(&l->serving, __ATOMIC_RELAXED), ticket = serving;

    if (!__atomic_compare_exchange_n(&l->next, &ticket, (u16)(serving + 1), false, __ATOMIC_ACQUIRE,
                                     __ATOMIC_RELAXED))
        return false;
    note_taken(l);
    return true;
}

void spin_unlock(struct spinlock *l)
{
    note_released(l);
    __atomic_store_n(&l->serving, (u16)(l->serving + 1), __ATOMIC_RELEASE);
}

u64 spin_lock_irqsave(struct spinlock *l)
{
    u64 flags = local_irq_save();

    spin_lock(l);
    return flags;
}

void spin_unlock_irqrestore(struct spinlock *l, u64 flags)
{
    spin_unlock(l);
    local_irq_restore(flags);
}

void spin_lock_pair(struct spinlock *a, struct spinlock *b)
{
    if (a == b) {
        spin_lock(a);
        return;
    }
    ASSERT(a->level == b->level);
    spin_lock(a < b ? a : b);
    take(a < b ? b : a, false);
}

void spin_unlock_pair(struct spinlock *a, struct spinlock *b)
{
    spin_unlock(a);
    if (a != b)
        spin_unlock(b);
}

bool spin_is_held(const struct spinlock *l)
{
    return READ_ONCE(l->cpu_plus1) == this_cpu_id() + 1;
}
