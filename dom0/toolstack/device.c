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
        if (vif_prepare(&a->vifs[a->vif_count], domid, (uint32_t)a->vif_count, &cfg->vifs[a->vif_count],
                        a->net) != 0)
            return -1;
    return 0;
}

/* One transaction: a toolstack that dies leaves all devices or none, and the drivers start together. */
static int write_nodes(struct xsc *xs, xsc_tx_t tx, void *arg)
{
    const struct attachment *a = arg;

    for (size_t i = 0; i < a->disk_count; i++)
        if (device_nodes_write(xs, tx, &a->disks[i].dev, &a->disks[i].nodes) != 0)
            return -1;
    for (size_t i = 0; i < a->vif_count; i++)
        if (device_nodes_write(xs, tx, &a->vifs[i].dev, &a->vifs[i].nodes) != 0)
            return -1;
    return 0;
}

static int connect_all(struct toolstack *ts, struct attachment *a)
{
    for (size_t i = 0; i < a->disk_count; i++)
        if (disk_connect(ts, &a->disks[i]) != 0)
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

int devices_attach_all(struct toolstack *ts, uint32_t domid, const struct domain_config *cfg)
{
    struct attachment a;
    int rc;

    if (cfg->disk_count + cfg->vif_count == 0)
        return 0;
    memset(&a, 0, sizeof(a));
    rc = prepare(&a, domid, cfg);
    if (rc == 0) {
        rc = xsc_transact(ts->xs, write_nodes, &a);
        if (rc != 0)
            report_error("devices of domain %u: nodes in the store: %s", domid, strerror(errno));
        else
            rc = connect_all(ts, &a);
        if (rc != 0)
            devices_detach_all(ts, domid);
    }
    release(&a);
    return rc == 0 ? 0 : -1;
}
