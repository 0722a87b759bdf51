/* SPDX-License-Identifier: MIT */
#include "dom0/toolstack/device_kinds.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dom0/toolstack/qemu.h"
#include "dom0/toolstack/report.h"

int disk_fail(const struct disk_device *disk, const char *why)
{
    report_error("disk %s: %s: %s", disk->cfg->vdev, disk->cfg->target, why);
    return -1;
}

/* What all backends are told alike. */
static void describe(struct disk_device *disk)
{
    const struct disk_config *cfg = disk->cfg;
    struct device_nodes *nodes = &disk->nodes;

    device_nodes_front(nodes, "virtual-device", "%u", cfg->devid);
    device_nodes_front(nodes, "device-type", "%s", cfg->cdrom ? "cdrom" : "disk");

    device_nodes_back(nodes, "dev", "%s", cfg->vdev);
    device_nodes_back(nodes, "mode", "%s", cfg->readonly ? "r" : "w");
    device_nodes_back(nodes, "device-type", "%s", cfg->cdrom ? "cdrom" : "disk");
    device_nodes_back(nodes, "removable", "%d", cfg->removable);
    device_nodes_back(nodes, "bootable", "1");
    device_nodes_back(nodes, "discard-enable", "%d", cfg->discard && !cfg->readonly);
    if (cfg->direct_io_safe)
        device_nodes_back(nodes, "direct-io-safe", "1");
}

/* hospes-blockd opens the file itself; a wrong name is better found before there is anything to undo. */
static int hospes_prepare(struct disk_device *disk)
{
    const struct disk_config *cfg = disk->cfg;
    int fd = open(cfg->target, (cfg->readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0)
        return disk_fail(disk, strerror(errno));
    close(fd);
    device_nodes_back(&disk->nodes, "type", "hospes");
    device_nodes_back(&disk->nodes, "format", "%s", cfg->format == DISK_FORMAT_QCOW2 ? "qcow2" : "raw");
    device_nodes_back(&disk->nodes, "params", "%s", cfg->target);
    if (cfg->limit_iops)
        device_nodes_back(&disk->nodes, "limit-iops", "%" PRIu64, cfg->limit_iops);
    if (cfg->limit_bytes)
        device_nodes_back(&disk->nodes, "limit-bytes", "%" PRIu64, cfg->limit_bytes);
    return 0;
}

static const struct {
    enum device_backend backend;
    int (*prepare)(struct disk_device *disk);
    int (*begin)(struct toolstack *ts, uint32_t domid);             /* what must run to serve it */
    int (*connect)(struct toolstack *ts, struct disk_device *disk); /* what is left to do once it is ready */
} servers[] = {
    [DISK_BACKEND_LINUX] = {BACKEND_LINUX_VBD, disk_linux_prepare, NULL, disk_linux_connect},
    [DISK_BACKEND_HOSPES] = {BACKEND_HOSPES_VBD, hospes_prepare, NULL, NULL},
    [DISK_BACKEND_QDISK] = {BACKEND_QDISK, disk_qemu_prepare, qemu_start, NULL},
};

int disk_prepare(struct disk_device *disk, uint32_t domid, const struct disk_config *cfg)
{
    memset(disk, 0, sizeof(*disk));
    disk->dev = (struct device){servers[cfg->backend].backend, domid, cfg->devid};
    disk->cfg = cfg;
    disk->fd = -1;
    describe(disk);
    return servers[cfg->backend].prepare(disk);
}

int disk_connect(struct toolstack *ts, struct disk_device *disk)
{
    enum disk_backend backend = disk->cfg->backend;
    char *why;

    if (servers[backend].begin && servers[backend].begin(ts, disk->dev.domid) != 0)
        return -1;
    if (device_wait_ready(ts->xs, &disk->dev, DEVICE_TIMEOUT_MS, &why) != 0) {
        disk_fail(disk, why ? why : "out of memory");
        free(why);
        return -1;
    }
    return servers[backend].connect ? servers[backend].connect(ts, disk) : 0;
}

void disk_release(struct disk_device *disk)
{
    if (disk->fd >= 0)
        close(disk->fd);
    disk->fd = -1;
    device_nodes_free(&disk->nodes);
}
