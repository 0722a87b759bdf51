/* SPDX-License-Identifier: MIT */
/* Inside the memory room: the frames of an owner and their way back to the allocator. */
#ifndef HYP_MM_DOMAIN_PAGES_H
#define HYP_MM_DOMAIN_PAGES_H

#include "mm/alloc.h"

/* The last general reference has gone: back to the free lists. */
void domain_page_last_put(struct page_info *pg);

/* Lists through page_info.next/prev; the head is a field of the owner, under its page_lock. */
void page_list_push(u32 *head, struct page_info *pg);
void page_list_remove(u32 *head, struct page_info *pg);

/* frames.c: 2^order frames, taken off the free lists; the caller says what they become. NULL: none. Flushes
 * stale TLBs. */
struct page_info *frames_alloc(unsigned order, unsigned address_bits, struct mm_owner *claimant);
/* Back to the free lists. `stamped`: tlb_stamp of the head is valid and other CPUs may have stale
 * translations. */
void frames_free(struct page_info *pg, unsigned order, bool stamped);

#endif
