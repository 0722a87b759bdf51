/* SPDX-License-Identifier: MIT */
#include "dom0/toolstack/device_kinds.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dom0/toolstack/report.h"

#define DEFAULT_BRIDGE "xenbr0"

const char *vif_bridge_name(const struct vif_config *cfg)
{
    return cfg->bridge ? cfg->bridge : DEFAULT_BRIDGE;
}

int vif_fail(const struct vif_device *vif, const char *what, const char *why)
{
    report_error("vif %u: %s: %s", vif->dev.devid, what, why);
    return -1;
}

static void describe(struct vif_device *vif)
{
    const struct vif_config *cfg = vif->cfg;
    struct device_nodes *nodes = &vif->nodes;
    uint32_t mtu = cfg->mtu ? cfg->mtu : vif->bridge.mtu;
    char mac[18];

    snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", cfg->mac[0], cfg->mac[1], cfg->mac[2],
             cfg->mac[3], cfg->mac[4], cfg->mac[5]);
    device_nodes_front(nodes, "handle", "%u", vif->dev.devid);
    device_nodes_front(nodes, "mac", "%s", mac);
    device_nodes_front(nodes, "mtu", "%u", mtu);

    device_nodes_back(nodes, "handle", "%u", vif->dev.devid);
    device_nodes_back(nodes, "mac", "%s", mac);
    device_nodes_back(nodes, "type", "vif");
    device_nodes_back(nodes, "bridge", "%s", vif_bridge_name(cfg));
    device_nodes_back(nodes, "mtu", "%u", mtu);
    if (cfg->vifname)
        device_nodes_back(nodes, "vifname", "%s", cfg->vifname);
    if (cfg->ip)
        device_nodes_back(nodes, "ip", "%s", cfg->ip);
    if (cfg->rate_bytes)
        device_nodes_back(nodes, "rate", "%" PRIu64 ",%u", cfg->rate_bytes, cfg->rate_usecs);
}

static void hospes_describe(struct vif_device *vif)
{
    const struct vif_config *cfg = vif->cfg;

    if (cfg->antispoof)
        device_nodes_back(&vif->nodes, "antispoof", "1");
    if (cfg->queues)
        device_nodes_back(&vif->nodes, "queues", "%u", cfg->queues);
    if (cfg->forward)
        device_nodes_back(&vif->nodes, "forward", "%s", cfg->forward);
}

int vif_prepare(struct vif_device *vif, uint32_t domid, const struct vif_config *cfg, struct net_link *net)
{
    bool ours = cfg->backend == VIF_BACKEND_HOSPES;

    memset(vif, 0, sizeof(*vif));
    vif->dev = (struct device){ours ? BACKEND_HOSPES_VIF : BACKEND_LINUX_VIF, domid, cfg->devid};
    vif->cfg = cfg;
    if (cfg->vifname && !net_link_name_valid(cfg->vifname))
        return vif_fail(vif, cfg->vifname, "that can be no name of an interface");
    if (net_link_get(net, vif_bridge_name(cfg), &vif->bridge) != 0)
        return vif_fail(vif, vif_bridge_name(cfg),
                        errno == ENODEV ? "there is no such bridge; `hospes bridge-add` makes one"
                                        : strerror(errno));
    if (!vif->bridge.is_bridge)
        return vif_fail(vif, vif_bridge_name(cfg), "is no bridge");
    describe(vif);
    if (ours)
        hospes_describe(vif);
    else
        vif_linux_describe(vif);
    return 0;
}

int vif_connect(struct toolstack *ts, struct vif_device *vif, struct net_link *net)
{
    char *why;

    if (vif->cfg->backend == VIF_BACKEND_LINUX)
        return vif_linux_connect(ts, vif, net);
    if (device_wait_ready(ts->xs, &vif->dev, DEVICE_TIMEOUT_MS, &why) == 0)
        return 0;
    vif_fail(vif, vif_bridge_name(vif->cfg), why ? why : "out of memory");
    free(why);
    return -1;
}

void vif_release(struct vif_device *vif)
{
    device_nodes_free(&vif->nodes);
}
