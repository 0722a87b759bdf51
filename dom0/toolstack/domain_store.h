/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_TOOLSTACK_DOMAIN_STORE_H
#define HOSPES_TOOLSTACK_DOMAIN_STORE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "dom0/toolstack/build.h"
#include "dom0/toolstack/toolstack.h"

/*
 * A guest's part of the store but for its devices and console: /local/domain/N (the guest's own to read, a
 * few nodes its own to write), /vm/UUID and /libxl/N (ours alone), laid out as libxl does so that guests and
 * stock tools find what they expect. All need toolstack_need_all() done, and return 0, or -1 after a report.
 */

/*
 * Writes name, limits and the nodes that a guest fills, in one transaction that also makes sure that no
 * living domain has the name. Before build_fill: a guest must not run before it has this.
 */
int domain_store_create(struct toolstack *ts, const struct build *b);

/* The ring and port of the store itself, the console's nodes; then tells the store of the domain. */
int domain_store_introduce(struct toolstack *ts, const struct build *b);

/* Removes all of it; what is missing is no error. Works without knowing the configuration. */
int domain_store_remove(struct toolstack *ts, uint32_t domid);

/* Whether no living domain has the name. */
int domain_store_name_is_free(struct toolstack *ts, const char *name, bool *is_free);

/* Another name, if no living domain has it. */
int domain_store_rename(struct toolstack *ts, uint32_t domid, const char *name);

/*
 * Gives a dead domain another name and UUID, so that a new one can have those it had. The hypervisor is told
 * of the UUID as well.
 */
int domain_store_put_aside(struct toolstack *ts, uint32_t domid, const char *name);

/* Process id of the domain's monitor, kept at /libxl/N/hospes/monitor. */
int domain_store_set_monitor(struct toolstack *ts, uint32_t domid, pid_t pid);

#endif
