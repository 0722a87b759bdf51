/* SPDX-License-Identifier: MIT */
/*
 * TLB flushes and the flush clock. A frame whose last writable or page-table use goes is stamped with the
 * clock; before a use that would trust that no stale translation is left (new type, new owner), CPUs that
 * have not flushed since are flushed.
 */
#ifndef HYP_MM_FLUSH_H
#define HYP_MM_FLUSH_H

#include "cpu/processor.h"
#include "lib/bitops.h"
#include "mm/owner.h"

#define FLUSH_ALL_VA (~0UL)

/* Non-global entries of this CPU, by CR3 load; counts as a flush for the clock. */
void flush_local(void);
void flush_local_page(u64 va);
/* Flush `va` (or everything) on the CPUs of the mask; returns when done. Interrupts must be on if other CPUs
 * are named. */
void flush_cpus(const cpumask_t *mask, u64 va);
/* Loads a root and counts the flush: the only place that writes CR3 once the machine runs. */
void load_cr3(u64 cr3);
/* Stamp for a frame that lost its last use now. The store that took the use away must be globally visible. */
u32 flush_stamp(void);
/* The one of two stamps that asks for more. */
u32 flush_later(u32 a, u32 b);
/* Takes those out of `mask` that have flushed since `stamp`. */
void flush_filter(cpumask_t *mask, u32 stamp);
/* Flushes those of `mask` that have not flushed since `stamp`. */
void flush_stale(const cpumask_t *mask, u32 stamp);

/* The instructions, or the fake machine of the host tests. */
#ifdef HYP_HOST_TEST
void hw_flush_tlb(void);
void hw_flush_page(u64 va);
void hw_load_cr3(u64 cr3);
#else
static inline void hw_flush_tlb(void)
{
    write_cr3(read_cr3());
}
static inline void hw_flush_page(u64 va)
{
    invlpg(va);
}
static inline void hw_load_cr3(u64 cr3)
{
    write_cr3(cr3);
}
#endif

#endif
