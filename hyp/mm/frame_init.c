/* SPDX-License-Identifier: MIT */
/*
 * Frame table, machine-to-physical table and the hand-over of memory from boot_alloc.
 *
 * Both tables are arrays over all frame numbers, backed in steps of 2 MiB (of table) where RAM is: 256 MiB of
 * RAM a step of the frame table, 1 GiB a step of the M2P. Steps of the M2P without RAM below the highest one
 * show guests one page of "no such frame" again and again, so that a guest that looks up a device frame gets
 * an answer and no fault.
 */
#include <xen/xen.h>
#include "boot/boot.h"
#include "boot/boot_alloc.h"
#include "cpu/paging.h"
#include "cpu/features.h"
#include "lib/printk.h"
#include "lib/string.h"
#include "mm/domain_pages.h"
#include "mm/pt_internal.h"

#define STEP_BYTES      (512 * PAGE_SIZE)
#define FRAMES_PER_STEP (STEP_BYTES / sizeof(struct page_info))
#define M2P_PER_STEP    (STEP_BYTES / sizeof(u64))
#define FIRST_RAM_MFN   0x100UL /* guests may map the first MiB as a device, as firmware data lives there */

static mfn_t m2p_steps[16384]; /* first frame of each, 0 where there is none; 16 TiB of RAM */

_Static_assert(sizeof(struct page_info) == 32, "the frame table is sized for 32 bytes a frame");

static void map_or_die(u64 va, mfn_t mfn, size_t n, u64 flags)
{
    if (hyp_map_pages(va, mfn, n, flags))
        panic("mm: no memory for the hypervisor's tables\n");
}

static void find_ram(void)
{
    max_mfn = MIN(boot_max_ram_mfn(), ARRAY_SIZE(m2p_steps) * M2P_PER_STEP) - 1;
    ram_bitmap = boot_alloc_pages(PFN_UP(BITS_TO_WORDS(max_mfn + 1) * 8));
    for (unsigned i = 0; i < boot_info.e820_count; i++) {
        const struct e820_entry *e = &boot_info.e820[i];
        if (e->type != E820_RAM)
            continue;
        u64 m = MAX(PFN_UP(e->addr), FIRST_RAM_MFN), end = MIN(PFN_DOWN(e->addr + e->size), max_mfn + 1);
        for (; m < end && (m & 63); m++)
            set_bit(ram_bitmap, m);
        for (; m + 64 <= end; m += 64)
            ram_bitmap[m / 64] = ~0UL;
        for (; m < end; m++)
            set_bit(ram_bitmap, m);
    }
}

static bool ram_between(u64 start, u64 end)
{
    u64 limit = MIN(end, max_mfn + 1);
    return find_next_bit(ram_bitmap, limit, start) < limit;
}

static void build_frame_table(void)
{
    for (u64 m = 0; m <= max_mfn; m += FRAMES_PER_STEP) {
        if (!ram_between(m, m + FRAMES_PER_STEP))
            continue;
        u64 frames = MIN(FRAMES_PER_STEP, ROUND_UP(max_mfn + 1 - m, PAGE_SIZE / sizeof(struct page_info)));
        size_t pages = PFN_UP(frames * sizeof(struct page_info));
        void *mem = pages == 512 ? boot_alloc_aligned(512, STEP_BYTES) : boot_alloc_pages(pages);
        map_or_die((u64)&frame_table[m], virt_to_mfn(mem), pages, HYP_PTE_RW);
    }
}

/* The frames are DOMID_XEN's: tools may map them, to read. */
static void share_m2p_frames(mfn_t first, u64 n)
{
    for (u64 i = 0; i < n; i++) {
        struct page_info *pg = mfn_to_page(mfn_of(mfn_x(first) + i));
        pg->owner_id = owner_index(&mm_owner_xen);
        pg->type_info = PGT_none | PGT_validated | 1;
        pg->count_info = PGC_hyp | 1;
    }
}

static void build_m2p(void)
{
    u64 *nothing = boot_alloc_pages(1);

    memset(nothing, 0xff, PAGE_SIZE);
    for (u64 m = 0; m <= max_mfn; m += M2P_PER_STEP) {
        u64 ro = M2P_RO_BASE + m * sizeof(u64);

        if (!ram_between(m, m + M2P_PER_STEP)) {
            for (size_t i = 0; i < 512; i++)
                map_or_die(ro + i * PAGE_SIZE, virt_to_mfn(nothing), 1, HYP_PTE_RO | PTE_US);
            continue;
        }
        /* Whole steps always: tools map the table in such pieces. */
        void *mem = boot_alloc_aligned(512, STEP_BYTES);
        memset(mem, 0xff, STEP_BYTES);
        map_or_die((u64)&m2p[m], virt_to_mfn(mem), 512, HYP_PTE_RW);
        map_or_die(ro, virt_to_mfn(mem), 512, HYP_PTE_RO | PTE_US);
        share_m2p_frames(virt_to_mfn(mem), 512);
        m2p_steps[m / M2P_PER_STEP] = virt_to_mfn(mem);
    }
}

mfn_t m2p_step_frame(u64 step)
{
    mfn_t mfn = MFN_NONE;

    for (u64 i = 0; i <= step && i < ARRAY_SIZE(m2p_steps) && i * M2P_PER_STEP <= max_mfn; i++)
        if (mfn_x(m2p_steps[i]))
            mfn = m2p_steps[i];
    return step * M2P_PER_STEP <= max_mfn ? mfn : MFN_NONE;
}

static void *alloc_table(void)
{
    return hyp_alloc_page();
}

void pt_install_hyp_slots(u64 *l4)
{
    memcpy(&l4[HYP_L4_FIRST], &hyp_l4[HYP_L4_FIRST], (HYP_L4_LAST - HYP_L4_FIRST + 1) * sizeof(u64));
}

void mm_init(void)
{
    pt_masks_init(features.paddr_bits, features.nx);
    mm_owner_init(&mm_owner_xen, DOMID_XEN);
    mm_owner_init(&mm_owner_io, DOMID_IO);
    find_ram();
    build_frame_table();
    build_m2p();
    boot_free_ranges(alloc_add_range);
    paging_set_table_alloc(alloc_table);
    printk(LOG_INFO, "Memory: %lu MiB free of %lu MiB, highest frame %#lx\n", free_page_count() >> 8,
           total_page_count() >> 8, max_mfn);
}
