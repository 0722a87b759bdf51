/* SPDX-License-Identifier: MIT */
#ifndef TESTS_HOST_GUEST_BLK_MACHINE_H
#define TESTS_HOST_GUEST_BLK_MACHINE_H

/*
 * What the block frontend needs of a machine, on the host: pages, a heap, a grant table and one event.
 * Breaking a rule aborts: a page that is freed or granted anew while the other side can reach it, a
 * reference that is freed while it grants something, a page freed twice.
 */

#include <stdbool.h>
#include <stdint.h>
#include <xen/grant_table.h>
#include "guest/frontends/blk_queue.h"

/* The page behind a reference, counted as mapped; NULL if the entry does not allow it. */
void *machine_map(grant_ref_t ref, bool write);
void machine_unmap(grant_ref_t ref, bool write);

/* Lets go of everything that is mapped. */
void machine_unmap_all(void);

/* The table of another domain: empty. Nothing is mapped. */
void machine_forget_grants(void);

/* Limits for the next allocations; -1 is no limit. */
void machine_limit_pages(long pages);

unsigned machine_pages(void);    /* allocated now */
unsigned machine_refs(void);     /* allocated now */
unsigned machine_granted(void);  /* entries that grant something */
unsigned machine_events(void);   /* sent so far */
unsigned machine_readonly(void); /* entries that grant reading only */

/* Aborts if anything is allocated; to be called at the end of a test. */
void machine_check_empty(void);

/* What blk_dev_broken() and blk_dev_unsupported() were told; NULL and 0 at first. */
extern const char *machine_broken;
extern unsigned machine_unsupported; /* 1 << BLK_... */

#endif
