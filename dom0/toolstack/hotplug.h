/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_TOOLSTACK_HOTPLUG_H
#define HOSPES_TOOLSTACK_HOTPLUG_H

#include <stdbool.h>

#include "dom0/toolstack/device_nodes.h"
#include "dom0/toolstack/domain_config.h"
#include "dom0/toolstack/domain_lock.h"
#include "dom0/toolstack/toolstack.h"

/* What block-attach, network-attach and their kind share. All report on their own. */

/* A guest that one of these verbs has to do with, locked against others that change its devices. */
struct hotplug {
    const char *verb;
    uint32_t domid;
    struct domain_lock lock;
    struct domain_config now; /* its devices at present */
};

/* Finds the guest, locks it, sees that it lives, reads its devices. 0, or -1 with nothing to close. */
int hotplug_open(struct toolstack *ts, struct hotplug *h, const char *verb, const char *domain);
void hotplug_close(struct hotplug *h);

/* Words from an operator's command line put together with commas, as in a file; NULL after a report. */
char *hotplug_spec(const char *verb, char *const words[], int count);

/*
 * Takes "--force" (or "-f") out of the arguments of a detach; what is left must be DOMAIN DEVICE, at
 * argv[optind]. False: wrong usage.
 */
bool hotplug_detach_options(int argc, char **argv, bool *force);

/* Detaches the device of that kind and number. */
int hotplug_detach(struct toolstack *ts, const struct hotplug *h, enum device_kind kind, uint32_t devid,
                   bool force);

#endif
