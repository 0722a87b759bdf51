/* SPDX-License-Identifier: MIT */
#ifndef GUEST_GRANT_H
#define GUEST_GRANT_H

/*
 * Granting: this domain's version 1 table. Mapping and copying of others' grants: the hypercalls
 * directly, with window_alloc() for addresses.
 */

#include <stdbool.h>
#include <stdint.h>
#include <xen/grant_table.h>

/* Maps nr_frames of the table (0: as many as the hypervisor allows). False on failure. */
bool grant_init(unsigned nr_frames);

/* References 0..7 are reserved by the toolstack; a negative errno when none is left. */
int grant_alloc(void);
void grant_free(grant_ref_t ref);

/* Lets dom use the frame; flags is 0 or GTF_readonly. The frame must be this domain's. */
void grant_access(grant_ref_t ref, domid_t dom, unsigned long mfn, unsigned flags);

/*
 * Withdraws the grant. False when dom still has it mapped: it then stays valid, and the frame must
 * not be reused.
 */
bool grant_end(grant_ref_t ref);

/* The entry itself, for tests and for reading its use. NULL beyond the table. */
struct grant_entry_v1 *grant_entry(grant_ref_t ref);

unsigned grant_refs(void);

/*
 * Around a suspend (guest/suspend.c): unmaps the table, and maps the present one. In a new domain all its
 * entries are clear; references stay allocated.
 */
void grant_suspend(void);
void grant_resume(void);

#endif
