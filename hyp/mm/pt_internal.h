/* SPDX-License-Identifier: MIT */
/* Inside the memory room: page types and entries. Everything here wants pt_lock of the tables' owner. */
#ifndef HYP_MM_PT_INTERNAL_H
#define HYP_MM_PT_INTERNAL_H

#include "lib/errno.h"
#include "lib/printk.h"
#include "mm/pagetable.h"

#define PGT_LEVEL(level) ((u64)(level) << PGT_SHIFT) /* PGT_l1 .. PGT_l4 */
static inline unsigned type_level(u64 type_info)
{
    return (unsigned)(type_info >> PGT_SHIFT); /* 1..4 for tables */
}
static inline bool type_is_table(u64 type)
{
    return type >= PGT_l1 && type < PGT_seg_desc;
}

static inline bool cmpxchg_u64(u64 *p, u64 *old, u64 new)
{
    return __atomic_compare_exchange_n(p, old, new, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

/* --- page.c --- */
/* First use of a new type (count 0 -> 1), after flushing CPUs that could still use the frame as what it was.
 * False: the frame is in use otherwise. */
bool type_claim(struct page_info *pg, u64 type);
bool type_get_writable(struct page_info *pg);
void type_put_simple(struct page_info *pg);

/* --- type_l1.c --- */
extern u64 l1_disallow_mask; /* bits that a present L1 entry may not have; cache attributes are extra */
extern u64 upper_disallow_mask;
void pt_masks_init(unsigned paddr_bits, bool nx);

/* A present entry as we store it: user bit forced (what the guest had is kept in PTE_GUEST_KERNEL), never
 * global. */
static inline u64 l1e_adjust(u64 e)
{
    e &= ~PTE_G;
    if (!(e & PTE_US))
        e |= PTE_US | PTE_GUEST_KERNEL;
    return e;
}
/* References of a present, adjusted entry; may change cache attributes in *e. 0, -EINVAL, -EPERM, -EBUSY. */
int l1e_get(u64 *e, struct mm_owner *pt, struct mm_owner *foreign);
/* Gives back what an entry holds; nothing for one that is not present. */
void l1e_put(u64 e);
int l1_validate(struct page_info *pg, struct mm_owner *o);
void l1_devalidate(struct page_info *pg);

/* --- validate.c --- */
/* A use of a table type. 0, -EINVAL, -ERESTART. */
int table_get(struct page_info *pg, struct mm_owner *o, u64 type, bool preemptible);
/* Gives a use back. What could not be taken apart in time goes to the unfinished list. */
void table_put(struct page_info *pg, struct mm_owner *o);
/* Goes on taking apart a partial table until done or, if preemptible, -ERESTART. */
int table_put_partial(struct page_info *pg, struct mm_owner *o, bool preemptible);
/* A present entry of a table above L1: references to the lower table. */
int upper_get(u64 e, struct mm_owner *o, unsigned level, bool preemptible);
void upper_put(u64 e, struct mm_owner *o);
static inline u64 upper_adjust(u64 e)
{
    return e | PTE_US;
}
static inline bool l4_slot_is_hyp(unsigned level, unsigned index)
{
    return level == 4 && index >= HYP_L4_FIRST && index <= HYP_L4_LAST;
}

/* --- pagetable.c --- */
/* The L1 entry that maps va under a root in use; NULL: none, or the address is the hypervisor's. */
u64 *pt_l1_entry_locked(mfn_t l4, u64 va);
/* Sets an entry of a validated L1 table of pt. */
int pt_set_l1_locked(struct mm_owner *pt, struct mm_owner *foreign, u64 *p, u64 val);

/* --- entry stores --- */
/* Replaces an entry; A and D that the CPU sets meanwhile are kept if asked. Returns what was there at that
 * moment. Serialising, so that a flush-clock stamp taken afterwards is later than the store. */
static inline u64 pte_exchange(u64 *p, u64 new, bool preserve_ad)
{
    if (!preserve_ad)
        return __atomic_exchange_n(p, new, __ATOMIC_SEQ_CST);
    u64 old = READ_ONCE(*p);
    while (!cmpxchg_u64(p, &old, new | (old & (PTE_A | PTE_D))))
        ;
    return old;
}

/* Time to stop a long operation. */
bool mm_preempt_needed(void);

#endif
