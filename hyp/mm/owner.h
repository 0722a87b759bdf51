/* SPDX-License-Identifier: MIT */
/*
 * What the memory room knows of a domain: an owner of frames. struct domain embeds one as `mm`.
 */
#ifndef HYP_MM_OWNER_H
#define HYP_MM_OWNER_H

#include "lib/bitops.h"
#include "lib/list.h"
#include "lib/spinlock.h"

/* Four levels for each vCPU's operation under way. */
#define PT_UNFINISHED_MAX (4 * MAX_VCPUS_PER_DOMAIN)

struct mm_owner {
    u16 id;                    /* domid; DOMID_XEN, DOMID_IO for the two pseudo owners */
    bool may_map_mmio;         /* dom0: frames that are no RAM may be mapped, unless platform_mmio_denied() */
    bool dying;                /* no new pages */
    struct spinlock page_lock; /* LOCK_PAGE_ALLOC: list and counters below */
    u32 page_list; /* first frame of the doubly linked list through struct page_info; PAGE_LIST_NONE if empty
                    */
    u32 shared_list; /* hypervisor frames shared with the owner (shared_info, grant frames) */
    u64 tot_pages;   /* frames owned, without shared ones */
    u64 max_pages;
    struct spinlock pt_lock; /* LOCK_PT: every change of a page table of this owner */
    cpumask_t dirty_cpus; /* CPUs whose TLB may hold translations of this owner; kept by the context switch */
    u64 claimed;          /* frames kept back for this owner; LOCK_HEAP */
    u32 relinquish_list;  /* frames that mm_relinquish() has seen but others still refer to; page_lock */
    u32 nr_unfinished;    /* tables below: taken apart in part; pt_lock. See pt_finish() */
    u32 unfinished[PT_UNFINISHED_MAX];
};

#define PAGE_LIST_NONE 0 /* frame 0 is never given out */

extern struct mm_owner mm_owner_xen; /* M2P and other frames that tools may map read-only (DOMID_XEN) */
extern struct mm_owner mm_owner_io;  /* frames that are no RAM (DOMID_IO) */

/* Registers the owner under its id; the frames' owner_id is resolved through that table. */
void mm_owner_init(struct mm_owner *o, u16 id);
/* The owner has no frames and never will: its memory may go. */
void mm_owner_free(struct mm_owner *o);
/* Still has frames, its own or shared ones. A dying owner keeps them while others have them mapped. */
static inline bool mm_owner_has_frames(const struct mm_owner *o)
{
    return READ_ONCE(o->tot_pages) != 0 || READ_ONCE(o->shared_list) != PAGE_LIST_NONE;
}
/* domain/kill.c: the last frame of a dying owner has gone. Locks of other owners may be held (up to LOCK_PT):
 * only note it and act later. */
void mm_owner_drained(struct mm_owner *o);

#endif
