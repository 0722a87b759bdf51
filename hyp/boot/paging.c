/* SPDX-License-Identifier: MIT */
/* The final page tables. Each piece is built aside and put in place with one store, for the boot tables are
 * in use meanwhile. */
#include "boot/boot.h"
#include "boot/boot_alloc.h"
#include "cpu/paging.h"
#include "cpu/features.h"
#include "cpu/processor.h"
#include "cpu/vga.h"

extern const char __text_start[], __text_end[], __rodata_start[], __rodata_end[], __data_start[],
    __image_end[];

#define SIZE_2M (1UL << 21)
#define SIZE_1G (1UL << 30)

enum coverage { NO_RAM, SOME_RAM, ALL_RAM };

/* The map is sorted and neighbours of a type are merged, so one entry covers a range of RAM whole or nothing
 * does. */
static enum coverage ram_coverage(paddr_t start, u64 size)
{
    enum coverage c = NO_RAM;

    for (unsigned i = 0; i < boot_info.e820_count; i++) {
        const struct e820_entry *e = &boot_info.e820[i];

        if (e->type != E820_RAM || e->addr >= start + size || e->addr + e->size <= start)
            continue;
        if (e->addr <= start && e->addr + e->size >= start + size)
            return ALL_RAM;
        c = SOME_RAM;
    }
    return c;
}

static u64 map_2m(paddr_t p)
{
    u64 *l1;

    switch (ram_coverage(p, SIZE_2M)) {
    case ALL_RAM:
        return p | HYP_PTE_RW | PTE_PSE;
    case NO_RAM:
        return 0;
    default:
        break;
    }
    l1 = boot_alloc_pages(1);
    for (unsigned i = 0; i < 512; i++)
        if (ram_coverage(p + i * PAGE_SIZE, PAGE_SIZE) == ALL_RAM)
            l1[i] = (p + i * PAGE_SIZE) | HYP_PTE_RW;
    return virt_to_paddr(l1) | HYP_PTE_TABLE;
}

static u64 map_1g(paddr_t p)
{
    enum coverage c = ram_coverage(p, SIZE_1G);
    u64 *l2;

    if (c == NO_RAM)
        return 0;
    if (c == ALL_RAM && features.page1gb)
        return p | HYP_PTE_RW | PTE_PSE;
    l2 = boot_alloc_pages(1);
    for (unsigned i = 0; i < 512; i++)
        l2[i] = map_2m(p + i * SIZE_2M);
    return virt_to_paddr(l2) | HYP_PTE_TABLE;
}

static void map_ram(void)
{
    u64 top = boot_max_ram_mfn() << PAGE_SHIFT;

    for (paddr_t p = 0; p < MAX(top, 4 * SIZE_1G); p += SIZE_1G) {
        u64 va = DIRECTMAP_BASE + p;
        u64 entry = map_1g(p);

        WRITE_ONCE(hyp_l3[pt_index(va, 4) - HYP_L4_FIRST][pt_index(va, 3)], entry);
    }
}

static u64 image_flags(const char *va)
{
    if (va < __text_end)
        return HYP_PTE_RX;
    if (va < __rodata_end)
        return HYP_PTE_RO;
    return HYP_PTE_RW;
}

static void map_image(void)
{
    u64 *l2 = boot_alloc_pages(1), *l1 = NULL;

    for (const char *va = __text_start; va < __image_end; va += PAGE_SIZE) {
        if (!l1 || pt_index((u64)va, 1) == 0) {
            l1 = boot_alloc_pages(1);
            l2[pt_index((u64)va, 2)] = virt_to_paddr(l1) | HYP_PTE_TABLE;
        }
        l1[pt_index((u64)va, 1)] = virt_to_paddr(va) | image_flags(va);
    }
    WRITE_ONCE(hyp_l3[pt_index(HYP_IMAGE_BASE, 4) - HYP_L4_FIRST][pt_index(HYP_IMAGE_BASE, 3)],
               virt_to_paddr(l2) | HYP_PTE_TABLE);
}

static void *boot_table(void)
{
    return boot_alloc_pages(1);
}

void paging_init(void)
{
    paging_set_table_alloc(boot_table);
    map_image();
    map_ram();
    /* Nothing of ours is in the lower half; the identity map lives on in the start code of other CPUs. */
    hyp_l4[0] = 0;
    write_cr3(hyp_l4_paddr());
    vga_remap();
}
