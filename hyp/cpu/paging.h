/* SPDX-License-Identifier: MIT */
/*
 * The hypervisor's own page tables: sixteen L4 slots that every root carries. All sixteen L3 tables are part
 * of the image, so a copy of the sixteen L4 entries stays valid for ever, whatever is mapped below them
 * later.
 */
#ifndef HYP_CPU_PAGING_H
#define HYP_CPU_PAGING_H

#include "cpu/pte.h"
#include "lib/types.h"

/* The idle CPU's root: only slots HYP_L4_FIRST..HYP_L4_LAST are set. Copy these sixteen into every guest L4.
 */
extern u64 hyp_l4[512];
paddr_t hyp_l4_paddr(void);

/* The L3 tables of slots HYP_L4_FIRST..HYP_L4_LAST. */
extern u64 hyp_l3[HYP_L4_LAST - HYP_L4_FIRST + 1][512];
/* Identity map of the first 4 GiB, for the moment in which a CPU turns paging on. */
extern u64 boot_identity_l3[512];

/* Where frames for page tables come from; set again when the frame allocator takes over from
 * boot_alloc_pages(). It must return a frame in the direct map, cleared or not; NULL: none. */
void paging_set_table_alloc(void *(*alloc)(void));

/*
 * Maps `n` frames from `mfn` on at `va` (hypervisor slots only; not the direct map) with the given flags
 * (HYP_PTE_RW ...). Takes 2 MiB entries where va, mfn and n allow it. Overwriting a present entry is a bug. 0
 * or -ENOMEM (then a part may be mapped: nobody else will ask for that address).
 */
int __must_check hyp_map_pages(u64 va, mfn_t mfn, size_t n, u64 pte_flags);
/*
 * The L1 entry for `va`, for callers that write entries themselves (descriptor windows). NULL: no L1 table
 * there and `create` is false, or no memory, or a 2 MiB mapping covers it.
 */
u64 *hyp_l1_entry(u64 va, bool create);

/* Device registers or firmware tables at a machine address, in the VMAP slot, for ever; `flags` as
 * HYP_PTE_UC. The result keeps the offset in the page. NULL when address space or memory is exhausted. */
void *ioremap(paddr_t paddr, size_t size, u64 flags);

/* Address in the direct map; only RAM frames are there. */
static inline void *paddr_to_virt(paddr_t p)
{
    return (void *)(DIRECTMAP_BASE + p);
}
/* Of an address in the direct map or in the image. */
static inline paddr_t virt_to_paddr(const void *va)
{
    u64 v = (u64)va;
    return v >= DIRECTMAP_BASE ? v - DIRECTMAP_BASE : v - HYP_IMAGE_BASE;
}

#endif
