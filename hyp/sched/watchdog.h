/* SPDX-License-Identifier: MIT */
/* SCHEDOP_watchdog: timers by which a domain asks to be ended unless it arms them again in time. */
#ifndef HYP_SCHED_WATCHDOG_H
#define HYP_SCHED_WATCHDOG_H

#include "domain/domain.h"

extern const struct domain_unit watchdog_unit;

/*
 * id 0 takes a free timer and gives its number, 1 to NR_WATCHDOGS; another id arms that one again, or lets go
 * of it with 0 seconds. -ENOSPC: all are taken, -EINVAL: id is not. One that runs out shuts the domain down
 * with SHUTDOWN_watchdog.
 */
int watchdog_arm(struct domain *d, u32 id, u32 seconds);

#endif
