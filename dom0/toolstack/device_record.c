/* SPDX-License-Identifier: MIT */
#include "dom0/toolstack/device_record.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dom0/toolstack/report.h"

static int by_number(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return x < y ? -1 : x > y;
}

int device_record_ids(struct xsc *xs, uint32_t domid, enum device_kind kind, uint32_t **ids, size_t *count)
{
    char dir[DEVICE_PATH_ROOM];
    size_t names_count = 0;
    char **names;

    snprintf(dir, sizeof(dir), "/libxl/%u/device/%s", domid, device_kind_name(kind));
    names = xsc_directory(xs, XSC_NO_TX, dir, &names_count);
    if (!names && errno != ENOENT)
        return -1;
    *count = 0;
    *ids = calloc(names_count + 1, sizeof(**ids));
    if (!*ids) {
        free(names);
        errno = ENOMEM;
        return -1;
    }
    for (size_t i = 0; names && i < names_count; i++) {
        char *end;
        unsigned long id = strtoul(names[i], &end, 10);

        if (end != names[i] && *end == '\0' && id <= UINT32_MAX)
            (*ids)[(*count)++] = (uint32_t)id;
    }
    free(names);
    qsort(*ids, *count, sizeof(**ids), by_number);
    return 0;
}

/* "/local/domain/0/backend/DIR/N/ID" */
static bool backend_of_path(const char *path, enum device_kind kind, enum device_backend *backend)
{
    static const char prefix[] = "/local/domain/0/backend/";
    const char *dir = path + strlen(prefix);

    if (strncmp(path, prefix, strlen(prefix)) != 0)
        return false;
    for (*backend = 0; *backend < DEVICE_BACKENDS; (*backend)++) {
        size_t len = strlen(device_backends[*backend].dir);

        if (device_backends[*backend].kind == kind && strncmp(dir, device_backends[*backend].dir, len) == 0 &&
            dir[len] == '/')
            return true;
    }
    return false;
}

int device_record_find(struct xsc *xs, uint32_t domid, enum device_kind kind, uint32_t devid,
                       struct device *dev)
{
    char *path =
        xsc_readf(xs, XSC_NO_TX, "/libxl/%u/device/%s/%u/backend", domid, device_kind_name(kind), devid);
    bool known;

    if (!path)
        return -1;
    *dev = (struct device){.domid = domid, .devid = devid};
    known = backend_of_path(path, kind, &dev->backend);
    free(path);
    errno = ENOTSUP;
    return known ? 0 : -1;
}

char *device_record_node(struct xsc *xs, const struct device *dev, const char *node)
{
    char record[DEVICE_PATH_ROOM];

    device_record_path(dev, record);
    return xsc_readf(xs, XSC_NO_TX, "%s/%s", record, node);
}

static bool node_is(struct xsc *xs, const struct device *dev, const char *node, const char *value)
{
    char *text = device_record_node(xs, dev, node);
    bool same = text && strcmp(text, value) == 0;

    free(text);
    return same;
}

static uint64_t node_number(struct xsc *xs, const struct device *dev, const char *node)
{
    char *text = device_record_node(xs, dev, node);
    uint64_t value = text ? strtoull(text, NULL, 10) : 0;

    free(text);
    return value;
}

static enum disk_backend disk_backend_of(enum device_backend backend)
{
    return backend == BACKEND_HOSPES_VBD ? DISK_BACKEND_HOSPES
           : backend == BACKEND_QDISK    ? DISK_BACKEND_QDISK
                                         : DISK_BACKEND_LINUX;
}

/* QEMU's "qcow2:/path", "aio:/path". */
static void split_params(struct disk_config *disk)
{
    char *colon = strchr(disk->target, ':');

    if (!colon)
        return;
    if (strncmp(disk->target, "qcow2:", 6) == 0)
        disk->format = DISK_FORMAT_QCOW2;
    memmove(disk->target, colon + 1, strlen(colon + 1) + 1);
}

