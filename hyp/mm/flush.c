/* SPDX-License-Identifier: MIT */
/*
 * The flush clock.
 *
 * `clock` moves on only when a stamp has been handed out since it last moved, so that most CR3 loads just
 * read it. The rule that makes it right: a frame stamped S is clean on a CPU whose last flush carries a time
 * > S.
 *   - The stamping CPU has made its page-table store visible before it reads the clock (pte_exchange).
 *   - The flushing CPU reads (and moves) the clock before it flushes. If it read a value > S, the stamp S was
 * taken before that read, so the store was visible before the flush, and no entry that the flush left behind
 * can name the frame. Frames have room for the low half of a stamp only; it is taken for the latest moment
 * that ends in these bits, which is never too early.
 */
#include "mm/flush.h"
#include "cpu/percpu.h"
#include "cpu/smp.h"

static u64 flush_clock = 1;
static u64 last_stamp; /* the clock need not move unless this is its value */
static DEFINE_PER_CPU(u64, flush_time);

u32 flush_stamp(void)
{
    u64 now = READ_ONCE(flush_clock);
    if (READ_ONCE(last_stamp) != now)
        WRITE_ONCE(last_stamp, now);
    return (u32)now;
}

/* Both as the moment that ends in these bits and was last, as flush_filter() takes them. */
u32 flush_later(u32 a, u32 b)
{
    u32 now = (u32)READ_ONCE(flush_clock);

    return now - a < now - b ? a : b;
}

/* The time of a flush, read before it. What counts is written when it is done: until then others must not
 * take this CPU for clean. */
static u64 flush_begin(void)
{
    u64 now = READ_ONCE(flush_clock);

    if (READ_ONCE(last_stamp) == now)
        now = __atomic_add_fetch(&flush_clock, 1, __ATOMIC_SEQ_CST);
    return now;
}

void flush_local(void)
{
    u64 time = flush_begin();

    hw_flush_tlb();
    WRITE_ONCE(this_cpu(flush_time), time);
}

void flush_local_page(u64 va)
{
    hw_flush_page(va);
}

void load_cr3(u64 cr3)
{
    u64 time = flush_begin();

    hw_load_cr3(cr3);
    WRITE_ONCE(this_cpu(flush_time), time);
}

static void flush_on_cpu(void *arg)
{
    u64 va = *(const u64 *)arg;
    if (va == FLUSH_ALL_VA)
        flush_local();
    else
        flush_local_page(va);
}

void flush_cpus(const cpumask_t *mask, u64 va)
{
    unsigned self = this_cpu_id();
    cpumask_t others = *mask;

    for (size_t i = 0; i < ARRAY_SIZE(others.bits); i++)
        others.bits[i] &= READ_ONCE(cpu_online_mask.bits[i]);
    if (cpumask_test(&others, self)) {
        others.bits[self / 64] &= ~(1UL << (self % 64));
        flush_on_cpu(&va);
    }
    if (!cpumask_empty(&others))
        smp_call(&others, flush_on_cpu, &va);
}

void flush_filter(cpumask_t *mask, u32 stamp)
{
    u64 now = READ_ONCE(flush_clock), full_stamp = now - (u32)((u32)now - stamp);
    unsigned cpu;

    for_each_cpu (cpu, mask) {
        if (READ_ONCE(flush_time[cpu]) > full_stamp)
            mask->bits[cpu / 64] &= ~(1UL << (cpu % 64));
    }
}

void flush_stale(const cpumask_t *mask, u32 stamp)
{
    cpumask_t stale = *mask;

    flush_filter(&stale, stamp);
    if (!cpumask_empty(&stale))
        flush_cpus(&stale, FLUSH_ALL_VA);
}
