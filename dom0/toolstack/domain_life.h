/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_TOOLSTACK_DOMAIN_LIFE_H
#define HOSPES_TOOLSTACK_DOMAIN_LIFE_H

#include <stdint.h>

#include "dom0/toolstack/domain_config.h"
#include "dom0/toolstack/toolstack.h"

/*
 * Whole domains: made, ended, watched. All need toolstack_need_all() done, and return 0, or -1 after a
 * report.
 */

/*
 * Builds a guest with its devices, paused and introduced to the store. When it fails nothing is left of the
 * domain. (create.c)
 */
int domain_make(struct toolstack *ts, const struct domain_config *cfg, uint32_t *domid);

/*
 * Ends a domain at once, in whatever state it and its nodes are (half built, dying, gone but for its nodes),
 * and removes all that belongs to it. Two at a time do not disturb each other. (destroy.c)
 */
int domain_end(struct toolstack *ts, uint32_t domid);

/*
 * Starts the process that watches over the domain and does what the configuration says when it powers off,
 * reboots or crashes. Returns in the caller when the watch stands, so that nothing is missed once the guest
 * runs. (monitor.c)
 */
int monitor_start(struct toolstack *ts, uint32_t domid, const struct domain_config *cfg);

#endif
