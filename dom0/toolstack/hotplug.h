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

/*
 * Verbs that give a running guest one more device: argv[1] is the guest, the words behind it, put together
 * with commas as in a file, describe the device. describe() puts that into `more`, which is empty, and sees
 * that it can be had beside what the guest has; 0, or -1 after a report. Returns the exit status.
 */
typedef int hotplug_describe(const struct hotplug *h, const char *spec, struct domain_config *more);
int hotplug_attach(struct toolstack *ts, int argc, char **argv, hotplug_describe *describe);

/*
 * Verbs that take one away: DOMAIN DEVICE [--force], find() gives the device's number, or -1 after a report.
 * Returns the exit status.
 */
typedef int hotplug_find(const struct hotplug *h, const char *name, uint32_t *devid);
int hotplug_detach(struct toolstack *ts, int argc, char **argv, enum device_kind kind, hotplug_find *find);

#endif
