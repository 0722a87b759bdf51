/* SPDX-License-Identifier: MIT */
/* Disks that QEMU serves (xl's qdisk). */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "dom0/toolstack/device_kinds.h"
#include "dom0/toolstack/qemu.h"

int disk_qemu_prepare(struct disk_device *disk)
{
    const struct disk_config *cfg = disk->cfg;

    if (access(QEMU_PATH, X_OK) != 0)
        return disk_fail(disk, "backendtype=qdisk needs " QEMU_PATH " (package qemu-system-xen)");
    if (access(cfg->target, cfg->readonly ? R_OK : R_OK | W_OK) != 0)
        return disk_fail(disk, strerror(errno));
    device_nodes_back(&disk->nodes, "type", "qdisk");
    device_nodes_back(&disk->nodes, "params", "%s:%s", cfg->format == DISK_FORMAT_QCOW2 ? "qcow2" : "aio",
                      cfg->target);
    return 0;
}
