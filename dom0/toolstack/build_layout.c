/* SPDX-License-Identifier: MIT */
#include "dom0/toolstack/build_layout.h"

#include <string.h>

/* What guests expect behind the boot stack: spare room, and an end on this boundary. */
#define MAPPING_SPARE (512ULL << 10)
#define MAPPING_ALIGN (4ULL << 20)

/* Address bits that select something; above them is sign extension. */
#define VA_MASK ((1ULL << 48) - 1)

static uint64_t pages_of(uint64_t bytes)
{
    return (bytes + LAYOUT_PAGE_BYTES - 1) >> LAYOUT_PAGE_SHIFT;
}

/* Bits of virtual address below one entry of the level above: one table of `level` covers 1 << this. */
static unsigned int table_shift(unsigned int level)
{
    return 12 + 9 * level;
}

static bool range_has(const struct layout_range *range, unsigned int level, uint64_t index)
{
    return index >= range->first[level] && index < range->first[level] + range->count[level];
}

/*
 * Which tables a range needs that `other` (NULL: nothing) does not have. `other` starts below or above as a
 * whole, so what is left is one run of indices: when they share a table it is at one end.
 */
static void range_tables(struct layout_range *range, const struct layout_range *other)
{
    uint64_t start = range->va & VA_MASK;
    uint64_t last = start + range->pages * LAYOUT_PAGE_BYTES - 1;

    range->tables = other ? 0 : 1; /* the L4 */
    for (unsigned int level = 3; level >= 1; level--) {
        uint64_t from = start >> table_shift(level);
        uint64_t to = last >> table_shift(level);

        while (other && from <= to && range_has(other, level, from))
            from++;
        while (other && from <= to && range_has(other, level, to))
            to--;
        range->first[level] = from;
        range->count[level] = from <= to ? to - from + 1 : 0;
        range->index[level] = range->tables;
        range->tables += range->count[level];
    }
}

/* The main mapping with its tables, which lie in it: the more tables, the longer the mapping, until it
 * settles. */
static void place_main(struct build_layout *layout, uint64_t next_pfn)
{
    struct layout_range *main = &layout->main;
    uint64_t tables = 0;

    main->va = layout->virt_base;
    main->pfn = 0;
    main->tables_pfn = next_pfn;
    for (;;) {
        uint64_t end = (next_pfn + tables + 1) * LAYOUT_PAGE_BYTES + MAPPING_SPARE;

        /* It is the virtual end that is on the boundary. */
        end = ((main->va + end + MAPPING_ALIGN - 1) & ~(MAPPING_ALIGN - 1)) - main->va;
        main->pages = end >> LAYOUT_PAGE_SHIFT;
        range_tables(main, NULL);
        if (main->tables == tables)
            break;
        tables = main->tables;
    }
    layout->stack_pfn = next_pfn + tables;
}

static bool ranges_meet(const struct layout_range *a, const struct layout_range *b)
{
    uint64_t a_start = a->va & VA_MASK, b_start = b->va & VA_MASK;

    return a_start < b_start + b->pages * LAYOUT_PAGE_BYTES &&
           b_start < a_start + a->pages * LAYOUT_PAGE_BYTES;
}

/* Everything of the mapped part before its tables; the first free pfn. */
static uint64_t place_mapped(struct build_layout *layout, const struct kernel_image *image,
                             uint64_t initrd_bytes)
{
    uint64_t next;

    layout->kernel_pfn = image->start >> LAYOUT_PAGE_SHIFT;
    next = pages_of(image->end);
    layout->kernel_pages = next - layout->kernel_pfn;
    layout->initrd_pages = pages_of(initrd_bytes);
    layout->initrd_mapped = layout->initrd_pages > 0 && !image->mod_start_pfn;
    if (layout->initrd_mapped) {
        layout->initrd_pfn = next;
        next += layout->initrd_pages;
    }
    layout->p2m_pages = pages_of(layout->nr_pages * sizeof(uint64_t));
    if (!image->has_p2m_base) {
        layout->p2m_pfn = next;
        layout->p2m_va = layout_va(layout, next);
        next += layout->p2m_pages;
    }
    layout->start_info_pfn = next++;
    layout->store_pfn = next++;
    layout->console_pfn = next++;
    return next;
}

/* What lies behind the mapping; the first pfn that nothing uses. */
static uint64_t place_unmapped(struct build_layout *layout, const struct kernel_image *image)
{
    uint64_t next = layout->main.pages;

    if (layout->initrd_pages > 0 && !layout->initrd_mapped) {
        layout->initrd_pfn = next;
        next += layout->initrd_pages;
    }
    if (image->has_p2m_base) {
        layout->p2m_pfn = next;
        layout->p2m_va = image->p2m_base;
        next += layout->p2m_pages;
        layout->p2m.va = image->p2m_base;
        layout->p2m.pages = layout->p2m_pages;
        layout->p2m.pfn = layout->p2m_pfn;
        layout->p2m.tables_pfn = next;
        range_tables(&layout->p2m, &layout->main);
        next += layout->p2m.tables;
    }
    return next;
}

/* The highest address that the mapping may reach without wrapping or entering the hypervisor's part. */
static bool mapping_fits(const struct build_layout *layout)
{
    uint64_t bytes = layout->main.pages * LAYOUT_PAGE_BYTES;
    uint64_t room = layout->virt_base >> 47 ? 0 - layout->virt_base : (1ULL << 47) - layout->virt_base;

    return bytes <= room;
}

/* The layout, and in *used how many pages it takes; NULL, or why no amount of memory would do. */
static const char *place_all(struct build_layout *layout, const struct kernel_image *image, uint64_t nr_pages,
                             uint64_t initrd_bytes, uint64_t *used)
{
    memset(layout, 0, sizeof(*layout));
    layout->nr_pages = nr_pages;
    layout->virt_base = image->virt_base;
    place_main(layout, place_mapped(layout, image, initrd_bytes));
    if (!mapping_fits(layout))
        return "kernel and ramdisk do not fit into the kernel's part of the address space";
    if (image->has_p2m_base && layout->p2m_pages * LAYOUT_PAGE_BYTES > KERNEL_P2M_ROOM)
        return "more memory than the kernel's p2m list has room for";
    *used = place_unmapped(layout, image);
    if (layout->p2m.pages && ranges_meet(&layout->main, &layout->p2m))
        return "the p2m list would lie in the kernel's own mapping";
    return NULL;
}

const char *layout_compute(struct build_layout *layout, const struct kernel_image *image, uint64_t nr_pages,
                           uint64_t initrd_bytes, uint64_t *need_pages)
{
    uint64_t used = 0;
    const char *why = place_all(layout, image, nr_pages, initrd_bytes, &used);

    *need_pages = 0;
    if (why || used <= nr_pages)
        return why;
    /* More memory needs a longer p2m list, which needs more memory; it settles at once or twice. */
    while (!why && used > *need_pages) {
        *need_pages = used;
        why = place_all(layout, image, *need_pages, initrd_bytes, &used);
    }
    if (why)
        *need_pages = 0;
    return why ? why : "not enough memory for kernel and ramdisk";
}

uint64_t layout_va(const struct build_layout *layout, uint64_t pfn)
{
    return layout->virt_base + (pfn << LAYOUT_PAGE_SHIFT);
}
