/* SPDX-License-Identifier: MIT */
#include "dom0/backends/block/features.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <xen/io/protocols.h>

#include "dom0/backends/block/ring.h"

/* ---- ours ---- */

static unsigned info_bits(const struct disk *disk)
{
    return (disk->cdrom ? VDISK_CDROM : 0) | (disk->removable ? VDISK_REMOVABLE : 0) |
           (disk->limits.readonly ? VDISK_READONLY : 0);
}

int features_write(struct disk *disk)
{
    struct image_info info;

    image_info(disk->image, &info);

    const struct {
        const char *node;
        unsigned long long value;
    } features[] = {
        {"feature-flush-cache", 1},
        {"feature-barrier", 1},
        {"feature-persistent", 1},
        {"feature-max-indirect-segments", BLK_MAX_SEGMENTS},
        {"max-ring-page-order", BLK_RING_MAX_ORDER},
        {"multi-queue-max-queues", DISK_MAX_QUEUES},
        {"feature-discard", disk->limits.discard},
        {"sectors", disk->limits.sectors},
        {"sector-size", disk->limits.sector_bytes},
        {"info", info_bits(disk)},
        {"physical-sector-size", info.physical_sector_bytes},
        {"discard-granularity", info.discard_granularity}, /* the last: only with discard */
    };
    enum { COUNT = sizeof(features) / sizeof(features[0]) };
    struct backend_value values[COUNT];
    char texts[COUNT][24];

    for (size_t i = 0; i < COUNT; i++) {
        snprintf(texts[i], sizeof(texts[i]), "%llu", features[i].value);
        values[i] = (struct backend_value){features[i].node, texts[i]};
    }
    return backend_write_all(disk->dev, XSC_NO_TX, values, disk->limits.discard ? COUNT : COUNT - 1);
}

int features_write_size(struct disk *disk)
{
    return backend_write(disk->dev, XSC_NO_TX, "sectors", "%llu", (unsigned long long)disk->limits.sectors);
}

/* ---- the frontend's ---- */

/* A number that may be missing. */
static int optional(struct disk *disk, const char *node, uint64_t max, uint64_t missing, uint64_t *value)
{
    int error = backend_read_front(disk->dev, node, max, value);

    if (error == ENOENT) {
        *value = missing;
        return 0;
    }
    if (error)
        backend_dev_fail(disk->dev, error, "frontend's %s (at most %llu)", node, (unsigned long long)max);
    return error ? -1 : 0;
}

static int required(struct disk *disk, const char *node, uint32_t *value)
{
    uint64_t wide;
    int error = backend_read_front(disk->dev, node, UINT32_MAX, &wide);

    if (error) {
        backend_dev_fail(disk->dev, error, "frontend's %s", node);
        return -1;
    }
    *value = (uint32_t)wide;
    return 0;
}

/* Other layouts than ours are those of 32-bit guests, which cannot run here. */
static int check_protocol(struct disk *disk)
{
    char protocol[32];
    int error = backend_read_front_string(disk->dev, "protocol", protocol, sizeof(protocol));

    if (error == ENOENT || (error == 0 && strcmp(protocol, XEN_IO_PROTO_ABI_X86_64) == 0))
        return 0;
    backend_dev_fail(disk->dev, error ? error : EPROTONOSUPPORT,
                     "the frontend's protocol is not " XEN_IO_PROTO_ABI_X86_64);
    return -1;
}

/* "ring-ref" alone, or "ring-ref0", ... when a page order is given. */
static int read_ring(struct disk *disk, struct disk_wishes *wishes, unsigned queue, const char *prefix,
                     bool has_order)
{
    char node[48];

    for (unsigned i = 0; i < wishes->pages; i++) {
        if (has_order)
            snprintf(node, sizeof(node), "%sring-ref%u", prefix, i);
        else
            snprintf(node, sizeof(node), "%sring-ref", prefix);
        if (required(disk, node, &wishes->grefs[queue][i]) != 0)
            return -1;
    }
    snprintf(node, sizeof(node), "%sevent-channel", prefix);
    return required(disk, node, &wishes->ports[queue]);
}

int features_read(struct disk *disk, struct disk_wishes *wishes)
{
    uint64_t persistent, queues, order;
    bool has_order;

    memset(wishes, 0, sizeof(*wishes));
    has_order = backend_read_front(disk->dev, "ring-page-order", UINT32_MAX, &order) != ENOENT;
    if (check_protocol(disk) != 0 || optional(disk, "feature-persistent", 1, 0, &persistent) != 0 ||
        optional(disk, "multi-queue-num-queues", DISK_MAX_QUEUES, 1, &queues) != 0 ||
        optional(disk, "ring-page-order", BLK_RING_MAX_ORDER, 0, &order) != 0)
        return -1;
    if (queues == 0) {
        backend_dev_fail(disk->dev, EINVAL, "frontend's multi-queue-num-queues");
        return -1;
    }
    wishes->persistent = persistent;
    wishes->queues = (unsigned)queues;
    wishes->pages = 1u << order;
    for (unsigned i = 0; i < wishes->queues; i++) {
        char prefix[24] = "";

        /* One queue lies in the frontend's directory itself. */
        if (queues > 1)
            snprintf(prefix, sizeof(prefix), "queue-%u/", i);
        if (read_ring(disk, wishes, i, prefix, has_order) != 0)
            return -1;
    }
    return 0;
}
