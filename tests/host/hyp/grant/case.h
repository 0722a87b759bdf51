/* SPDX-License-Identifier: MIT */
/* What the tests of the grant room begin and end with, and the guests' calls in short form. The caller is
 * whoever simple_enter() named last. */
#ifndef CASE_H
#define CASE_H

#include "frames.h"
#include "grant/table.h"

/* Entries of d's table that others use now, plus mappings that d holds. */
static inline unsigned grants_in_use(const struct domain *d)
{
    return d->grant->nr_pinned + d->grant->nr_maps;
}

/* 0 is privileged and at first the caller; mostly it maps what 1 grants. */
extern struct domain *dom[3];
#define GRANTER 1
#define FRAME0  10 /* the granter's frames: 10..29; 30..39 are domain 0's, 40..49 domain 2's */

/* cmocka fixtures. The end fails if anything is not given back. */
int case_start(void **state);
int case_end(void **state);
#define CASE(f) cmocka_unit_test_setup_teardown(f, case_start, case_end)

/* The whole end of a domain, in the order of the domain room; how often it asked to be called again. */
unsigned bury(unsigned i);

struct grant_entry_v1 *entry(unsigned d, u32 ref);
void give(unsigned d, u32 ref, u16 to, u32 frame, u16 flags);

#define RW GNTMAP_host_map
#define RO (GNTMAP_host_map | GNTMAP_readonly)
struct gnttab_map_grant_ref map(u16 granter, u32 ref, u32 flags, u64 addr);
/* The same when only the status is of interest. */
int map_fails(u16 granter, u32 ref, u32 flags, u64 addr);
int unmap(u32 handle, u64 addr, u64 bus);
int copy(struct gnttab_copy op);

#endif
