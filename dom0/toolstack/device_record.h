/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_TOOLSTACK_DEVICE_RECORD_H
#define HOSPES_TOOLSTACK_DEVICE_RECORD_H

#include "dom0/toolstack/device_nodes.h"
#include "dom0/toolstack/domain_config.h"
#include "dom0/toolstack/toolstack.h"

/*
 * What the store remembers of a guest's devices at /libxl/N/device, where no guest can write. Devices that
 * came after the guest's start are there like the first ones, so this, not the file that the guest was made
 * from, is its configuration.
 */

/* Numbers of the devices of one kind, ascending: malloc'd list in *ids. 0, or -1 with errno. */
int device_record_ids(struct xsc *xs, uint32_t domid, enum device_kind kind, uint32_t **ids, size_t *count);

/* The device of that kind and number; -1 with errno, ENOENT when there is none, ENOTSUP for a backend that is
 * not known. */
int device_record_find(struct xsc *xs, uint32_t domid, enum device_kind kind, uint32_t devid,
                       struct device *dev);

/* A node of the record; malloc'd, NULL with errno. */
char *device_record_node(struct xsc *xs, const struct device *dev, const char *node);

/*
 * Replaces the disks and cards in cfg by those that the guest has. 0, or -1 after a report with cfg as it
 * was.
 */
int device_record_config(struct toolstack *ts, uint32_t domid, struct domain_config *cfg);

#endif
