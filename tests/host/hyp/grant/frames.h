/* SPDX-License-Identifier: MIT */
/*
 * Frames that are only counted, and page tables that are a list of addresses. Mappings hold references as the
 * memory room's do. Callable from several threads.
 */
#ifndef FRAMES_H
#define FRAMES_H

#include "../simple/simple.h"
#include "mm/page.h"

#define FRAMES_NR 96
/* Addresses below have an L1 table, those above have none. */
#define FRAMES_VA_OK 0x100000UL

void frames_reset(void);
/* Makes d known as an owner of frames. */
void frames_owner(struct domain *d);
/* One of the first frames becomes d's, with the owner's reference. */
void frames_give(struct domain *d, u64 mfn);
/* The owner lets go. */
void frames_release(u64 mfn);
u64 frames_count(u64 mfn);
u64 frames_type_count(u64 mfn);
/* Mappings of the frame in anybody's tables; of everything. */
unsigned frames_mapped(u64 mfn);
unsigned frames_all_mapped(void);
/* Takes away all entries of d, as a dying domain's tables go. */
void frames_drop_tables(struct domain *d);
/* The guest overwrites an entry of its own, behind the back of the grant room. */
void frames_overwrite(struct domain *d, u64 va);
/* Shared pages not freed; flushes so far; their last address. */
extern unsigned frames_shared, frames_flushes;
extern u64 frames_last_flush;
/* Entries have their accessed bit when they are taken away (at first: yes). */
extern bool frames_used;
/* References that the audit hooks reported, for each frame. */
void frames_run_audit(u64 refs[FRAMES_NR], u64 writable[FRAMES_NR]);

#endif
