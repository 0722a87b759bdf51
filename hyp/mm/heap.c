/* SPDX-License-Identifier: MIT */
/*
 * The hypervisor's own memory. Objects up to half a page come from slabs: a page cut into equal slots, the
 * free ones linked through their first bytes. Larger ones are whole pages; of the block that the buddy lists
 * give, what is not needed goes back at once.
 *
 * struct page_info of such a page: count_info = PGC_hyp | 1 and owner_id = 0 as for every private page.
 * type_info is, for a slab, HEAP_SLAB | class | used slots << 8; for the first page of a large object
 * HEAP_LARGE | pages. A slab's next/prev link those of its class that have free slots, and partial_index is
 * the first free slot.
 */
#include "lib/printk.h"
#include "lib/string.h"
#include "mm/domain_pages.h"
#include "mm/pt_internal.h"

#define HEAP_SLAB  (1UL << 40)
#define HEAP_LARGE (1UL << 41)
#define MIN_SHIFT  4
#define NR_CLASSES 8 /* 16 .. 2048 bytes */
#define NO_SLOT    0xffffffffu

static struct spinlock slab_lock = SPINLOCK_INIT(LOCK_HEAP);
static u32 slabs[NR_CLASSES]; /* lists of those with free slots */

static unsigned slab_class(const struct page_info *pg)
{
    return (unsigned)(pg->type_info & 0xff);
}
static unsigned slab_used(const struct page_info *pg)
{
    return (unsigned)(pg->type_info >> 8) & 0xffff;
}
static unsigned class_slots(unsigned class)
{
    return (unsigned)(PAGE_SIZE >> (MIN_SHIFT + class));
}
static u32 *slot_link(struct page_info *pg, unsigned class, u32 slot)
{
    return (u32 *)((char *)mfn_to_virt(page_to_mfn(pg)) + ((u64)slot << (MIN_SHIFT + class)));
}

void *hyp_alloc_pages(unsigned order)
{
    struct page_info *pg = frames_alloc(order, 0, NULL);

    if (!pg)
        return NULL;
    for (u64 i = 0; i < 1UL << order; i++) {
        pg[i].owner_id = 0;
        pg[i].type_info = PGT_none;
        pg[i].count_info = PGC_hyp | 1;
    }
    return mfn_to_virt(page_to_mfn(pg));
}

/*
 * A guest that names any frame in a page table makes get_page() look at it, and now and then hold it for a
 * moment. So each page gives up its reference; the block goes back in one piece if nobody else had one, else
 * page by page, the last holder's by put_page().
 */
static void free_private(struct page_info *pg, unsigned order)
{
    u64 n = 1UL << order, held = 0;

    for (u64 i = 0; i < n; i++) {
        BUG_ON(!(pg[i].count_info & PGC_hyp) || pg[i].owner_id);
        pg[i].type_info = PGT_none;
    }
    for (u64 i = 0; i < n; i++)
        held += !cmpxchg_u64(&pg[i].count_info, &(u64){PGC_hyp | 1}, 0);
    if (likely(!held)) {
        frames_free(pg, order, false);
        return;
    }
    for (u64 i = 0; i < n; i++) {
        if (READ_ONCE(pg[i].count_info) == 0)
            frames_free(&pg[i], 0, false);
        else
            put_page(&pg[i]);
    }
}

/* Frees `n` pages from pg on in naturally aligned blocks. */
static void free_run(struct page_info *pg, u64 n)
{
    while (n) {
        unsigned order = (unsigned)__builtin_ctzl(mfn_x(page_to_mfn(pg)));
        while ((1UL << order) > n)
            order--;
        free_private(pg, order);
        pg += 1UL << order;
        n -= 1UL << order;
    }
}

static void *alloc_large(u64 pages)
{
    unsigned order = 0;

    while ((1UL << order) < pages)
        order++;
    char *va = order <= MAX_ORDER ? hyp_alloc_pages(order) : NULL;
    if (!va)
        return NULL;
    struct page_info *pg = mfn_to_page(virt_to_mfn(va));
    free_run(pg + pages, (1UL << order) - pages);
    pg->type_info = HEAP_LARGE | pages;
    return va;
}

