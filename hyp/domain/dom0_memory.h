/* SPDX-License-Identifier: MIT */
/* dom0's pseudo-physical memory while it is built: few large contiguous chunks. Boot CPU only. */
#ifndef HYP_DOMAIN_DOM0_MEMORY_H
#define HYP_DOMAIN_DOM0_MEMORY_H

#include "domain/domain.h"

/* Allocates `pages` frames for pfn 0.. and enters them in the M2P. False: not that much memory. */
bool dom0_memory_alloc(struct domain *d, u64 pages);
mfn_t dom0_pfn_to_mfn(u64 pfn);
/* Copies to (src NULL: clears) pseudo-physical memory, whatever chunks it crosses. */
void dom0_memory_write(u64 paddr, const void *src, u64 n);
/* The p2m list, 8 bytes a page, to this pseudo-physical address. */
void dom0_write_p2m(u64 paddr, u64 pages);

#endif
