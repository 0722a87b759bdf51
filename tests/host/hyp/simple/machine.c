/* SPDX-License-Identifier: MIT */
/* CPU, locks, heap, messages. */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include "simple.h"
#include "cpu/percpu.h"
#include "cpu/processor.h"
#include "cpu/softirq.h"
#include "lib/printk.h"
#include "mm/alloc.h"

static _Thread_local struct cpu_info cpu_info;
static _Thread_local unsigned held_count[LOCK_CONSOLE + 1];
static _Thread_local bool irqs_off;

u32 softirq_pending[NR_CPUS];
long simple_allocs;
long simple_fail_alloc;

struct cpu_info *get_cpu_info(void)
{
    return &cpu_info;
}

void simple_enter(struct vcpu *v)
{
    current = v;
}

void panic(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    abort();
}

void printk(enum log_level level, const char *fmt, ...)
{
    (void)level, (void)fmt;
}

void gprintk(enum log_level level, const char *fmt, ...)
{
    (void)level, (void)fmt;
}

/* --- interrupts and locks --- */

u64 local_irq_save(void)
{
    bool was = irqs_off;

    irqs_off = true;
    return was;
}

void local_irq_restore(u64 flags)
{
    BUG_ON(!irqs_off);
    irqs_off = flags;
}

static bool irq_level(u8 level)
{
    return level == LOCK_EVTCHN || level == LOCK_PIRQ;
}

static void take(struct spinlock *l, bool ordered)
{
    BUG_ON(!l->level);
    for (unsigned i = l->level; ordered && i <= LOCK_CONSOLE; i++)
        BUG_ON(held_count[i]);
    BUG_ON(irq_level(l->level) && !irqs_off);
    BUG_ON(!irq_level(l->level) && irqs_off && l->level <= LOCK_HEAP);
    while (__atomic_exchange_n(&l->cpu_plus1, 1, __ATOMIC_ACQUIRE))
        sched_yield();
    held_count[l->level]++;
}

void spin_lock(struct spinlock *l)
{
    take(l, true);
}

void spin_unlock(struct spinlock *l)
{
    BUG_ON(!held_count[l->level]);
    held_count[l->level]--;
    __atomic_store_n(&l->cpu_plus1, 0, __ATOMIC_RELEASE);
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
    spin_lock(a < b ? a : b);
    if (a != b)
        take(a < b ? b : a, false);
}

void spin_unlock_pair(struct spinlock *a, struct spinlock *b)
{
    spin_unlock(a);
    if (a != b)
        spin_unlock(b);
}

unsigned simple_locks_held(void)
{
    unsigned n = 0;

    for (unsigned i = 0; i <= LOCK_CONSOLE; i++)
        n += held_count[i];
    return n + irqs_off;
}

/* --- heap --- */

void *hyp_zalloc(size_t size)
{
    BUG_ON(irqs_off); /* giving memory out may need other CPUs to flush */
    if (simple_fail_alloc && !--simple_fail_alloc)
        return NULL;
    __atomic_fetch_add(&simple_allocs, 1, __ATOMIC_RELAXED);
    return calloc(1, size);
}

void hyp_free(void *p)
{
    BUG_ON(p && irqs_off);
    if (p)
        __atomic_fetch_sub(&simple_allocs, 1, __ATOMIC_RELAXED);
    free(p);
}
