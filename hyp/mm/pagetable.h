/* SPDX-License-Identifier: MIT */
/*
 * Guest page tables: the only code that changes them. All functions take the owner of the tables (`pt`) and
 * lock its pt_lock themselves unless they say otherwise (those named _locked want it held).
 */
#ifndef HYP_MM_PAGETABLE_H
#define HYP_MM_PAGETABLE_H

#include "cpu/pte.h"
#include "mm/page.h"

/*
 * One entry, as mmu_update types 0 and 2 (preserve_ad): `ptr` is the entry's machine address (8-byte
 * aligned). `foreign` owns the frames that a new L1 entry may map: pt itself, another owner that the caller
 * has privilege over, mm_owner_xen, or mm_owner_io. A frame that is no page table of pt but its own gets a
 * plain store. 0; -EINVAL: not pt's frame, bad flags, bad table; -EPERM: device frame not allowed; -EBUSY:
 * the frame cannot be mapped that way; -ERESTART: validation of a new subtree was preempted, call again.
 */
int pt_update_entry_locked(struct mm_owner *pt, struct mm_owner *foreign, paddr_t ptr, u64 val,
                           bool preserve_ad);
/* update_va_mapping: the L1 entry that maps `va` under `l4` (a root of pt in use). */
int pt_update_va(struct mm_owner *pt, struct mm_owner *foreign, mfn_t l4, u64 va, u64 val);
/*
 * A write by an emulated instruction to the L1 entry at `ptr`: `bytes` (1,2,4,8; naturally aligned) at ptr.
 * When `expected` is not NULL it is a compare-exchange: stores only if the old value equals *expected, and
 * returns the old one there (*success says whether). -EINVAL when the frame is not an L1 table of `pt`, or as
 * above.
 */
int pt_emulated_write(struct mm_owner *pt, paddr_t ptr, u64 val, unsigned bytes, u64 *expected,
                      bool *success);

struct pt_walk {
    u64 l1e;           /* 0 when no L1 table is there */
    paddr_t l1e_paddr; /* where it is; 0 when no L1 table is there */
    bool present;      /* whole path and entry present */
    bool writable;     /* whole path */
};
/* Software walk of guest tables by frame number, no lock: a hint unless the caller holds pt_lock. */
void pt_lookup(mfn_t l4, u64 va, struct pt_walk *w);
/* True when the frame is an L1 table of `pt` now (cheap: for #PF before decoding). */
static inline bool pt_is_l1_table(const struct mm_owner *pt, mfn_t mfn)
{
    return mfn_valid(mfn) && page_owned_by(mfn_to_page(mfn), pt) &&
           (READ_ONCE(mfn_to_page(mfn)->type_info) & (PGT_type_mask | PGT_validated)) ==
               (PGT_l1 | PGT_validated);
}

/* Pins, roots. */
int pt_pin(struct mm_owner *pt, mfn_t mfn, u64 type); /* 0, -EINVAL, -ERESTART */
int pt_unpin(struct mm_owner *pt, mfn_t mfn);         /* 0, -EINVAL */
/* A reference for use as a vCPU's root: the frame must be or become a validated L4 of the owner. 0, -EINVAL,
 * -ERESTART. */
int pt_get_root(struct mm_owner *pt, mfn_t l4);
/* A long devalidation is left to pt_finish(). */
void pt_put_root(mfn_t l4);
/*
 * Dropping a table's last use takes its tree apart, preemptibly: what is left over is on a list of its owner.
 * Every hypercall that changes tables first calls pt_finish(), and stops for a continuation when
 * pt_unfinished() says so after an operation, so that the guest sees the tables' types gone. 0 or -ERESTART.
 */
int pt_finish(struct mm_owner *pt);
static inline bool pt_unfinished(const struct mm_owner *pt)
{
    return unlikely(READ_ONCE(pt->nr_unfinished) != 0);
}
/* Writes the hypervisor's sixteen entries into an L4 frame. */
void pt_install_hyp_slots(u64 *l4);

/*
 * Grant mappings: the frame belongs to `granter`; the entry holds its own references like any other L1 entry,
 * on top of what the caller holds. `flags` are PTE bits (PTE_P | PTE_RW ...). Unmapping gives -EINVAL when
 * the frame is no longer mapped there (nothing changed), else 0 or PT_GRANT_USED: the entry has its accessed
 * bit, so that a TLB may have it. No flush is done. Without the bit no CPU has used the entry, unless its
 * owner has cleared the bit.
 */
#define PT_GRANT_USED 1
int pt_grant_map_va(struct mm_owner *pt, struct mm_owner *granter, mfn_t l4, u64 va, mfn_t frame, u64 flags);
int pt_grant_map_pte(struct mm_owner *pt, struct mm_owner *granter, paddr_t pte, mfn_t frame, u64 flags);
int pt_grant_unmap_va(struct mm_owner *pt, mfn_t l4, u64 va, mfn_t frame);
int pt_grant_unmap_pte(struct mm_owner *pt, paddr_t pte, mfn_t frame);
/* As GNTTABOP_unmap_and_replace: new_va's entry moves to va, new_va's becomes 0. */
int pt_grant_replace_va(struct mm_owner *pt, mfn_t l4, u64 va, u64 new_va, mfn_t frame);

/* Descriptors: makes an 8-byte descriptor safe to load (DPL 3, no gates, no system segments) or -EINVAL. */
int desc_check(u64 *desc);
/* As HYPERVISOR_update_descriptor: 0 or -EINVAL. */
int desc_update(struct mm_owner *o, paddr_t addr, u64 desc);

/* The whole of a dying owner: tables devalidated, pins dropped, frames released. 0 or -ERESTART. vCPUs'
 * roots, descriptor tables and grants must be gone. */
int mm_relinquish(struct mm_owner *o);

/*
 * Recounts every reference and type of the machine from the tables alone and compares. Debug builds and
 * tests, while nothing else runs. 0 or the number of differences, each printed; -1UL when there is no memory
 * for it.
 */
u64 mm_audit(void);
/* Rooms that hold references outside of page tables register a function that reports each by
 * mm_audit_add_ref(). */
void mm_audit_register(void (*report)(void));
/* One general reference on the frame and, unless PGT_none, one use of that type. */
void mm_audit_add_ref(mfn_t mfn, u64 type);

#endif
