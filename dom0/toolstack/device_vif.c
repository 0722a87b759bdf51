/* SPDX-License-Identifier: MIT */
#include "dom0/toolstack/device_kinds.h"

#include <errno.h>
#include <inttypes.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xen/io/xenbus.h>

#include "dom0/toolstack/report.h"

#define DEFAULT_BRIDGE "xenbr0"
#define NO_SCRIPT      "/bin/true"
#define STEP_MS        250

static const char *bridge_name(const struct vif_config *cfg)
{
    return cfg->bridge ? cfg->bridge : DEFAULT_BRIDGE;
}

static int fail(const struct vif_device *vif, const char *what, const char *why)
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
    device_nodes_back(nodes, "bridge", "%s", bridge_name(cfg));
    device_nodes_back(nodes, "mtu", "%u", mtu);
    if (cfg->vifname)
        device_nodes_back(nodes, "vifname", "%s", cfg->vifname);
    if (cfg->ip)
        device_nodes_back(nodes, "ip", "%s", cfg->ip);
    /* netback refuses a vif without a script. It is never run by us; others may, and this one does nothing.
     */
    device_nodes_back(nodes, "script", "%s", cfg->script ? cfg->script : NO_SCRIPT);
    if (cfg->rate_bytes)
        device_nodes_back(nodes, "rate", "%" PRIu64 ",%u", cfg->rate_bytes, cfg->rate_usecs);
}

int vif_prepare(struct vif_device *vif, uint32_t domid, uint32_t devid, const struct vif_config *cfg,
                struct net_link *net)
{
    memset(vif, 0, sizeof(*vif));
    vif->dev = (struct device){DEVICE_VIF, domid, devid};
    vif->cfg = cfg;
    if (cfg->vifname && !net_link_name_valid(cfg->vifname))
        return fail(vif, cfg->vifname, "that can be no name of an interface");
    if (net_link_get(net, bridge_name(cfg), &vif->bridge) != 0)
        return fail(vif, bridge_name(cfg), errno == ENODEV ? "there is no such bridge" : strerror(errno));
    if (!vif->bridge.is_bridge)
        return fail(vif, bridge_name(cfg), "is no bridge");
    describe(vif);
    return 0;
}

/* Name, MTU, bridge, up; the name first, it can only be changed while the interface is down. */
static int plug_in(struct vif_device *vif, struct net_link *net, const char *name,
                   const struct net_link_info *link)
{
    uint32_t mtu = vif->cfg->mtu ? vif->cfg->mtu : vif->bridge.mtu;

    if (vif->cfg->vifname && net_link_rename(net, link->index, vif->cfg->vifname) != 0)
        return fail(vif, vif->cfg->vifname, strerror(errno));
    if (mtu != link->mtu && net_link_set_mtu(net, link->index, mtu) != 0)
        return fail(vif, "MTU", strerror(errno));
    if (net_link_set_master(net, link->index, vif->bridge.index) != 0)
        return fail(vif, bridge_name(vif->cfg), strerror(errno));
    if (net_link_set_up(net, link->index) != 0)
        return fail(vif, name, strerror(errno));
    return 0;
}

/* netback makes the interface as soon as it sees the nodes, before any guest answers. */
static int wait_interface(struct toolstack *ts, struct vif_device *vif, struct net_link *net,
                          const char *name, struct net_link_info *link)
{
    int64_t deadline = device_now_ms() + DEVICE_TIMEOUT_MS;

    while (net_link_wait(net, name, STEP_MS, link) != 0) {
        bool late = device_now_ms() > deadline;
        int why = errno, rc;
        char *error = why == ETIMEDOUT ? device_backend_error(ts->xs, &vif->dev) : NULL;

        if (why == ETIMEDOUT && !error && !late)
            continue;
        rc = fail(vif, name,
                  error  ? error
                  : late ? "no answer from the network backend (is xen-netback loaded?)"
                         : strerror(why));
        free(error);
        return rc;
    }
    return 0;
}

int vif_connect(struct toolstack *ts, struct vif_device *vif, struct net_link *net)
{
    char name[IFNAMSIZ], path[DEVICE_PATH_ROOM];
    struct net_link_info link;

    snprintf(name, sizeof(name), "vif%u.%u", vif->dev.domid, vif->dev.devid);
    if (wait_interface(ts, vif, net, name, &link) != 0)
        return -1;
    if (plug_in(vif, net, name, &link) != 0)
        return -1;
    device_backend_path(&vif->dev, path);
    if (xsc_writef(ts->xs, XSC_NO_TX, "connected", "%s/hotplug-status", path) != 0)
        return fail(vif, path, strerror(errno));
    return 0;
}

void vif_release(struct vif_device *vif)
{
    device_nodes_free(&vif->nodes);
}
