/* SPDX-License-Identifier: MIT */
/* Grant tables, version 1. Operations take typed arguments and return GNTST_* in the element; no guest pointers. */
#ifndef HYP_GRANT_GRANT_H
#define HYP_GRANT_GRANT_H

#include <xen/grant_table.h>
#include "domain/domain.h"

extern const struct domain_unit grant_unit;

/* Each fills op->status (and results). The mapper / caller is current->domain. */
void grant_map(struct gnttab_map_grant_ref *op);
/* Unmap in two steps so that a batch needs one TLB flush: all entries first, then one flush, then grant_unmap_finish() for each. */
struct grant_unmap_state {
    struct domain *granter; /* referenced, or NULL */
    mfn_t frame;
    u32 ref, handle;
    u32 done_flags;
};
void grant_unmap_start(struct gnttab_unmap_grant_ref *op, struct grant_unmap_state *st);
void grant_unmap_finish(struct grant_unmap_state *st);
void grant_copy(struct gnttab_copy *op);
/* Grows the table to `frames` and returns the frame numbers. 0 or GNTST_*. */
int grant_setup_table(struct domain *d, u32 frames, u64 *mfns);
void grant_query_size(struct domain *d, u32 *nr, u32 *max);
/* Frame idx of the shared table, growing if needed (acquire_resource): 0, -EINVAL, -ENOMEM. */
int grant_table_get_frame(struct domain *d, u32 idx, mfn_t *mfn);
unsigned grants_in_use(struct domain *d);

#endif
