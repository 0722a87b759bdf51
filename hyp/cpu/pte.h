/* SPDX-License-Identifier: MIT */
/* Bits of x86-64 page-table entries, guests' and our own. */
#ifndef HYP_CPU_PTE_H
#define HYP_CPU_PTE_H

#include "lib/types.h"

#define PTE_P            (1UL << 0)
#define PTE_RW           (1UL << 1)
#define PTE_US           (1UL << 2)
#define PTE_PWT          (1UL << 3)
#define PTE_PCD          (1UL << 4)
#define PTE_A            (1UL << 5)
#define PTE_D            (1UL << 6)
#define PTE_PSE          (1UL << 7)
#define PTE_PAT          (1UL << 7)
#define PTE_G            (1UL << 8)
#define PTE_AVAIL        (7UL << 9)
#define PTE_GUEST_KERNEL (1UL << 52) /* software: the guest had no U bit; docs/page-types.md */
#define PTE_NX           (1UL << 63)
#define PTE_MFN_MASK     0x000ffffffffff000UL
#define PTE_CACHE        (PTE_PWT | PTE_PCD | PTE_PAT)

/* Entries of the hypervisor's own tables: present, accessed and dirty from the start, so that no CPU ever
 * writes to them. */
#define HYP_PTE_TABLE (PTE_P | PTE_RW | PTE_US | PTE_A)
#define HYP_PTE_RO    (PTE_P | PTE_A | PTE_D | PTE_G | PTE_NX)
#define HYP_PTE_RW    (HYP_PTE_RO | PTE_RW)
#define HYP_PTE_RX    (PTE_P | PTE_A | PTE_D | PTE_G)
#define HYP_PTE_UC    (HYP_PTE_RW | PTE_PCD | PTE_PWT) /* device registers; with HYP_PAT */

static inline mfn_t pte_mfn(u64 pte)
{
    return mfn_of((pte & PTE_MFN_MASK) >> PAGE_SHIFT);
}
static inline u64 pte_make(mfn_t mfn, u64 flags)
{
    return (mfn_x(mfn) << PAGE_SHIFT) | flags;
}
static inline unsigned pt_index(u64 va, unsigned level /* 1..4 */)
{
    return (unsigned)(va >> (12 + 9 * (level - 1))) & 511;
}

#endif
