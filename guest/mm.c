/* SPDX-License-Identifier: MIT */
/*
 * Page tables: reading them through the linear map, changing them by hypercall, and the window
 * for frames that are not the domain's own memory.
 */
#include "guest/guest.h"
#include "guest/mm.h"
#include "guest/mm_internal.h"
#include "guest/spinlock.h"

static struct spinlock window_lock;
static uint64_t window_used[WINDOW_PAGES / 64];

unsigned long pfn_to_mfn(unsigned long pfn)
{
    const unsigned long *p2m = (const unsigned long *)start_info->mfn_list;

    return pfn < start_info->nr_pages ? p2m[pfn] : INVALID_MFN;
}

unsigned long mfn_to_pfn(unsigned long mfn)
{
    return machine_to_phys_mapping[mfn];
}

void mm_set_p2m(unsigned long pfn, unsigned long mfn)
{
    unsigned long *p2m = (unsigned long *)start_info->mfn_list;

    if (pfn < start_info->nr_pages)
        p2m[pfn] = mfn;
}

uint64_t *mm_root(void)
{
    return (uint64_t *)start_info->pt_base;
}

void mm_publish_p2m(void)
{
    shared_info->arch.max_pfn = start_info->nr_pages;
    shared_info->arch.p2m_vaddr = start_info->mfn_list;
    shared_info->arch.p2m_cr3 = xen_pfn_to_cr3(virt_to_mfn(mm_root()));
}

static unsigned index_at(unsigned long va, unsigned level)
{
    return (va >> (12 + 9 * (level - 1))) & 511;
}

uint64_t *mm_entry(unsigned long va, unsigned level)
{
    uint64_t *table = mm_root();

    for (unsigned l = 4; l > level; l--) {
        uint64_t e = table[index_at(va, l)];

        if (!(e & PTE_P) || (e & PTE_PSE))
            return NULL;
        table = pfn_to_virt(mfn_to_pfn((e & PTE_ADDR) >> 12));
    }
    return &table[index_at(va, level)];
}

uint64_t mm_entry_maddr(unsigned long va, unsigned level)
{
    const uint64_t *e = mm_entry(va, level);

    return e ? virt_to_maddr(e) : 0;
}

long mm_update_entry(uint64_t maddr, uint64_t value)
{
    struct mmu_update req = {.ptr = maddr | MMU_NORMAL_PT_UPDATE, .val = value};

    return hv_mmu_update(&req, 1, NULL, DOMID_SELF);
}

long mm_set_pte(unsigned long va, uint64_t pte)
{
    return hv_update_va_mapping(va, pte, UVMF_INVLPG | UVMF_ALL);
}

long mm_readonly(void *va)
{
    return mm_set_pte((unsigned long)va, make_pte(virt_to_mfn(va), PTE_RO));
}

long mm_writable(void *va)
{
    return mm_set_pte((unsigned long)va, make_pte(virt_to_mfn(va), PTE_RW));
}

bool mm_install_table(unsigned long va, unsigned level, void *table)
{
    uint64_t maddr = mm_entry_maddr(va, level);

    if (!maddr || mm_readonly(table))
        return false;
    if (mm_update_entry(maddr, make_pte(virt_to_mfn(table), PTE_TABLE))) {
        mm_writable(table);
        return false;
    }
    return true;
}

bool mm_build_tables(unsigned long va, unsigned long n)
{
    unsigned long end = va + n * PAGE_SIZE;

    for (va &= ~(PAGE_SIZE - 1); va < end; va += PAGE_SIZE) {
        for (unsigned level = 4; level > 1; level--) {
            void *table;

            if (*mm_entry(va, level) & PTE_P)
                continue;
            table = page_alloc(0);
            if (!table)
                return false;
            if (!mm_install_table(va, level, table)) {
                page_free(table, 0);
                return false;
            }
        }
    }
    return true;
}

static bool window_is_used(unsigned i)
{
    return window_used[i / 64] >> (i % 64) & 1;
}

static void window_mark(unsigned first, unsigned n, bool used)
{
    for (unsigned i = first; i < first + n; i++) {
        if (used)
            window_used[i / 64] |= 1ul << (i % 64);
        else
            window_used[i / 64] &= ~(1ul << (i % 64));
    }
}

static int window_find(unsigned n)
{
    unsigned run = 0;

    for (unsigned i = 0; i < WINDOW_PAGES; i++) {
        run = window_is_used(i) ? 0 : run + 1;
        if (run == n)
            return (int)(i + 1 - n);
    }
    return -1;
}

void *window_alloc(unsigned n)
{
    unsigned long va;
    int first;
    bool ok;

    spin_lock(&window_lock);
    first = n ? window_find(n) : -1;
    if (first < 0) {
        spin_unlock(&window_lock);
        return NULL;
    }
    window_mark((unsigned)first, n, true);
    va = WINDOW_BASE + (unsigned)first * PAGE_SIZE;
    ok = mm_build_tables(va, n);
    if (!ok)
        window_mark((unsigned)first, n, false);
    spin_unlock(&window_lock);
    return ok ? (void *)va : NULL;
}

void window_free(void *va, unsigned n)
{
    spin_lock(&window_lock);
    window_mark((unsigned)(((unsigned long)va - WINDOW_BASE) / PAGE_SIZE), n, false);
    spin_unlock(&window_lock);
}

void *map_frames(const unsigned long *mfns, unsigned n, uint64_t flags, domid_t dom)
{
    char *va = window_alloc(n);

    if (!va)
        return NULL;
    for (unsigned i = 0; i < n; i++) {
        uint64_t pte = make_pte(mfns[i], flags);
        unsigned long at = (unsigned long)va + i * PAGE_SIZE;
        long rc = dom == DOMID_SELF ? mm_set_pte(at, pte)
                                    : hv_update_va_mapping_otherdomain(at, pte, UVMF_INVLPG | UVMF_ALL, dom);

        if (rc) {
            unmap_frames(va, n);
            return NULL;
        }
    }
    return va;
}

void unmap_frames(void *va, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        mm_set_pte((unsigned long)va + i * PAGE_SIZE, 0);
    window_free(va, n);
}
