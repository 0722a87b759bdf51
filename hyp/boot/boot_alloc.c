/* SPDX-License-Identifier: MIT */
/* Early frames: a list of free ranges, ascending, from which allocations are cut. */
#include "boot/boot.h"
#include "boot/boot_alloc.h"
#include "cpu/paging.h"
#include "lib/printk.h"
#include "lib/string.h"

extern const char __text_start[], __image_end[];

#define RANGES_MAX    (E820_MAX + 64)
#define DIRECTMAP_TOP (HYP_VIRT_END - DIRECTMAP_BASE)

struct range {
    paddr_t start, end; /* page aligned; [start, end) */
};
static struct range ranges[RANGES_MAX];
static unsigned range_count;

static void insert(unsigned at, paddr_t start, paddr_t end)
{
    if (range_count == RANGES_MAX) {
        printk(LOG_WARNING, "boot: RAM at %#lx..%#lx is not used: too many pieces\n", start, end);
        return;
    }
    memmove(&ranges[at + 1], &ranges[at], (range_count - at) * sizeof(ranges[0]));
    ranges[at] = (struct range){start, end};
    range_count++;
}

/* Takes [start, end) out of what is free. */
static void exclude(paddr_t start, paddr_t end)
{
    for (unsigned i = 0; i < range_count; i++) {
        struct range r = ranges[i];

        if (end <= r.start || start >= r.end)
            continue;
        memmove(&ranges[i], &ranges[i + 1], (range_count - i - 1) * sizeof(ranges[0]));
        range_count--;
        if (end < r.end)
            insert(i, end, r.end);
        if (start > r.start)
            insert(i, r.start, start);
        i--; /* look at what took its place; pieces do not overlap any more */
    }
}

static void exclude_modules(void)
{
    for (unsigned i = 0; i < boot_info.module_count; i++) {
        const struct boot_module *m = &boot_info.modules[i];

        exclude(m->start & PAGE_MASK, ROUND_UP(m->start + m->size, PAGE_SIZE));
    }
}

void boot_alloc_init(void)
{
    range_count = 0;
    for (unsigned i = 0; i < boot_info.e820_count; i++) {
        const struct e820_entry *e = &boot_info.e820[i];
        paddr_t start = ROUND_UP(e->addr, PAGE_SIZE), end = (e->addr + e->size) & PAGE_MASK;

        end = MIN(end, DIRECTMAP_TOP);
        if (e->type == E820_RAM && start < end)
            insert(range_count, start, end);
    }
    exclude(0, 1UL << 20);
    exclude(virt_to_paddr(__text_start) & PAGE_MASK, ROUND_UP(virt_to_paddr(__image_end), PAGE_SIZE));
    exclude_modules();
}

static void *take(size_t n, u64 align)
{
    u64 bytes = n << PAGE_SHIFT;

    for (unsigned i = 0; i < range_count; i++) {
        paddr_t start = ROUND_UP(ranges[i].start, align);

        if (start >= ranges[i].end || ranges[i].end - start < bytes)
            continue;
        exclude(start, start + bytes);
        return paddr_to_virt(start);
    }
    return NULL;
}

void *boot_try_alloc(size_t n)
{
    return take(n, PAGE_SIZE);
}

void *boot_alloc_aligned(size_t n, u64 align)
{
    void *p = take(n, align);

    if (!p)
        panic("boot: no %lu KiB of free memory in one piece\n", n << PAGE_SHIFT >> 10);
    memset(p, 0, n << PAGE_SHIFT);
    return p;
}

void *boot_alloc_pages(size_t n)
{
    return boot_alloc_aligned(n, PAGE_SIZE);
}

void boot_free_early(paddr_t start, paddr_t end)
{
    unsigned at = 0;

    start = ROUND_UP(MAX(start, 1UL << 20), PAGE_SIZE);
    end &= PAGE_MASK;
    if (start >= end)
        return;
    while (at < range_count && ranges[at].start < start)
        at++;
    insert(at, start, end);
    exclude_modules();
}

void boot_free_ranges(void (*fn)(mfn_t start, mfn_t end))
{
    unsigned n = range_count;

    /* The list dies with this call: an allocation after it would hand out a frame twice. */
    range_count = 0;
    for (unsigned i = 0; i < n; i++)
        fn(paddr_to_mfn(ranges[i].start), paddr_to_mfn(ranges[i].end));
}

/* Is any byte of the frame RAM that is not a module's? Reserved memory and our image must not reach the
 * allocator. */
static bool frame_is_plain_ram(paddr_t frame)
{
    for (unsigned i = 0; i < boot_info.e820_count; i++) {
        const struct e820_entry *e = &boot_info.e820[i];

        if (e->type == E820_RAM && frame >= e->addr && frame + PAGE_SIZE <= e->addr + e->size)
            return frame >= (1UL << 20) && frame < DIRECTMAP_TOP;
    }
    return false;
}

void boot_free_modules(void (*fn)(mfn_t start, mfn_t end))
{
    paddr_t freed_to = 0;

    /* Ascending by start, so that a frame that two modules share is given back once. */
    for (;;) {
        const struct boot_module *next = NULL;

        for (unsigned i = 0; i < boot_info.module_count; i++) {
            const struct boot_module *m = &boot_info.modules[i];

            if (m->size && m->start + m->size > freed_to && (!next || m->start < next->start))
                next = m;
        }
        if (!next)
            return;
        paddr_t end = ROUND_UP(next->start + next->size, PAGE_SIZE);
        for (paddr_t p = MAX(next->start & PAGE_MASK, freed_to); p < end; p += PAGE_SIZE)
            if (frame_is_plain_ram(p))
                fn(paddr_to_mfn(p), mfn_of((p >> PAGE_SHIFT) + 1));
        freed_to = end;
    }
}

u64 boot_max_ram_mfn(void)
{
    u64 top = 0;

    for (unsigned i = 0; i < boot_info.e820_count; i++) {
        const struct e820_entry *e = &boot_info.e820[i];

        if (e->type == E820_RAM)
            top = MAX(top, MIN(e->addr + e->size, DIRECTMAP_TOP));
    }
    return top >> PAGE_SHIFT;
}
