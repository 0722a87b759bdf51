/* SPDX-License-Identifier: MIT */
/* block-resize and block-limit: disks that change while a guest uses them. */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/loop.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dom0/toolstack/block.h"
#include "dom0/toolstack/cmd.h"
#include "dom0/toolstack/device_kinds.h"
#include "dom0/toolstack/device_record.h"
#include "dom0/toolstack/report.h"
#include "dom0/toolstack/size.h"
#include "dom0/toolstack/xlcfg_device.h"

#define LOOP_MAJOR        "7:"
#define SECTOR_BYTES      512
#define QCOW2_SIZE_OFFSET 24
#define TOO_SMALL         "is larger than that: a disk is never made smaller under a guest"

static int fail(const struct hotplug *h, const struct disk_config *disk, const char *why)
{
    report_error("%s: %s: %s: %s", h->verb, disk->vdev, disk->target, why);
    return -1;
}

/* --- growing --- */

static int grow_file(const struct hotplug *h, const struct disk_config *disk, uint64_t bytes)
{
    int fd = open(disk->target, O_RDWR | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    int rc = 0;

    if (fd < 0 || fstat(fd, &st) != 0)
        rc = fail(h, disk, strerror(errno));
    else if (!S_ISREG(st.st_mode))
        rc = fail(h, disk, "is a block device: make it larger where it comes from, then leave SIZE out");
    else if ((uint64_t)st.st_size > bytes)
        rc = fail(h, disk, TOO_SMALL);
    else if (ftruncate(fd, (off_t)bytes) != 0)
        rc = fail(h, disk, strerror(errno));
    if (fd >= 0)
        close(fd);
    return rc;
}

/* The backend makes it larger: QEMU has the image open, and a lock on it. */
static int check_qcow2(const struct hotplug *h, const struct disk_config *disk, uint64_t bytes)
{
    int fd = open(disk->target, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    uint64_t size;
    int rc = 0;

    if (fd < 0)
        rc = fail(h, disk, strerror(errno));
    else if (pread(fd, &size, sizeof(size), QCOW2_SIZE_OFFSET) != sizeof(size))
        rc = fail(h, disk, "is no qcow2 image any more");
    else if (be64toh(size) > bytes)
        rc = fail(h, disk, TOO_SMALL);
    if (fd >= 0)
        close(fd);
    return rc;
}

/* How many bytes a raw image has. */
static int find_size(const struct hotplug *h, const struct disk_config *disk, uint64_t *bytes)
{
    int fd = open(disk->target, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    off_t end = fd >= 0 ? lseek(fd, 0, SEEK_END) : -1;
    int rc = end < 0 ? fail(h, disk, strerror(errno)) : 0;

    *bytes = (uint64_t)end;
    if (fd >= 0)
        close(fd);
    return rc;
}

/* The loop device below blkback does not look at its file by itself. */
static int refresh_loop(struct toolstack *ts, const struct hotplug *h, const struct disk_config *disk,
                        const struct device *dev)
{
    char *number = device_record_node(ts->xs, dev, "physical-device");
    char path[32];
    int fd, rc = 0;

    if (number && strncmp(number, LOOP_MAJOR, strlen(LOOP_MAJOR)) == 0) {
        snprintf(path, sizeof(path), "/dev/loop%lu", strtoul(number + strlen(LOOP_MAJOR), NULL, 16));
        fd = open(path, O_RDWR | O_CLOEXEC);
        if (fd < 0 || ioctl(fd, LOOP_SET_CAPACITY, 0) != 0)
            rc = fail(h, disk, strerror(errno));
        if (fd >= 0)
            close(fd);
    }
    free(number);
    return rc;
}

static int wait_sectors(struct toolstack *ts, const struct hotplug *h, const struct disk_config *disk,
                        const char *back, uint64_t expected)
{
    int64_t deadline = device_now_ms() + DEVICE_TIMEOUT_MS, left;
    char path[DEVICE_PATH_ROOM + 16];
    struct xsc_event *event;
    uint64_t sectors = 0;

    snprintf(path, sizeof(path), "%s/sectors", back);
    if (xsc_watch(ts->xs, path, "resize") != 0)
        return fail(h, disk, strerror(errno));
    for (;;) {
        if (xsc_read_u64(ts->xs, XSC_NO_TX, path, &sectors) == 0 && sectors == expected)
            break;
        left = deadline - device_now_ms();
        event = left > 0 ? xsc_wait_watch(ts->xs, (int)left) : NULL;
        if (!event && (left <= 0 || errno != EINTR))
            break;
        free(event);
    }
    xsc_unwatch(ts->xs, path, "resize");
    return sectors == expected ? 0 : fail(h, disk, "its backend has not taken the new size, see its log");
}

/* blkback looks at its device with the guest's next request; hospes-blockd when it is told to. */
static int announce(struct toolstack *ts, const struct hotplug *h, const struct disk_config *disk,
                    uint64_t bytes)
{
    char back[DEVICE_PATH_ROOM], node[DEVICE_PATH_ROOM + 16], value[24];
    uint64_t sectors = bytes / SECTOR_BYTES;
    struct device dev;
    int rc;

    if (device_record_find(ts->xs, h->domid, DEVICE_VBD, disk->devid, &dev) != 0)
        return fail(h, disk, strerror(errno));
    if (disk->backend == DISK_BACKEND_LINUX)
        return refresh_loop(ts, h, disk, &dev);
    device_backend_path(&dev, back);
    snprintf(value, sizeof(value), "%" PRIu64, sectors);
    snprintf(node, sizeof(node), "%s/resize", back);
    if (xsc_writef(ts->xs, XSC_NO_TX, value, "%s", node) != 0)
        return fail(h, disk, strerror(errno));
    rc = wait_sectors(ts, h, disk, back, sectors);
    /* What was not done now is not to be done later, when nobody thinks of it any more. */
    if (rc != 0)
        xsc_rm(ts->xs, XSC_NO_TX, node);
    return rc;
}

static int resize(struct toolstack *ts, const struct hotplug *h, const char *name, uint64_t kib)
{
    const struct disk_config *disk = block_find(h, name);
    uint64_t bytes = kib * 1024;
    int rc;

    if (!disk)
        return -1;
    if (disk->backend == DISK_BACKEND_QDISK)
        return fail(h, disk, "QEMU does not tell a guest of a new size");
    if (disk->readonly && disk->format == DISK_FORMAT_QCOW2)
        return fail(h, disk, "is read only: nobody makes it larger");
    if (disk->format == DISK_FORMAT_QCOW2 && !kib)
        return fail(h, disk, "is a qcow2 image: say how large it shall become");
    if (disk->format == DISK_FORMAT_QCOW2)
        rc = check_qcow2(h, disk, bytes);
    else
        rc = kib ? grow_file(h, disk, bytes) : find_size(h, disk, &bytes);
    return rc == 0 ? announce(ts, h, disk, bytes) : -1;
}

int cmd_block_resize(struct toolstack *ts, int argc, char **argv)
{
    struct hotplug h;
    uint64_t kib = 0;
    int rc;

    if (argc < 3 || argc > 4)
        return cmd_usage(argv);
    if (argc == 4 && !size_parse(argv[3], &kib)) {
        report_error("%s: %s is no size (MiB, or with a letter: 512m, 2g)", argv[0], argv[3]);
        return EXIT_FAILURE;
    }
    if (hotplug_open(ts, &h, argv[0], argv[1]) != 0)
        return EXIT_FAILURE;
    rc = resize(ts, &h, argv[2], kib);
    hotplug_close(&h);
    return rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* --- limits --- */

struct limit {
    const char *node;
    bool is_bytes, given;
    uint64_t value;
};

struct limits {
    struct device dev;
    struct limit list[2];
};

/* To the backend, which follows the node, and to the record, from which a reboot takes it. */
static int limits_body(struct xsc *xs, xsc_tx_t tx, void *arg)
{
    const struct limits *l = arg;
    char back[DEVICE_PATH_ROOM], record[DEVICE_PATH_ROOM], value[24];

    device_backend_path(&l->dev, back);
    device_record_path(&l->dev, record);
    for (size_t i = 0; i < 2; i++) {
        if (!l->list[i].given)
            continue;
        snprintf(value, sizeof(value), "%" PRIu64, l->list[i].value);
        if (xsc_writef(xs, tx, value, "%s/%s", back, l->list[i].node) != 0 ||
            xsc_writef(xs, tx, value, "%s/%s", record, l->list[i].node) != 0)
            return -1;
    }
    return 0;
}

static int parse_limit(const char *word, struct limits *l)
{
    for (size_t i = 0; i < 2; i++) {
        struct limit *limit = &l->list[i];
        size_t len = strlen(limit->node);

        if (strncmp(word, limit->node, len) != 0 || word[len] != '=')
            continue;
        limit->given = true;
        if (xlcfg_parse_limit(word + len + 1, limit->is_bytes, &limit->value))
            return 0;
        break;
    }
    report_error(
        "block-limit: %s: expected limit-iops=NUMBER or limit-bytes=NUMBER (or 20m, 1g; 0: no limit)", word);
    return -1;
}

static void show(const struct disk_config *disk)
{
    printf("limit-iops=%" PRIu64 " limit-bytes=%" PRIu64 "\n", disk->limit_iops, disk->limit_bytes);
}

static int limit(struct toolstack *ts, const struct hotplug *h, const char *name, struct limits *l)
{
    const struct disk_config *disk = block_find(h, name);

    if (!disk)
        return -1;
    if (disk->backend != DISK_BACKEND_HOSPES)
        return fail(h, disk, "only disks with backendtype=hospes have limits");
    if (!l->list[0].given && !l->list[1].given) {
        show(disk);
        return 0;
    }
    if (device_record_find(ts->xs, h->domid, DEVICE_VBD, disk->devid, &l->dev) != 0 ||
        xsc_transact(ts->xs, limits_body, l) != 0)
        return fail(h, disk, strerror(errno));
    return 0;
}

int cmd_block_limit(struct toolstack *ts, int argc, char **argv)
{
    struct limits l = {.list = {{.node = "limit-iops"}, {.node = "limit-bytes", .is_bytes = true}}};
    struct hotplug h;
    int rc;

    if (argc < 3)
        return cmd_usage(argv);
    for (int i = 3; i < argc; i++)
        if (parse_limit(argv[i], &l) != 0)
            return EXIT_FAILURE;
    if (hotplug_open(ts, &h, argv[0], argv[1]) != 0)
        return EXIT_FAILURE;
    rc = limit(ts, &h, argv[2], &l);
    hotplug_close(&h);
    return rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
