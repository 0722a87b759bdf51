/* SPDX-License-Identifier: MIT */
/*
 * A machine for the memory room: some RAM with frame table and M2P, CPUs that the test switches between, each
 * with a TLB that keeps translations until the code under test flushes it, and preemption on demand.
 */
#ifndef FAKE_H
#define FAKE_H

#include "lib/bitops.h"
#include "mm/pagetable.h"

#define FAKE_FRAMES 2048 /* RAM; frame numbers from 1 on. The last 16 are a hole. */
#define FAKE_HOLE   (FAKE_FRAMES - 16)
#define FAKE_CPUS   4
#define FAKE_MMIO   0xfebc0UL /* a device frame; the one behind it is denied to everybody */

/* Fresh machine: all RAM free, no owners but the pseudo ones. Call before each test. */
void fake_reset(void);
/* The CPU that runs the code under test. */
void fake_set_cpu(unsigned cpu);
/* The n-th question from now whether to stop a long operation, and each n-th after it, says yes; 0: never. */
void fake_preempt_every(unsigned n);
/* pt_update_entry_locked() with the lock around it. */
int pt_update_entry(struct mm_owner *pt, struct mm_owner *foreign, paddr_t ptr, u64 val, bool preserve_ad);
/* The owner whose last frame went last. */
extern struct mm_owner *fake_drained;
/* Lines that printk() got, and whether to show them. */
extern unsigned fake_messages;
extern bool fake_verbose;

/* --- TLB --- */
/* What a CPU remembers: a leaf (level 0) or that it walked through a table of this level. */
struct fake_tlb_entry {
    u64 mfn;
    u8 level;
    bool writable;
};
/* The CPU walks `root` for va as hardware does and remembers all that it used. */
void fake_tlb_walk(unsigned cpu, mfn_t root, u64 va);
/* Number of remembered things that break isolation now: a writable leaf of a table or descriptor page, a
 * table that is writable. Each is printed. */
unsigned fake_tlb_violations(void);
/* True when some CPU remembers anything about the frame. */
bool fake_tlb_knows(mfn_t mfn);
extern unsigned fake_flushes;

#endif
