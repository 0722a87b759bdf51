/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_TOOLSTACK_TOOLSTACK_H
#define HOSPES_TOOLSTACK_TOOLSTACK_H

#include <stddef.h>
#include <stdint.h>

#include "dom0/toolstack/hv.h"

struct xsc; /* xs/client/xs.h */

/*
 * What one run of the command holds open. main() fills it with zeroes; a verb asks for what it needs, so that
 * `hospes help` and a refused configuration touch neither the hypervisor nor the store.
 */
struct toolstack {
    struct hv hv;
    struct xsc *xs;
};

/* Open on first use; 0, or -1 after a report. Later calls cost nothing. */
int toolstack_need_hv(struct toolstack *ts);
int toolstack_need_xs(struct toolstack *ts);

/* Both of the above. */
int toolstack_need_all(struct toolstack *ts);

/* Closes what is open; the structure may be used again. */
void toolstack_close(struct toolstack *ts);

/*
 * After fork(): the parent's handles must not be used in the child (the kernel ties them to the process that
 * opened them). Drops them without touching the parent's, so that need_* opens new ones.
 */
void toolstack_forget(struct toolstack *ts);

/*
 * Domain named by what an operator typed: a decimal domid, or the name in the store. 0 and *domid, or -1
 * after a report. A domid is checked to exist; domain 0 is allowed (callers that may not touch it say so
 * themselves).
 */
int toolstack_find_domain(struct toolstack *ts, const char *arg, uint32_t *domid);

/* Name of domid from the store; malloc'd, never NULL ("(null)" for a domain without a name, as xl shows it).
 */
char *toolstack_domain_name(struct toolstack *ts, uint32_t domid);

#endif