static int read_disk(struct xsc *xs, const struct device *dev, struct disk_config *disk)
{
    disk->devid = dev->devid;
    disk->vdev = device_record_node(xs, dev, "dev");
    disk->target = device_record_node(xs, dev, "params");
    if (!disk->vdev || !disk->target)
        return -1;
    disk->format = node_is(xs, dev, "format", "qcow2") ? DISK_FORMAT_QCOW2 : DISK_FORMAT_RAW;
    disk->backend = disk_backend_of(dev->backend);
    if (disk->backend == DISK_BACKEND_QDISK)
        split_params(disk);
    disk->readonly = node_is(xs, dev, "mode", "r");
    disk->cdrom = node_is(xs, dev, "device-type", "cdrom");
    disk->removable = node_is(xs, dev, "removable", "1");
    disk->discard = node_is(xs, dev, "discard-enable", "1");
    disk->direct_io_safe = node_is(xs, dev, "direct-io-safe", "1");
    disk->limit_iops = node_number(xs, dev, "limit-iops");
    disk->limit_bytes = node_number(xs, dev, "limit-bytes");
    return 0;
}

static int read_mac(struct xsc *xs, const struct device *dev, uint8_t mac[6])
{
    char *text = device_record_node(xs, dev, "mac");
    int fields = text ? sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &mac[0], &mac[1], &mac[2], &mac[3],
                               &mac[4], &mac[5])
                      : 0;

    free(text);
    errno = EINVAL;
    return fields == 6 ? 0 : -1;
}

static int read_vif(struct xsc *xs, const struct device *dev, struct vif_config *vif)
{
    char *rate = device_record_node(xs, dev, "rate");

    vif->devid = dev->devid;
    vif->backend = dev->backend == BACKEND_HOSPES_VIF ? VIF_BACKEND_HOSPES : VIF_BACKEND_LINUX;
    vif->bridge = device_record_node(xs, dev, "bridge");
    vif->vifname = device_record_node(xs, dev, "vifname");
    vif->ip = device_record_node(xs, dev, "ip");
    vif->script = device_record_node(xs, dev, "script");
    vif->forward = device_record_node(xs, dev, "forward");
    vif->mtu = (uint32_t)node_number(xs, dev, "mtu");
    vif->queues = (uint32_t)node_number(xs, dev, "queues");
    vif->antispoof = node_is(xs, dev, "antispoof", "1");
    if (rate && sscanf(rate, "%" SCNu64 ",%u", &vif->rate_bytes, &vif->rate_usecs) != 2)
        vif->rate_bytes = 0;
    free(rate);
    return read_mac(xs, dev, vif->mac);
}

static int read_disks(struct xsc *xs, uint32_t domid, struct domain_config *cfg)
{
    struct device dev;
    uint32_t *ids;
    size_t count;
    int rc = device_record_ids(xs, domid, DEVICE_VBD, &ids, &count);

    if (rc != 0)
        return -1;
    cfg->disks = calloc(count + 1, sizeof(*cfg->disks));
    for (size_t i = 0; i < count && rc == 0; i++) {
        cfg->disk_count = cfg->disks ? i + 1 : 0;
        rc = cfg->disks ? device_record_find(xs, domid, DEVICE_VBD, ids[i], &dev) : -1;
        if (rc == 0)
            rc = read_disk(xs, &dev, &cfg->disks[i]);
    }
    free(ids);
    return rc;
}

static int read_vifs(struct xsc *xs, uint32_t domid, struct domain_config *cfg)
{
    struct device dev;
    uint32_t *ids;
    size_t count;
    int rc = device_record_ids(xs, domid, DEVICE_VIF, &ids, &count);

    if (rc != 0)
        return -1;
    cfg->vifs = calloc(count + 1, sizeof(*cfg->vifs));
    for (size_t i = 0; i < count && rc == 0; i++) {
        cfg->vif_count = cfg->vifs ? i + 1 : 0;
        rc = cfg->vifs ? device_record_find(xs, domid, DEVICE_VIF, ids[i], &dev) : -1;
        if (rc == 0)
            rc = read_vif(xs, &dev, &cfg->vifs[i]);
    }
    free(ids);
    return rc;
}

int device_record_config(struct toolstack *ts, uint32_t domid, struct domain_config *cfg)
{
    struct domain_config now;

    domain_config_init(&now);
    if (read_disks(ts->xs, domid, &now) != 0 || read_vifs(ts->xs, domid, &now) != 0) {
        report_error("domain %u: cannot read the configuration of its devices: %s", domid, strerror(errno));
        domain_config_free(&now);
        return -1;
    }
    domain_config_free_devices(cfg);
    cfg->disks = now.disks;
    cfg->disk_count = now.disk_count;
    cfg->vifs = now.vifs;
    cfg->vif_count = now.vif_count;
    return 0;
}
