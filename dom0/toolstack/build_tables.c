/* SPDX-License-Identifier: MIT */
#include "dom0/toolstack/build_layout.h"

#include <string.h>

/* Bits of an x86-64 page table entry that the builder sets. */
#define PTE_PRESENT  (1ULL << 0)
#define PTE_RW       (1ULL << 1)
#define PTE_USER     (1ULL << 2)
#define PTE_ACCESSED (1ULL << 5)
#define PTE_DIRTY    (1ULL << 6)

/* Leaves leave the user bit to the hypervisor, which decides what the guest's kernel runs as. */
#define PTE_LEAF  (PTE_PRESENT | PTE_RW | PTE_ACCESSED | PTE_DIRTY)
#define PTE_TABLE (PTE_PRESENT | PTE_RW | PTE_USER | PTE_ACCESSED | PTE_DIRTY)

#define VA_MASK   ((1ULL << 48) - 1)

struct tables {
    const struct build_layout *layout;
    const uint64_t *mfn_of;
    uint64_t *main;
    uint64_t *p2m;
};

/* The table of `level` (4: the top) with this index, in whichever range has it. */
static uint64_t *find_table(const struct tables *t, unsigned int level, uint64_t index)
{
    const struct layout_range *main = &t->layout->main, *p2m = &t->layout->p2m;

    if (level == 4)
        return t->main;
    if (index >= main->first[level] && index < main->first[level] + main->count[level])
        return t->main + (main->index[level] + index - main->first[level]) * LAYOUT_ENTRIES;
    return t->p2m + (p2m->index[level] + index - p2m->first[level]) * LAYOUT_ENTRIES;
}

/* Enters each of the range's own tables into the one above. */
static void link_tables(const struct tables *t, const struct layout_range *range)
{
    for (unsigned int level = 3; level >= 1; level--) {
        for (uint64_t i = 0; i < range->count[level]; i++) {
            uint64_t index = range->first[level] + i;
            uint64_t pfn = range->tables_pfn + range->index[level] + i;
            uint64_t *above = find_table(t, level + 1, index >> 9);

            above[index % LAYOUT_ENTRIES] = t->mfn_of[pfn] << LAYOUT_PAGE_SHIFT | PTE_TABLE;
        }
    }
}

static void map_pages(const struct tables *t, const struct layout_range *range)
{
    uint64_t page = (range->va & VA_MASK) >> LAYOUT_PAGE_SHIFT;
    uint64_t *table = NULL;

    for (uint64_t i = 0; i < range->pages; i++, page++) {
        if (!table || page % LAYOUT_ENTRIES == 0)
            table = find_table(t, 1, page / LAYOUT_ENTRIES);
        table[page % LAYOUT_ENTRIES] = t->mfn_of[range->pfn + i] << LAYOUT_PAGE_SHIFT | PTE_LEAF;
    }
}

/* No page table may be writable anywhere; only the main range maps tables. */
static void protect_tables(const struct tables *t)
{
    const struct layout_range *main = &t->layout->main;
    uint64_t first = ((main->va & VA_MASK) >> LAYOUT_PAGE_SHIFT) + main->tables_pfn;

    for (uint64_t page = first; page < first + main->tables; page++)
        find_table(t, 1, page / LAYOUT_ENTRIES)[page % LAYOUT_ENTRIES] &= ~PTE_RW;
}

void layout_fill_tables(const struct build_layout *layout, const uint64_t *mfn_of, uint64_t *main_tables,
                        uint64_t *p2m_tables)
{
    const struct tables t = {layout, mfn_of, main_tables, p2m_tables};

    memset(main_tables, 0, layout->main.tables * LAYOUT_PAGE_BYTES);
    if (layout->p2m.tables)
        memset(p2m_tables, 0, layout->p2m.tables * LAYOUT_PAGE_BYTES);
    link_tables(&t, &layout->main);
    map_pages(&t, &layout->main);
    if (layout->p2m.pages) {
        link_tables(&t, &layout->p2m);
        map_pages(&t, &layout->p2m);
    }
    protect_tables(&t);
}
