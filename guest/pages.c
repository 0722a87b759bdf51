/* SPDX-License-Identifier: MIT */
/*
 * The page allocator: a bitmap over the linear map. The domain builder maps only what the image
 * needs and a little more; the rest of the memory is mapped here, 2 MiB at a time, when it is
 * first asked for. One page is kept back so that growing never depends on an allocation.
 */
#include "guest/guest.h"
#include "guest/mm.h"
#include "guest/mm_internal.h"
#include "guest/spinlock.h"

#define MAX_PFN ((WINDOW_BASE - GUEST_VIRT_BASE) / PAGE_SIZE) /* the window lies behind the linear map */

static struct spinlock lock;
static uint64_t free_map[MAX_PFN / 64];
static unsigned long first_pfn; /* lowest page that was ever free */
static unsigned long mapped_end;
static unsigned long nr_free;
static unsigned long hint; /* no single free page below this */
static uint64_t *spare;

static bool is_free(unsigned long pfn)
{
    return free_map[pfn / 64] >> (pfn % 64) & 1;
}

static void mark(unsigned long pfn, unsigned long n, bool now_free)
{
    for (unsigned long end = pfn + n; pfn < end; pfn++) {
        if (now_free)
            free_map[pfn / 64] |= 1ul << (pfn % 64);
        else
            free_map[pfn / 64] &= ~(1ul << (pfn % 64));
    }
    nr_free = now_free ? nr_free + n : nr_free - n;
}

static unsigned long limit(void)
{
    return start_info->nr_pages < MAX_PFN ? start_info->nr_pages : MAX_PFN;
}

void mm_init(void)
{
    unsigned long pfn = virt_to_pfn((void *)start_info->pt_base) + start_info->nr_pt_frames + 1;

    first_pfn = hint = pfn;
    for (; pfn < limit(); pfn++) {
        const uint64_t *e = mm_entry((unsigned long)pfn_to_virt(pfn), 1);

        if (!e || !(*e & PTE_P))
            break;
        mark(pfn, 1, true);
    }
    mapped_end = pfn;
    spare = page_alloc(0);
    if (!spare)
        panic("no free page behind the boot stack at pfn %lx", first_pfn);
}

/* Maps the next pages, up to the end of an L1 table. */
static bool grow(void)
{
    unsigned long pfn = mapped_end, end = (pfn | 511) + 1;
    unsigned long va = (unsigned long)pfn_to_virt(pfn);

    if (!spare || pfn >= limit() || (pfn & 511))
        return false;
    if (end > limit())
        end = limit();
    memset(spare, 0, PAGE_SIZE);
    for (unsigned long p = pfn; p < end; p++)
        if (pfn_to_mfn(p) != INVALID_MFN)
            spare[p & 511] = make_pte(pfn_to_mfn(p), PTE_RW);
    if (!mm_install_table(va, 2, spare))
        return false;
    mapped_end = end;
    for (unsigned long p = pfn; p < end; p++)
        if (pfn_to_mfn(p) != INVALID_MFN)
            mark(p, 1, true);
    spare = pfn_to_virt(pfn);
    mark(pfn, 1, false);
    return true;
}

static unsigned long find(unsigned order)
{
    unsigned long n = 1ul << order;
    unsigned long pfn = order ? first_pfn : hint;

    for (pfn = (pfn + n - 1) & ~(n - 1); pfn + n <= mapped_end; pfn += n) {
        unsigned long i = 0;

        while (i < n && is_free(pfn + i))
            i++;
        if (i == n)
            return pfn;
    }
    return 0;
}

void *page_alloc(unsigned order)
{
    /* A suspend between the look at a frame's number and its use would leave a wrong one. */
    uint8_t mask = spin_lock_masked(&lock);
    unsigned long pfn;

    do
        pfn = find(order);
    while (!pfn && grow());
    if (pfn) {
        mark(pfn, 1ul << order, false);
        if (!order)
            hint = pfn + 1;
    }
    spin_unlock_masked(&lock, mask);
    if (!pfn)
        return NULL;
    return memset(pfn_to_virt(pfn), 0, PAGE_SIZE << order);
}

void page_free(void *va, unsigned order)
{
    unsigned long pfn = virt_to_pfn(va);
    uint8_t mask = spin_lock_masked(&lock);

    mark(pfn, 1ul << order, true);
    if (pfn < hint)
        hint = pfn;
    spin_unlock_masked(&lock, mask);
}

unsigned long pages_free(void)
{
    unsigned long unmapped = limit() > mapped_end ? limit() - mapped_end : 0;

    return nr_free + unmapped;
}
