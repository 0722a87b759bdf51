/* SPDX-License-Identifier: MIT */
/*
 * Frames before the frame allocator exists: handed out from the RAM of the boot memory map, outside the first
 * MiB, the image, the modules and what the loader left. Boot CPU only, no lock, nothing is ever given back.
 */
#ifndef HYP_BOOT_BOOT_ALLOC_H
#define HYP_BOOT_BOOT_ALLOC_H

#include "lib/types.h"

/* Takes stock of boot_info (memory map, modules). Called once, before anything else of this header. */
void boot_alloc_init(void);

/* `n` contiguous cleared frames, reached through the direct map; panics when there are none. Low addresses
 * first (below 4 GiB if possible), so that all of it is mapped from the first moment. */
void *boot_alloc_pages(size_t n);
/* The same, naturally aligned to `align` bytes (a power of two, at least PAGE_SIZE). */
void *boot_alloc_aligned(size_t n, u64 align);

/* As boot_alloc_pages(), but not cleared, and NULL when there is no room. */
void *boot_try_alloc(size_t n);
/* Gives back memory that a module lay in: the whole frames of [start, end) that no other module reaches into.
 */
void boot_free_early(paddr_t start, paddr_t end);

/*
 * Ends boot_alloc_pages(): calls `fn` for every range [start, end) of RAM frames that nobody uses, ascending.
 * Not among them: the first MiB, the image, what was allocated here, and the modules (see
 * boot_free_modules()).
 */
void boot_free_ranges(void (*fn)(mfn_t start, mfn_t end));
/* The frames of the modules, once dom0 is built and they are of no more use. A module's last frame, shared
 * with other data, is left out. */
void boot_free_modules(void (*fn)(mfn_t start, mfn_t end));

/* First frame number behind the highest RAM of the memory map: the frame table covers 0 .. this. */
u64 boot_max_ram_mfn(void);

#endif
