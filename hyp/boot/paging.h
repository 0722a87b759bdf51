/* SPDX-License-Identifier: MIT */
/*
 * The direct map covers the RAM of the boot memory map, nothing else. It is there (for the first 4 GiB of
 * physical address space) from the first instruction in 64-bit mode on, and whole after paging_init().
 */
#ifndef HYP_BOOT_PAGING_H
#define HYP_BOOT_PAGING_H

#include "cpu/paging.h"

/* Builds the final tables and loads them: image (text RX, rodata R, data RW), direct map. After
 * boot_alloc_init(). */
void paging_init(void);

#endif
