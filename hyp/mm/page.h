/* SPDX-License-Identifier: MIT */
/*
 * Frames: who owns them, how many references there are, and what they are used as.
 *
 * The invariant that isolation rests on: no domain ever has a writable mapping of a page table, a descriptor
 * page, or a frame that is not its own or granted to it. Each frame therefore has
 *   - a general reference count: every use at all (a mapping in any page table, a CR3, a pin, a grant, an
 * operation under way),
 *   - at most one type at a time and a count of the uses that need that type. The type changes only while its
 * count is zero. A type use always comes with a general reference. A frame is freed when the last general
 * reference goes.
 */
#ifndef HYP_MM_PAGE_H
#define HYP_MM_PAGE_H

#include "lib/bitops.h"
#include "lib/types.h"
#include "mm/owner.h"

/* type_info: type, flags, count. */
#define PGT_SHIFT     60
#define PGT_none      (0UL << PGT_SHIFT)
#define PGT_l1        (1UL << PGT_SHIFT)
#define PGT_l2        (2UL << PGT_SHIFT)
#define PGT_l3        (3UL << PGT_SHIFT)
#define PGT_l4        (4UL << PGT_SHIFT)
#define PGT_seg_desc  (5UL << PGT_SHIFT) /* GDT or LDT page */
#define PGT_writable  (6UL << PGT_SHIFT)
#define PGT_free      (15UL << PGT_SHIFT) /* head of a block on the allocator's lists; count is the order */
#define PGT_type_mask (15UL << PGT_SHIFT)
#define PGT_pinned    (1UL << 59) /* the owner holds one type use by PIN */
#define PGT_validated (1UL << 58) /* contents checked; entries' references are held */
#define PGT_partial                                                                         \
    (1UL << 57) /* (de)validation was preempted: entries [0, partial_index) hold references \
                 */
#define PGT_count_mask ((1UL << 48) - 1)

/* count_info: flags, count. */
#define PGC_allocated  (1UL << 63) /* the owner's own reference: gone when the owner releases the frame */
#define PGC_hyp        (1UL << 62) /* a hypervisor frame (shared with `owner` or private) */
#define PGC_foreign    (1UL << 60) /* somebody else than the owner had a writable mapping: flush wider */
#define PGC_count_mask ((1UL << 48) - 1)

struct page_info {
    u64 count_info;
    u64 type_info;
    u32 owner_id;   /* index in the owner table; 0 none. See page_owner() */
    u32 next, prev; /* frame numbers: list of the owner, or of the allocator while free */
    union {
        u32 tlb_stamp;     /* while the type count is 0 or the frame is free: flush clock at the last use */
        u32 partial_index; /* while PGT_partial */
    };
};

extern u64 max_mfn;     /* highest frame that has a struct page_info */
extern u64 *ram_bitmap; /* bit per frame: RAM, above the first MiB */

#ifdef HYP_HOST_TEST
extern struct page_info *frame_table;
extern u64 *m2p;
void *mfn_to_virt(mfn_t mfn);
mfn_t virt_to_mfn(const void *va);
#else
#define frame_table ((struct page_info *)FRAME_TABLE_BASE)
#define m2p         ((u64 *)M2P_RW_BASE)
/* Direct map; any RAM frame, at any time. */
static inline void *mfn_to_virt(mfn_t mfn)
{
    return (void *)(DIRECTMAP_BASE + mfn_to_paddr(mfn));
}
/* Of an address in the direct map or in the hypervisor's image. */
static inline mfn_t virt_to_mfn(const void *va)
{
    u64 v = (u64)va;
    return paddr_to_mfn(v >= DIRECTMAP_BASE ? v - DIRECTMAP_BASE : v - HYP_IMAGE_BASE);
}
#endif

/* RAM that the frame table covers. The first MiB counts as device memory. */
static inline bool mfn_valid(mfn_t mfn)
{
    return mfn_x(mfn) <= max_mfn && test_bit(ram_bitmap, mfn_x(mfn));
}
static inline struct page_info *mfn_to_page(mfn_t mfn)
{
    return &frame_table[mfn_x(mfn)];
}
static inline mfn_t page_to_mfn(const struct page_info *pg)
{
    return mfn_of((u64)(pg - frame_table));
}

struct mm_owner *page_owner(const struct page_info *pg); /* NULL: none */
/* owner_id of an owner's frames. */
static inline u32 owner_index(const struct mm_owner *o)
{
    return (u32)o->id + 1;
}
static inline bool page_owned_by(const struct page_info *pg, const struct mm_owner *o)
{
    return READ_ONCE(pg->owner_id) == owner_index(o);
}

/* A general reference if the frame is RAM of `owner`. */
bool __must_check get_page(struct page_info *pg, const struct mm_owner *owner);
/* The same by number: NULL when it is no RAM or not the owner's. */
struct page_info *get_page_mfn(mfn_t mfn, const struct mm_owner *owner);
void put_page(struct page_info *pg);
/*
 * Type use on top of a general reference that the caller holds. Validates when it is the first. `type` is one
 * PGT_ type. Table types need the owner's pt_lock held; PGT_seg_desc takes it itself; PGT_writable needs
 * none. 0; -EINVAL wrong type or contents; -ERESTART preempted (only if `preemptible`), nothing held, call
 * again.
 */
int __must_check get_page_type(struct page_info *pg, u64 type, bool preemptible);
/* Table types: owner's pt_lock held; a table that is taken apart preemptibly goes on pt_finish()'s list. */
void put_page_type(struct page_info *pg);
/* Both together. Not for table types. */
int __must_check get_page_and_type(struct page_info *pg, const struct mm_owner *owner, u64 type);
void put_page_and_type(struct page_info *pg);

#define INVALID_M2P (~0UL)
/* A reference is held, or nobody else can have the frame: it would be another domain's entry otherwise. */
static inline void set_m2p(mfn_t mfn, u64 pfn)
{
    WRITE_ONCE(m2p[mfn_x(mfn)], pfn);
}

#endif
