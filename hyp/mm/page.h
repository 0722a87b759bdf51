/* SPDX-License-Identifier: MIT */
/*
 * Frames: who owns them, how many references there are, and what they are used as.
 *
 * The invariant that isolation rests on: no domain ever has a writable mapping of a page table, a descriptor page, or a frame that
 * is not its own or granted to it. Each frame therefore has
 *   - a general reference count: every use at all (a mapping in any page table, a CR3, a pin, a grant, an operation under way),
 *   - at most one type at a time and a count of the uses that need that type. The type changes only while its count is zero.
 * A type use always comes with a general reference. A frame is freed when the last general reference goes.
 */
#ifndef HYP_MM_PAGE_H
#define HYP_MM_PAGE_H

#include "lib/types.h"
#include "mm/owner.h"

/* type_info: type, flags, count. */
#define PGT_SHIFT      60
#define PGT_none       (0UL << PGT_SHIFT)
#define PGT_l1         (1UL << PGT_SHIFT)
#define PGT_l2         (2UL << PGT_SHIFT)
#define PGT_l3         (3UL << PGT_SHIFT)
#define PGT_l4         (4UL << PGT_SHIFT)
#define PGT_seg_desc   (5UL << PGT_SHIFT) /* GDT or LDT page */
#define PGT_writable   (6UL << PGT_SHIFT)
#define PGT_type_mask  (15UL << PGT_SHIFT)
#define PGT_pinned     (1UL << 59) /* the owner holds one type use by PIN */
#define PGT_validated  (1UL << 58) /* contents checked; entries' references are held */
#define PGT_partial    (1UL << 57) /* (de)validation was preempted; how far: page_info.partial_* */
#define PGT_count_mask ((1UL << 48) - 1)

/* count_info: flags, count. */
#define PGC_allocated  (1UL << 63) /* the owner's own reference: gone when the owner releases the frame */
#define PGC_hyp        (1UL << 62) /* a hypervisor frame (shared with `owner` or private) */
#define PGC_broken     (1UL << 61)
#define PGC_count_mask ((1UL << 48) - 1)

#define PAGE_LIST_NONE 0xffffffffu

struct page_info {
    u64 count_info;
    u64 type_info;
    u32 owner_id; /* index in the owner table; 0 none. See page_owner() */
    u32 next, prev; /* frame numbers: list of the owner, or of the allocator while free */
    union {
        u32 tlb_stamp; /* while the type count is 0 or the frame is free: flush clock at the last use */
        struct {
            u16 partial_index; /* entries done, while PGT_partial */
            u16 partial_flags;
        };
    };
};

extern struct page_info *frame_table; /* FRAME_TABLE_BASE in the hypervisor, an array in host tests */
extern u64 max_mfn;                   /* highest frame that has a struct page_info */
extern u64 *m2p;                      /* M2P_RW_BASE */

bool mfn_valid(mfn_t mfn); /* RAM that the frame table covers */
static inline struct page_info *mfn_to_page(mfn_t mfn)
{
    return &frame_table[mfn_x(mfn)];
}
static inline mfn_t page_to_mfn(const struct page_info *pg)
{
    return mfn_of((u64)(pg - frame_table));
}
/* Direct map; any RAM frame, at any time. */
void *mfn_to_virt(mfn_t mfn);
mfn_t virt_to_mfn(const void *va); /* direct map or hypervisor image */

struct mm_owner *page_owner(const struct page_info *pg); /* NULL: none */

/* A general reference if the frame is RAM of `owner`. */
bool __must_check get_page(struct page_info *pg, const struct mm_owner *owner);
void put_page(struct page_info *pg);
/* Type use on top of a general reference that the caller holds. Validates when it is the first. `type` is one PGT_ type.
 * 0; -EINVAL wrong type or contents; -ERESTART preempted (only if `preemptible`), nothing held, call again. */
int __must_check get_page_type(struct page_info *pg, u64 type, bool preemptible);
void put_page_type(struct page_info *pg);
int put_page_type_preemptible(struct page_info *pg); /* 0 or -ERESTART */
/* Both together. */
int __must_check get_page_and_type(struct page_info *pg, const struct mm_owner *owner, u64 type);
void put_page_and_type(struct page_info *pg);

#define INVALID_M2P (~0UL)
static inline void set_m2p(mfn_t mfn, u64 pfn)
{
    WRITE_ONCE(m2p[mfn_x(mfn)], pfn);
}
static inline u64 get_m2p(mfn_t mfn)
{
    return READ_ONCE(m2p[mfn_x(mfn)]);
}

#endif
