/* SPDX-License-Identifier: MIT */
/* Inside the memory room: the frames of an owner and their way back to the allocator. */
#ifndef HYP_MM_DOMAIN_PAGES_H
#define HYP_MM_DOMAIN_PAGES_H

#include "mm/alloc.h"

/* The last general reference has gone: back to the free lists. */
void domain_page_last_put(struct page_info *pg);

/* Lists through page_info.next/prev, of an owner's frames, free blocks and slabs; whatever guards the head
 * guards the list. */
static inline void page_list_push(u32 *head, struct page_info *pg)
{
    u32 mfn = (u32)mfn_x(page_to_mfn(pg));

    pg->prev = PAGE_LIST_NONE;
    pg->next = *head;
    if (*head != PAGE_LIST_NONE)
        frame_table[*head].prev = mfn;
    *head = mfn;
}
static inline void page_list_remove(u32 *head, struct page_info *pg)
{
    if (pg->prev != PAGE_LIST_NONE)
        frame_table[pg->prev].next = pg->next;
    else
        *head = pg->next;
    if (pg->next != PAGE_LIST_NONE)
        frame_table[pg->next].prev = pg->prev;
}

/* frames.c: 2^order frames, taken off the free lists; the caller says what they become. NULL: none. Flushes
 * stale TLBs. */
struct page_info *frames_alloc(unsigned order, unsigned address_bits, struct mm_owner *claimant);
/* Back to the free lists. `stamped`: tlb_stamp of the head is valid and other CPUs may have stale
 * translations. */
void frames_free(struct page_info *pg, unsigned order, bool stamped);

#endif
