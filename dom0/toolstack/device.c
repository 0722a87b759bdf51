/* SPDX-License-Identifier: MIT */
#include "dom0/toolstack/device.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dom0/toolstack/device_kinds.h"
#include "dom0/toolstack/report.h"

/* All devices of one guest while they are attached. */
struct attachment {
    struct disk_device *disks;
    struct vif_device *vifs;
    size_t disk_count, vif_count; /* that were prepared */
    struct net_link *net;
    bool add;   /* to a guest that may have devices of these numbers already */
    bool taken; /* it has */
};

static int prepare(struct attachment *a, uint32_t domid, const struct domain_config *cfg)
{
    a->disks = calloc(cfg->disk_count + 1, sizeof(*a->disks));
    a->vifs = calloc(cfg->vif_count + 1, sizeof(*a->vifs));
    if (!a->disks || !a->vifs) {
        report_error("devices of domain %u: out of memory", domid);
        return -1;
    }
    for (; a->disk_count < cfg->disk_count; a->disk_count++)
        if (disk_prepare(&a->disks[a->disk_count], domid, &cfg->disks[a->disk_count]) != 0) {
            a->disk_count++; /* it may hold something too */
            return -1;
        }
    if (cfg->vif_count == 0)
        return 0;
    a->net = net_link_open();
    if (!a->net) {
        report_error("devices of domain %u: netlink: %s", domid, strerror(errno));
        return -1;
    }
    for (; a->vif_count < cfg->vif_count; a->vif_count++)
        if (vif_prepare(&a->vifs[a->vif_count], domid, &cfg->vifs[a->vif_count], a->net) != 0)
            return -1;
    return 0;
}

/* -1: the guest has a device of this number, or errno. */
static int check_free(struct xsc *xs, xsc_tx_t tx, struct attachment *a, const struct device *dev)
{
    char record[DEVICE_PATH_ROOM];
    int there;

    device_record_path(dev, record);
    there = xsc_exists(xs, tx, record);
    a->taken = there > 0;
    return there == 0 ? 0 : -1;
}

static int check_all_free(struct xsc *xs, xsc_tx_t tx, struct attachment *a)
{
    for (size_t i = 0; i < a->disk_count; i++)
        if (check_free(xs, tx, a, &a->disks[i].dev) != 0)
            return -1;
    for (size_t i = 0; i < a->vif_count; i++)
        if (check_free(xs, tx, a, &a->vifs[i].dev) != 0)
            return -1;
    return 0;
}

/* One transaction: a toolstack that dies leaves all devices or none, and the drivers start together. */
static int write_nodes(struct xsc *xs, xsc_tx_t tx, void *arg)
{
    struct attachment *a = arg;
    struct xsc_batch batch;
    int rc = 0;

    a->taken = false;
    if (a->add && check_all_free(xs, tx, a) != 0)
        return -1;
    xsc_batch_begin(&batch, xs, tx);
    for (size_t i = 0; i < a->disk_count && rc == 0; i++)
        rc = device_nodes_write(&batch, &a->disks[i].dev, &a->disks[i].nodes);
    for (size_t i = 0; i < a->vif_count && rc == 0; i++)
        rc = device_nodes_write(&batch, &a->vifs[i].dev, &a->vifs[i].nodes);
    if (rc != 0)
        batch.error = errno;
    return xsc_batch_end(&batch);
}

/*
 * Backends take devices in the order in which they were written, so once the last one is ready the others
 * need no wait of their own.
 */
static int connect_all(struct toolstack *ts, struct attachment *a)
{
    for (size_t i = 0; i < a->disk_count; i++)
        if (disk_connect(ts, &a->disks[(i + a->disk_count - 1) % a->disk_count]) != 0)
            return -1;
    for (size_t i = 0; i < a->vif_count; i++)
        if (vif_connect(ts, &a->vifs[i], a->net) != 0)
            return -1;
    return 0;
}

static void release(struct attachment *a)
{
    for (size_t i = 0; i < a->disk_count; i++)
        disk_release(&a->disks[i]);
    for (size_t i = 0; i < a->vif_count; i++)
        vif_release(&a->vifs[i]);
    free(a->disks);
    free(a->vifs);
    net_link_close(a->net);
}

static void take_away(struct toolstack *ts, const struct attachment *a)
{
    for (size_t i = 0; i < a->disk_count; i++)
        device_take_away(ts, &a->disks[i].dev);
    for (size_t i = 0; i < a->vif_count; i++)
        device_take_away(ts, &a->vifs[i].dev);
}

static int attach(struct toolstack *ts, uint32_t domid, const struct domain_config *cfg, bool add)
{
    struct attachment a;
    int rc;

    if (cfg->disk_count + cfg->vif_count == 0)
        return 0;
    memset(&a, 0, sizeof(a));
    a.add = add;
    rc = prepare(&a, domid, cfg);
    if (rc == 0) {
        rc = xsc_transact(ts->xs, write_nodes, &a);
        if (rc != 0)
            report_error("devices of domain %u: nodes in the store: %s", domid,
                         a.taken ? "it has a device of this number" : strerror(errno));
        else if ((rc = connect_all(ts, &a)) != 0)
            take_away(ts, &a);
    }
    release(&a);
    return rc == 0 ? 0 : -1;
}

int devices_attach_all(struct toolstack *ts, uint32_t domid, const struct domain_config *cfg)
{
    return attach(ts, domid, cfg, false);
}

int devices_attach_more(struct toolstack *ts, uint32_t domid, const struct domain_config *cfg)
{
    return attach(ts, domid, cfg, true);
}
