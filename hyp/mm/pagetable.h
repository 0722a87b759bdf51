/* SPDX-License-Identifier: MIT */
/*
 * Guest page tables: the only code that changes them. All functions take the owner of the tables (`pt`) and lock its pt_lock themselves
 * unless they say otherwise.
 */
#ifndef HYP_MM_PAGETABLE_H
#define HYP_MM_PAGETABLE_H

#include "cpu/pte.h"
#include "mm/page.h"

/* One entry, as mmu_update type 0 / 2 (preserve_ad): `ptr` is the entry's machine address (8-byte aligned). `foreign` owns the frames that a new L1 entry may map (== pt usually).
 * `active_l4`: the L4 now loaded for this owner on this CPU or MFN_NONE (its own updates of hypervisor slots are refused). 0, -EINVAL, -EPERM, -EBUSY..., -ERESTART. */
int pt_update_entry(struct mm_owner *pt, struct mm_owner *foreign, paddr_t ptr, u64 val, bool preserve_ad);
/* update_va_mapping: the L1 entry that maps `va` under `l4`. */
int pt_update_va(struct mm_owner *pt, struct mm_owner *foreign, mfn_t l4, u64 va, u64 val);
/* A write by an emulated instruction to the L1 entry at `ptr`: `bytes` (1,2,4,8) at ptr; when `expected` is not NULL it is a compare-exchange: stores only if the old value equals *expected, and
 * returns the old one there (*success says whether). -EINVAL when the frame is not an L1 table of `pt`. */
int pt_emulated_write(struct mm_owner *pt, paddr_t ptr, u64 val, unsigned bytes, u64 *expected, bool *success);

struct pt_walk {
    u64 l1e;           /* 0 when no L1 table is there */
    paddr_t l1e_paddr; /* where it is */
    bool present;      /* whole path and entry present */
    bool writable;     /* whole path */
};
/* Software walk of guest tables by frame number, no lock: a hint unless the caller holds pt_lock. */
void pt_lookup(mfn_t l4, u64 va, struct pt_walk *w);

/* Pins, roots. */
int pt_pin(struct mm_owner *pt, mfn_t mfn, u64 type); /* 0, -EINVAL, -ERESTART */
int pt_unpin(struct mm_owner *pt, mfn_t mfn);         /* 0, -EINVAL, -ERESTART */
/* References for use as a vCPU's root: the frame must be or become a validated L4 of the owner. */
int pt_get_root(struct mm_owner *pt, mfn_t l4);
int pt_put_root(mfn_t l4); /* 0 or -ERESTART (call again) */
/* Writes the hypervisor's sixteen entries into an L4 frame. */
void pt_install_hyp_slots(u64 *l4);

/* Grant mappings: the frame belongs to `granter`; the entry holds its own references like any other L1 entry. For a frame that is no longer mapped there: -EINVAL (nothing changed). */
int pt_grant_map_va(struct mm_owner *pt, struct mm_owner *granter, mfn_t l4, u64 va, mfn_t frame, u64 flags);
int pt_grant_map_pte(struct mm_owner *pt, struct mm_owner *granter, paddr_t pte, mfn_t frame, u64 flags);
int pt_grant_unmap_va(struct mm_owner *pt, mfn_t l4, u64 va, mfn_t frame);
int pt_grant_unmap_pte(struct mm_owner *pt, paddr_t pte, mfn_t frame);
/* As GNTTABOP_unmap_and_replace: new_va's entry moves to va. */
int pt_grant_replace_va(struct mm_owner *pt, mfn_t l4, u64 va, u64 new_va, mfn_t frame);

/* Descriptors: makes an 8-byte descriptor safe to load (DPL 3, no gates, no system segments) or -EINVAL. */
int desc_check(u64 *desc);
/* As HYPERVISOR_update_descriptor. */
int desc_update(struct mm_owner *o, paddr_t addr, u64 desc);

/* The whole of a dying owner: tables devalidated, pins dropped, frames released. 0 or -ERESTART. vCPUs' roots must be gone. */
int mm_relinquish(struct mm_owner *o);

/* Recounts every reference and type of the machine from the tables alone and compares. Debug builds and tests. 0 or the number of differences, each printed. */
u64 mm_audit(void);

#endif
