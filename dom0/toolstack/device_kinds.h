/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_TOOLSTACK_DEVICE_KINDS_H
#define HOSPES_TOOLSTACK_DEVICE_KINDS_H

#include "dom0/toolstack/device_nodes.h"
#include "dom0/toolstack/domain_config.h"
#include "dom0/toolstack/net_link.h"

/*
 * The two kinds of device, each in the same three steps whatever backend serves it: prepare (look at dom0's
 * side, nothing that outlives this process), the nodes in the store (device.c writes those of all devices at
 * once), connect (wait for the driver, and do what it leaves to us). All return 0, or -1 after a report.
 */

/* How long a driver may take over its part. */
#define DEVICE_TIMEOUT_MS 10000

struct disk_device {
    struct device dev;
    struct device_nodes nodes;
    const struct disk_config *cfg;
    int fd; /* the block device, -1 for none: keeps a loop device until blkback has it open */
};

/* Reports "disk xvda: FILE: why"; -1. */
int disk_fail(const struct disk_device *disk, const char *why);

int disk_prepare(struct disk_device *disk, uint32_t domid, const struct disk_config *cfg);
int disk_connect(struct toolstack *ts, struct disk_device *disk);
void disk_release(struct disk_device *disk);

/* The part of blkback's disks, in device_disk_linux.c. */
int disk_linux_prepare(struct disk_device *disk);
int disk_linux_connect(struct toolstack *ts, struct disk_device *disk);

/* The part of QEMU's disks, in device_disk_qemu.c. */
int disk_qemu_prepare(struct disk_device *disk);

struct vif_device {
    struct device dev;
    struct device_nodes nodes;
    const struct vif_config *cfg;
    struct net_link_info bridge;
};

/* Reports "vif 0: what: why"; -1. */
int vif_fail(const struct vif_device *vif, const char *what, const char *why);
const char *vif_bridge_name(const struct vif_config *cfg);

/* net: opened before the nodes are written, so that the new interface is noticed. */
int vif_prepare(struct vif_device *vif, uint32_t domid, const struct vif_config *cfg, struct net_link *net);
int vif_connect(struct toolstack *ts, struct vif_device *vif, struct net_link *net);
void vif_release(struct vif_device *vif);

/* The part of netback's cards, in device_vif_linux.c. */
void vif_linux_describe(struct vif_device *vif);
int vif_linux_connect(struct toolstack *ts, struct vif_device *vif, struct net_link *net);

#endif
