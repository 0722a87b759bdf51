/* SPDX-License-Identifier: MIT */
/* The sub-operations of sysctl that have a file of their own. The control lock is held; results go into *op.
 */
#ifndef HYP_HYPERCALLS_SYSCTL_H
#define HYP_HYPERCALLS_SYSCTL_H

#include <xen/sysctl.h>
#include "lib/types.h"

typedef long sysctl_fn(struct xen_sysctl *op);

/* sysctl_info.c */
sysctl_fn sysctl_physinfo, sysctl_cpu_topology, sysctl_numa, sysctl_pci_topology;
/* sysctl_sched.c */
sysctl_fn sysctl_sched_id, sysctl_scheduler, sysctl_cpu_pool;
/* debug_keys.c */
sysctl_fn sysctl_debug_keys;

#endif
