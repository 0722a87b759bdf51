/* SPDX-License-Identifier: MIT */
/* Disks that the kernel's blkback serves: a block device, or a plain file through a loop device. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include <xen/io/xenbus.h>

#include "dom0/toolstack/device_kinds.h"
#include "dom0/toolstack/loop.h"
#include "dom0/toolstack/report.h"

#define SECTOR_BYTES 512

/* A loop device over a plain file. */
static int make_block_device(struct disk_device *disk, int file, const struct stat *st)
{
    if (st->st_size < SECTOR_BYTES)
        return disk_fail(disk, "shorter than one sector");
    if (st->st_size % SECTOR_BYTES)
        report_warning("disk %s: %s: its last %lld bytes are no whole sector, the guest will not see them",
                       disk->cfg->vdev, disk->cfg->target, (long long)(st->st_size % SECTOR_BYTES));
    disk->fd = loop_attach(file, disk->cfg->target, disk->cfg->readonly);
    if (disk->fd >= 0)
        return 0;
    return disk_fail(disk, errno == EBUSY    ? "in use by another disk, and one of the two would write"
                           : errno == ENOENT ? "no loop devices (is the module loop loaded?)"
                                             : strerror(errno));
}

static int open_target(struct disk_device *disk, struct stat *st)
{
    int fd = open(disk->cfg->target, (disk->cfg->readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC | O_NONBLOCK);
    int rc;

    if (fd < 0)
        return disk_fail(disk, strerror(errno));
    if (fstat(fd, st) != 0) {
        rc = disk_fail(disk, strerror(errno));
    } else if (S_ISBLK(st->st_mode)) {
        disk->fd = fd;
        return 0;
    } else if (S_ISREG(st->st_mode)) {
        rc = make_block_device(disk, fd, st);
    } else {
        rc = disk_fail(disk, "neither a file nor a block device");
    }
    close(fd);
    return rc == 0 && fstat(disk->fd, st) != 0 ? disk_fail(disk, strerror(errno)) : rc;
}

int disk_linux_prepare(struct disk_device *disk)
{
    struct stat st;

    if (open_target(disk, &st) != 0)
        return -1;
    device_nodes_back(&disk->nodes, "type", "phy");
    device_nodes_back(&disk->nodes, "params", "%s", disk->cfg->target);
    /* What a hotplug script would find out: blkback takes it when it starts, nobody has to wait for it. */
    device_nodes_back(&disk->nodes, "physical-device", "%x:%x", major(st.st_rdev), minor(st.st_rdev));
    device_nodes_back(&disk->nodes, "hotplug-status", "connected");
    return 0;
}

/* blkback shows this attribute from when it has opened the block device. */
static bool opened_by_driver(const struct disk_device *disk)
{
    char name[DEVICE_PATH_ROOM], path[DEVICE_PATH_ROOM + 64];

    device_bus_name(&disk->dev, name);
    snprintf(path, sizeof(path), "/sys/bus/xen-backend/devices/%s/physical_device", name);
    return access(path, F_OK) == 0;
}

int disk_linux_connect(struct toolstack *ts, struct disk_device *disk)
{
    const struct timespec step = {0, 1000000};
    int64_t deadline = device_now_ms() + DEVICE_TIMEOUT_MS;
    char *error;
    int rc;

    while (!opened_by_driver(disk)) {
        if (device_now_ms() > deadline || device_backend_state(ts->xs, &disk->dev) >= XenbusStateClosing) {
            error = device_backend_error(ts->xs, &disk->dev);
            rc = disk_fail(disk, error ? error : "the block backend did not open it");
            free(error);
            return rc;
        }
        nanosleep(&step, NULL);
    }
    return 0;
}
