/* SPDX-License-Identifier: MIT */
/*
 * Mappings in the hypervisor's slots. Tables are only ever added, so a walk needs no lock; adding one does.
 */
#include "cpu/paging.h"
#include "cpu/features.h"
#include "lib/errno.h"
#include "lib/printk.h"
#include "lib/spinlock.h"
#include "lib/string.h"

#define LARGE_PAGES 512UL /* 4 KiB pages of a 2 MiB entry */

static struct spinlock lock = SPINLOCK_INIT(LOCK_VMAP);
static void *(*table_alloc)(void);
static void *spare_table; /* cleared; lost a race */
static u64 vmap_next = VMAP_BASE;
static const u64 vmap_end = VMAP_BASE + (1UL << 39);

paddr_t hyp_l4_paddr(void)
{
    return virt_to_paddr(hyp_l4);
}

void paging_set_table_alloc(void *(*alloc)(void))
{
    table_alloc = alloc;
}

static void *new_table(void)
{
    void *table;

    spin_lock(&lock);
    table = spare_table;
    spare_table = NULL;
    spin_unlock(&lock);
    if (!table && table_alloc) {
        table = table_alloc();
        if (table)
            memset(table, 0, PAGE_SIZE);
    }
    return table;
}

/* The table below *entry, made if need be; NULL: no memory, or a large page is there. */
static u64 *next_table(u64 *entry, bool create)
{
    u64 e = READ_ONCE(*entry);

    if (!(e & PTE_P)) {
        void *table = create ? new_table() : NULL;

        if (!table)
            return NULL;
        spin_lock(&lock);
        e = *entry;
        if (!(e & PTE_P)) {
            e = virt_to_paddr(table) | HYP_PTE_TABLE;
            WRITE_ONCE(*entry, e);
        } else {
            spare_table = table;
        }
        spin_unlock(&lock);
    }
    return e & PTE_PSE ? NULL : paddr_to_virt(e & PTE_MFN_MASK);
}

static u64 *l3_entry(u64 va)
{
    unsigned slot = pt_index(va, 4);

    BUG_ON(slot < HYP_L4_FIRST || slot > HYP_L4_LAST);
    return &hyp_l3[slot - HYP_L4_FIRST][pt_index(va, 3)];
}

static u64 *l2_entry(u64 va, bool create)
{
    u64 *l2 = next_table(l3_entry(va), create);

    return l2 ? &l2[pt_index(va, 2)] : NULL;
}

u64 *hyp_l1_entry(u64 va, bool create)
{
    u64 *l2e = l2_entry(va, create);
    u64 *l1 = l2e ? next_table(l2e, create) : NULL;

    return l1 ? &l1[pt_index(va, 1)] : NULL;
}

int hyp_map_pages(u64 va, mfn_t mfn, size_t n, u64 pte_flags)
{
    u64 *entry;

    for (size_t left = n, step; left; left -= step, va += step << PAGE_SHIFT, mfn.m += step) {
        bool large = !((va >> PAGE_SHIFT | mfn_x(mfn)) % LARGE_PAGES) && left >= LARGE_PAGES;

        entry = large ? l2_entry(va, true) : NULL;
        large = entry && !(*entry & PTE_P);
        if (!large)
            entry = hyp_l1_entry(va, true);
        if (!entry)
            return -ENOMEM;
        BUG_ON(*entry & PTE_P);
        WRITE_ONCE(*entry, pte_make(mfn, pte_flags | (large ? PTE_PSE : 0)));
        step = large ? LARGE_PAGES : 1;
    }
    return 0;
}

/* Address space of `n` pages, never given back; 0 when none is left. */
static u64 vmap_reserve(size_t n)
{
    u64 va = 0;

    spin_lock(&lock);
    if (n && n <= (vmap_end - vmap_next) >> PAGE_SHIFT) {
        va = vmap_next;
        vmap_next += n << PAGE_SHIFT;
    }
    spin_unlock(&lock);
    return va;
}

void *ioremap(paddr_t paddr, size_t size, u64 flags)
{
    size_t n = PFN_UP((paddr & ~PAGE_MASK) + size);
    u64 va;

    /* An address that the CPU does not have would fault with reserved bits at the first use. */
    if (paddr >> features.paddr_bits || (paddr + size - 1) >> features.paddr_bits)
        return NULL;
    va = vmap_reserve(n);
    if (!va || hyp_map_pages(va, paddr_to_mfn(paddr), n, flags))
        return NULL;
    return (void *)(va + (paddr & ~PAGE_MASK));
}
