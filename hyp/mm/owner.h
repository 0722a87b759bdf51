/* SPDX-License-Identifier: MIT */
/*
 * What the memory room knows of a domain: an owner of frames. struct domain embeds one as `mm`.
 */
#ifndef HYP_MM_OWNER_H
#define HYP_MM_OWNER_H

#include "lib/bitops.h"
#include "lib/list.h"
#include "lib/spinlock.h"

struct mm_owner {
    u16 id;              /* domid; DOMID_XEN, DOMID_IO for the two pseudo owners */
    bool may_map_mmio;   /* dom0: frames that are no RAM may be mapped, unless platform_mmio_denied() */
    bool privileged;     /* may map other owners' frames by foreigndom */
    bool dying;          /* no new pages */
    struct spinlock page_lock; /* LOCK_PAGE_ALLOC: list and counters below */
    u32 page_list;       /* first frame of the doubly linked list through struct page_info; PAGE_LIST_NONE if empty */
    u32 shared_list;     /* hypervisor frames shared with the owner (shared_info, grant frames) */
    u64 tot_pages;       /* frames owned, without shared ones */
    u64 max_pages;
    struct spinlock pt_lock; /* LOCK_PT: every change of a page table of this owner */
    cpumask_t dirty_cpus; /* CPUs whose TLB may hold translations of this owner; kept by the context switch */
    u64 relinquish_stage; /* of mm_relinquish() */
};

extern struct mm_owner mm_owner_xen; /* M2P and other frames that tools may map read-only (DOMID_XEN) */
extern struct mm_owner mm_owner_io;  /* frames that are no RAM (DOMID_IO) */

void mm_owner_init(struct mm_owner *o, u16 id);

#endif