static struct page_info *new_slab(unsigned class)
{
    void *va = hyp_alloc_page();

    if (!va)
        return NULL;
    struct page_info *pg = mfn_to_page(virt_to_mfn(va));
    unsigned slots = class_slots(class);
    for (u32 i = 0; i < slots; i++)
        *slot_link(pg, class, i) = i + 1 < slots ? i + 1 : NO_SLOT;
    pg->partial_index = 0;
    pg->type_info = HEAP_SLAB | class;
    return pg;
}

static void *alloc_small(unsigned class)
{
    spin_lock(&slab_lock);
    while (!slabs[class]) {
        spin_unlock(&slab_lock);
        struct page_info *fresh = new_slab(class);
        if (!fresh)
            return NULL;
        spin_lock(&slab_lock);
        page_list_push(&slabs[class], fresh);
    }
    struct page_info *pg = &frame_table[slabs[class]];
    u32 *slot = slot_link(pg, class, pg->partial_index);
    pg->partial_index = *slot;
    pg->type_info += 1 << 8;
    if (pg->partial_index == NO_SLOT)
        page_list_remove(&slabs[class], pg);
    spin_unlock(&slab_lock);
    return slot;
}

void *hyp_zalloc(size_t size)
{
    void *p;

    if (size > PAGE_SIZE / 2) {
        p = alloc_large(PFN_UP(size));
    } else {
        unsigned class = 0;
        while ((1UL << (MIN_SHIFT + class)) < size)
            class ++;
        p = alloc_small(class);
        size = 1UL << (MIN_SHIFT + class);
    }
    if (p)
        memset(p, 0, size);
    return p;
}

static void free_small(struct page_info *pg, void *p)
{
    unsigned class = slab_class(pg);
    u32 slot = (u32)(((u64)p & ~PAGE_MASK) >> (MIN_SHIFT + class));
    bool empty;

    BUG_ON(slot_link(pg, class, slot) != p || !slab_used(pg));
    spin_lock(&slab_lock);
    if (pg->partial_index == NO_SLOT)
        page_list_push(&slabs[class], pg);
    *(u32 *)p = pg->partial_index;
    pg->partial_index = slot;
    pg->type_info -= 1 << 8;
    empty = slab_used(pg) == 0;
    if (empty)
        page_list_remove(&slabs[class], pg);
    spin_unlock(&slab_lock);
    if (empty)
        free_private(pg, 0);
}

void hyp_free(void *p)
{
    if (!p)
        return;
    struct page_info *pg = mfn_to_page(virt_to_mfn(p));
    BUG_ON(!(pg->count_info & PGC_hyp) || pg->owner_id);
    if (pg->type_info & HEAP_SLAB) {
        free_small(pg, p);
    } else {
        BUG_ON(!(pg->type_info & HEAP_LARGE) || ((u64)p & ~PAGE_MASK));
        free_run(pg, pg->type_info & (HEAP_LARGE - 1));
    }
}

/* The heap lock is not held: figures of a heap in use may be a little apart. */
void hyp_heap_dump(void)
{
    u64 pages[NR_CLASSES] = {0}, used[NR_CLASSES] = {0}, large = 0, large_pages = 0, all = 0;

    for (u64 m = 0; m <= max_mfn; m++) {
        const struct page_info *pg = &frame_table[m];
        u64 type;

        if (!mfn_valid(mfn_of(m)) || !(READ_ONCE(pg->count_info) & PGC_hyp))
            continue;
        type = READ_ONCE(pg->type_info);
        all += (type & PGT_type_mask) != PGT_free;
        if (type & HEAP_LARGE) {
            large++;
            large_pages += type & (HEAP_LARGE - 1);
        } else if (type & HEAP_SLAB) {
            pages[slab_class(pg)]++;
            used[slab_class(pg)] += slab_used(pg);
        }
    }
    for (unsigned class = 0; class < NR_CLASSES; class ++)
        printk(LOG_INFO, "heap: %lu objects of %u bytes in %lu pages\n", used[class],
               1u << (MIN_SHIFT + class), pages[class]);
    printk(LOG_INFO, "heap: %lu larger objects in %lu pages; %lu pages of the hypervisor's in all\n", large,
           large_pages, all);
}
