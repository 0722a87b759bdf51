/* SPDX-License-Identifier: MIT */
/* Cards that the kernel's netback serves: what a hotplug script would do to the interface is done here. */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dom0/toolstack/device_kinds.h"
#include "dom0/toolstack/report.h"

#define NO_SCRIPT "/bin/true"
#define STEP_MS   250

void vif_linux_describe(struct vif_device *vif)
{
    /* netback refuses a vif without a script. It is never run by us; others may, and this one does nothing.
     */
    device_nodes_back(&vif->nodes, "script", "%s", vif->cfg->script ? vif->cfg->script : NO_SCRIPT);
}

/* Name, MTU, bridge, up; the name first, it can only be changed while the interface is down. */
static int plug_in(struct vif_device *vif, struct net_link *net, const char *name,
                   const struct net_link_info *link)
{
    uint32_t mtu = vif->cfg->mtu ? vif->cfg->mtu : vif->bridge.mtu;

    if (vif->cfg->vifname && net_link_rename(net, link->index, vif->cfg->vifname) != 0)
        return vif_fail(vif, vif->cfg->vifname, strerror(errno));
    if (mtu != link->mtu && net_link_set_mtu(net, link->index, mtu) != 0)
        return vif_fail(vif, "MTU", strerror(errno));
    if (net_link_set_master(net, link->index, vif->bridge.index) != 0)
        return vif_fail(vif, vif_bridge_name(vif->cfg), strerror(errno));
    if (net_link_set_up(net, link->index) != 0)
        return vif_fail(vif, name, strerror(errno));
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
        rc = vif_fail(vif, name,
                      error  ? error
                      : late ? device_backends[vif->dev.backend].silence
                             : strerror(why));
        free(error);
        return rc;
    }
    return 0;
}

int vif_linux_connect(struct toolstack *ts, struct vif_device *vif, struct net_link *net)
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
        return vif_fail(vif, path, strerror(errno));
    return 0;
}
