/* SPDX-License-Identifier: MIT */
#ifndef GUEST_MM_H
#define GUEST_MM_H

/*
 * Memory of a PV guest. The linear map puts pseudo-physical frame pfn at
 * GUEST_VIRT_BASE + (pfn << 12), for not quite the first GiB of the domain; it grows as pages are asked for.
 * The window is a separate range for frames that are not part of it (foreign, granted, MMIO).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xen/xen.h>

#define GUEST_VIRT_BASE 0xffffffff80200000ul /* as in guest/guest.lds */
#define WINDOW_BASE     0xffffffffc0000000ul
#define WINDOW_PAGES    8192u

#define PTE_P           0x001ul
#define PTE_W           0x002ul
#define PTE_U           0x004ul
#define PTE_PWT         0x008ul
#define PTE_PCD         0x010ul
#define PTE_A           0x020ul
#define PTE_D           0x040ul
#define PTE_PSE         0x080ul
#define PTE_G           0x100ul
#define PTE_NX          (1ul << 63)
#define PTE_ADDR        0x000ffffffffff000ul

/* Bits of an ordinary kernel mapping, and of an entry that names a table. */
#define PTE_RO      (PTE_P | PTE_A | PTE_U)
#define PTE_RW      (PTE_RO | PTE_W | PTE_D)
#define PTE_TABLE   (PTE_P | PTE_A | PTE_D | PTE_W | PTE_U)

#define INVALID_MFN (~0ul)

/* Reads the initial page tables and gives the pages behind the boot stack to the allocator. */
void mm_init(void);

/*
 * Tells in shared_info where the p2m list is: a toolstack looks for it before it asks for a suspend. In a new
 * domain again, since its page tables have other frames.
 */
void mm_publish_p2m(void);

/* Frames of this domain. pfn_to_mfn() is INVALID_MFN for a hole or beyond nr_pages. */
unsigned long pfn_to_mfn(unsigned long pfn);
unsigned long mfn_to_pfn(unsigned long mfn);

/* Replaces the p2m's entry, after the frame behind a pfn changed (balloon, exchange). */
void mm_set_p2m(unsigned long pfn, unsigned long mfn);

static inline void *pfn_to_virt(unsigned long pfn)
{
    return (void *)(GUEST_VIRT_BASE + (pfn << 12));
}

static inline unsigned long virt_to_pfn(const volatile void *va)
{
    return ((unsigned long)va - GUEST_VIRT_BASE) >> 12;
}

static inline unsigned long virt_to_mfn(const volatile void *va)
{
    return pfn_to_mfn(virt_to_pfn(va));
}

/* Machine address of a byte of the linear map. */
static inline uint64_t virt_to_maddr(const volatile void *va)
{
    return ((uint64_t)virt_to_mfn(va) << 12) | ((unsigned long)va & 0xfff);
}

static inline uint64_t make_pte(unsigned long mfn, uint64_t flags)
{
    return ((uint64_t)mfn << 12) | flags;
}

/*
 * 2^order contiguous zeroed pages of the linear map, aligned to their size; NULL when there are
 * none. Contiguous in pfn, not in mfn.
 */
void *page_alloc(unsigned order);
void page_free(void *va, unsigned order);
unsigned long pages_free(void);

/* Tables of the current kernel address space; level 1..4. NULL if a level above is not present. */
uint64_t *mm_entry(unsigned long va, unsigned level);
uint64_t *mm_root(void);

/* Machine address of that entry, 0 if there is none. */
uint64_t mm_entry_maddr(unsigned long va, unsigned level);

/* Changes the L1 entry of va and flushes it locally; returns the hypervisor's result. */
long mm_set_pte(unsigned long va, uint64_t pte);

/* Changes how a page of the linear map is mapped. */
long mm_readonly(void *va);
long mm_writable(void *va);

/* One entry by mmu_update. */
long mm_update_entry(uint64_t maddr, uint64_t value);

/* Makes n L1 entries exist from va on (tables come from page_alloc). False when out of memory. */
bool mm_build_tables(unsigned long va, unsigned long n);

/*
 * n pages of the window, with tables but nothing mapped; NULL when it is full. Single mappings may
 * then be set with mm_set_pte() or by grant operations.
 */
void *window_alloc(unsigned n);
void window_free(void *va, unsigned n);

/* Maps n frames of domain dom (DOMID_SELF: also MMIO, if permitted). NULL on failure. */
void *map_frames(const unsigned long *mfns, unsigned n, uint64_t flags, domid_t dom);
void unmap_frames(void *va, unsigned n);

#endif
