/* SPDX-License-Identifier: MIT */
/* The frame allocator (buddy lists by order and address) and the small-object heap on top of it. */
#ifndef HYP_MM_ALLOC_H
#define HYP_MM_ALLOC_H

#include "mm/page.h"

#define MAX_ORDER 20

/*
 * Boot: builds frame table and machine-to-physical table and takes over memory from boot_alloc. After
 * paging_init(). Page tables of the hypervisor come from here afterwards.
 */
void mm_init(void);
/* First frame of the 2 MiB of M2P table that describe frames step * 2^18 ..; where no RAM is, of the last
 * piece before. MFN_NONE behind the end. */
mfn_t m2p_step_frame(u64 step);
/* Adds RAM frames [start, end) to the free lists; fits boot_free_ranges() and boot_free_modules(). */
void alloc_add_range(mfn_t start, mfn_t end);

/* 2^order contiguous frames for the hypervisor, in the direct map, not cleared; NULL when none. */
void *hyp_alloc_pages(unsigned order);
static inline void *hyp_alloc_page(void)
{
    return hyp_alloc_pages(0);
}
/* Cleared memory of any size up to a few MiB, 16-byte aligned (page-aligned from a page on); NULL when none.
 */
void *hyp_zalloc(size_t size);
void hyp_free(void *p); /* NULL is fine */
/* What the heap holds, by size of object, onto the console. */
void hyp_heap_dump(void);

#define ALLOC_NO_ACCOUNT 1u /* leave the frames without an owner */
#define ALLOC_OVER_MAX   2u /* do not check max_pages (dom0 building) */
#define ALLOC_NO_SCRUB   4u /* caller overwrites all of it */
/*
 * 2^order contiguous frames owned by `o`, each PGC_allocated | 1, type none, below 2^address_bits (0:
 * anywhere); contents cleared unless ALLOC_NO_SCRUB. The M2P entries say INVALID_M2P. NULL: no memory, over
 * max_pages or dying.
 */
struct page_info *alloc_domain_pages(struct mm_owner *o, unsigned order, unsigned address_bits,
                                     unsigned flags);
/* M2P entries of frames that o has just been given: left alone where it has released them meanwhile. */
void set_m2p_of(const struct mm_owner *o, mfn_t first, u64 n, u64 pfn);
/* Makes frames that ALLOC_NO_ACCOUNT gave `o`'s, as above. -EINVAL dying, -ENOMEM over max_pages; nothing
 * changed then. */
int assign_domain_pages(struct mm_owner *o, struct page_info *pg, unsigned order);
/* Gives back frames that ALLOC_NO_ACCOUNT gave. */
void free_unowned_pages(struct page_info *pg, unsigned order);
/* Drops the owner's own reference (PGC_allocated); the frame is freed when the last reference goes. False if
 * it was dropped already. */
bool release_domain_page(struct page_info *pg);

/*
 * Takes a frame of `o` out of use: it must have no reference but its owner's. While frozen nobody can get at
 * it; unfreeze_page() or free_frozen_page() must follow. -EINVAL: not o's frame, or in use.
 */
int freeze_page(struct mm_owner *o, mfn_t mfn);
void unfreeze_page(struct mm_owner *o, mfn_t mfn);
void free_frozen_page(mfn_t mfn);

u64 free_page_count(void);
u64 total_page_count(void); /* RAM frames of the machine that the allocator ever had */
u64 claimed_page_count(void);
/* Pages that claims keep back (XENMEM_claim_pages), beyond what the owner has; 0 drops the claim. 0, -ENOMEM,
 * -EINVAL. */
int claim_pages(struct mm_owner *o, u64 pages);

/* A cleared hypervisor page that `o` may map (shared_info, grant frames), writable unless `readonly`. One
 * reference is the hypervisor's until free_shared_page(). */
void *alloc_shared_page(struct mm_owner *o, bool readonly);
/* Gives up the hypervisor's reference; the frame goes when the guest's mappings are gone too. */
void free_shared_page(void *va);

#endif
