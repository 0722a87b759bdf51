/* SPDX-License-Identifier: MIT */
/*
 * Grant tables, version 1. Operations take typed arguments and fill op->status with GNTST_*; no guest
 * pointers. The mapper or copier is current->domain. No lock is held by the caller.
 */
#ifndef HYP_GRANT_GRANT_H
#define HYP_GRANT_GRANT_H

#include <xen/grant_table.h>
#include "domain/domain.h"

extern const struct domain_unit grant_unit;
/* At boot: makes the references that grants hold known to mm_audit(). */
void grant_init(void);

struct page_info;

/*
 * What a batch of maps or copies keeps from one element to the next: the domains it named last and, for
 * copies, the frames. Starts zeroed; whoever started it calls grant_batch_end() before it returns to the
 * guest.
 */
struct grant_buffer {
    struct domain *domain;  /* referenced */
    struct page_info *page; /* NULL: nothing claimed */
    char *va;               /* of that frame */
    bool by_ref, write;
    u16 domid; /* as the element named the domain */
    u64 name;  /* grant reference or frame number */
};
struct grant_batch {
    struct grant_buffer source, dest;
};
void grant_batch_end(struct grant_batch *b);

void grant_map(struct grant_batch *b, struct gnttab_map_grant_ref *op);
void grant_copy(struct grant_batch *b, struct gnttab_copy *op);

/*
 * Unmaps go in two steps so that a batch needs one TLB flush: grant_unmap() or grant_unmap_replace() for each
 * element, which takes the page-table entries away, then grant_unmap_finish() for all of them, which flushes
 * and only then lets the granters know.
 */
struct grant_unmap_state {
    struct domain *granter;
    u64 frame;
    u64 host_addr;
    u32 ref, handle;
    u32 flags;  /* GNTMAP_ bits of the mapping; host_map and device_map: those taken away here. 0: nothing */
    bool flush; /* some TLB may have the entry that was taken away */
};
void grant_unmap(struct gnttab_unmap_grant_ref *op, struct grant_unmap_state *st);
void grant_unmap_replace(struct gnttab_unmap_and_replace *op, struct grant_unmap_state *st);
void grant_unmap_finish(struct grant_unmap_state *st, unsigned n);

/* At least `frames` frames: 0, -EINVAL beyond the limit or dying, -ENOMEM. */
int grant_table_grow(struct domain *d, u32 frames);
/* Frame idx of the shared table, growing if needed (setup_table, acquire_resource): 0, -EINVAL, -ENOMEM. */
int grant_table_get_frame(struct domain *d, u32 idx, mfn_t *mfn);
void grant_query_size(struct domain *d, u32 *nr, u32 *max);
/* One line to the console; for `debug-keys g`. */
void grant_dump(struct domain *d);

#endif
