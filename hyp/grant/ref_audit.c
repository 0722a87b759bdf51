/* SPDX-License-Identifier: MIT */
/* What grants hold on frames beside page-table entries, for the auditor of the memory room. */
#include "grant/table.h"
#include "mm/pagetable.h"

static void report_pins(const struct grant_table *gt)
{
    for (u32 f = 0; f < gt->nr_frames; f++) {
        for (u32 i = 0; i < GRANTS_PER_FRAME; i++) {
            const struct grant_pin *p = &gt->pins[f][i];
            if (p->readers | p->writers)
                mm_audit_add_ref(mfn_of(p->frame), PGT_none);
        }
    }
}

/* A device's part of a writable mapping has a type use of its own. */
static void report_mappings(const struct grant_table *gt)
{
    for (u32 handle = 0; handle < gt->nr_map_frames * MAPTRACK_PER_FRAME; handle++) {
        const struct grant_mapping *m = maptrack_slot(gt, handle);
        if (m && (m->flags & GNTMAP_device_map) && !(m->flags & GNTMAP_readonly))
            mm_audit_add_ref(grant_pinned_frame(m->granter, m->ref), PGT_writable);
    }
}

static void report(void)
{
    struct domain *d;

    for (unsigned next = 0; (d = domain_get_next(next));) {
        next = d->id + 1u;
        if (d->grant) {
            report_pins(d->grant);
            report_mappings(d->grant);
        }
        domain_put(d);
    }
}

void grant_audit_init(void)
{
    mm_audit_register(report);
}
