/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_TOOLSTACK_BUILD_LAYOUT_H
#define HOSPES_TOOLSTACK_BUILD_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dom0/toolstack/kernel.h"

/*
 * Where everything lies in a new PV guest, and the page tables that say so. Pure arithmetic: it touches no
 * hypervisor and no guest, so that it is tested on the host.
 *
 * Guest-physical order (pfn):
 *   [room below the kernel] kernel [initrd] [p2m] start_info store console tables stack padding | initrd p2m
 * p2m-tables Everything up to the bar is mapped from virt_base on, 4 KiB pages, virtual = virt_base + pfn *
 * 4096. What stands in brackets before the bar is there only when the kernel does not take it unmapped
 * (initrd) or elsewhere (p2m). The mapping ends on a 4 MiB boundary with at least 512 KiB behind the stack,
 * as guests expect. Every page table is mapped read-only, all else is writable.
 */

#define LAYOUT_PAGE_SHIFT 12
#define LAYOUT_PAGE_BYTES 4096ULL
#define LAYOUT_ENTRIES    512U

/*
 * A virtual range and the tables that only it needs. Tables lie in the order L4 (main range only), L3, L2,
 * L1, each level by ascending address.
 */
struct layout_range {
    uint64_t va;         /* first byte */
    uint64_t pages;      /* 0: no such range */
    uint64_t pfn;        /* what the first page maps */
    uint64_t tables_pfn; /* first table */
    uint64_t tables;     /* how many */
    uint64_t first[4];   /* [level]: va >> shift of its first table; level 0 is unused */
    uint64_t count[4];   /* [level]: tables that are its own */
    uint64_t index[4];   /* [level]: number of the first among `tables` */
};

struct build_layout {
    uint64_t nr_pages; /* memory of the guest */
    uint64_t virt_base;

    uint64_t kernel_pfn, kernel_pages; /* from the lowest to the highest byte of any segment */
    uint64_t initrd_pfn, initrd_pages; /* 0 pages: none */
    bool initrd_mapped;
    uint64_t p2m_pfn, p2m_pages;
    uint64_t p2m_va;
    uint64_t start_info_pfn, store_pfn, console_pfn, stack_pfn;

    struct layout_range main; /* its L4 is the guest's top table */
    struct layout_range p2m;  /* the p2m list mapped by itself, when the kernel wants it elsewhere */
};

/*
 * Computes the layout for a guest of nr_pages with an initrd of initrd_bytes (0: none). NULL, or why it
 * cannot be; *need_pages is then the memory that would do, 0 when more memory would not help.
 */
const char *layout_compute(struct build_layout *layout, const struct kernel_image *image, uint64_t nr_pages,
                           uint64_t initrd_bytes, uint64_t *need_pages);

/* Virtual address of a page of the main mapping. */
uint64_t layout_va(const struct build_layout *layout, uint64_t pfn);

/*
 * Fills the tables: main_tables has layout->main.tables * 512 entries, p2m_tables layout->p2m.tables * 512,
 * in pfn order; mfn_of has nr_pages frames. All entries are written.
 */
void layout_fill_tables(const struct build_layout *layout, const uint64_t *mfn_of, uint64_t *main_tables,
                        uint64_t *p2m_tables);

#endif
