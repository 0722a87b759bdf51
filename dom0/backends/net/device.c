/* SPDX-License-Identifier: MIT */
#include "dom0/backends/net/device.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dom0/backends/net/vif.h"
#include "dom0/toolstack/net_link.h"
#include "xs/client/xs.h"

/* The least and the most that Linux takes for a tap. */
#define MTU_MIN 68u
#define MTU_MAX 65521u

static int refuse(char *why, size_t why_size, const char *what, const char *reason)
{
    snprintf(why, why_size, "%s: %s", what, reason);
    return -1;
}

static char *node(struct xsc *xs, const struct net_device *device, const char *name)
{
    return xsc_readf(xs, XSC_NO_TX, "/local/domain/0/backend/hospes-vif/%" PRIu32 "/%" PRIu32 "/%s",
                     device->domid, device->devid, name);
}

/* A number of the node; absent: `otherwise`. */
static int number(struct xsc *xs, const struct net_device *device, const char *name, unsigned long otherwise,
                  unsigned long *value)
{
    char *text = node(xs, device, name), *end;
    int rc = 0;

    *value = otherwise;
    if (text) {
        *value = strtoul(text, &end, 10);
        rc = *text < '0' || *text > '9' || *end ? -1 : 0;
    }
    free(text);
    return rc;
}

/* The name of an interface; absent: ""; */
static int interface_name(struct xsc *xs, const struct net_device *device, const char *name,
                          char out[IFNAMSIZ])
{
    char *text = node(xs, device, name);
    int rc = 0;

    out[0] = '\0';
    if (text && *text) {
        rc = net_link_name_valid(text) ? 0 : -1;
        if (rc == 0)
            memcpy(out, text, strlen(text) + 1);
    }
    free(text);
    return rc;
}

static int read_nodes(struct xsc *xs, struct net_device *device, char *why, size_t why_size)
{
    unsigned long mtu, queues;

    if (interface_name(xs, device, "vifname", device->name) != 0)
        return refuse(why, why_size, "vifname", "that can be no name of an interface");
    if (interface_name(xs, device, "bridge", device->bridge) != 0)
        return refuse(why, why_size, "bridge", "that can be no name of an interface");
    if (number(xs, device, "mtu", 0, &mtu) != 0 || (mtu != 0 && (mtu < MTU_MIN || mtu > MTU_MAX)))
        return refuse(why, why_size, "mtu", "not 68 to 65521");
    if (number(xs, device, "queues", 1, &queues) != 0 || queues == 0)
        return refuse(why, why_size, "queues", "not a positive number");
    if (!device->name[0])
        snprintf(device->name, sizeof(device->name), "vif%" PRIu32 ".%" PRIu32, device->domid, device->devid);
    device->mtu = (uint32_t)mtu;
    device->queues = queues < NET_QUEUES_MAX ? (unsigned int)queues : NET_QUEUES_MAX;
    device->mac = node(xs, device, "mac");
    device->ip = node(xs, device, "ip");
    device->forward = node(xs, device, "forward");
    return 0;
}

int net_device_read(struct net_device *device, uint32_t domid, uint32_t devid, char *why, size_t why_size)
{
    struct xsc *xs = xsc_open(NULL);
    char *frontend;
    int rc;

    *device = (struct net_device){.domid = domid, .devid = devid};
    if (!xs)
        return refuse(why, why_size, "the store", strerror(errno));
    frontend = node(xs, device, "frontend");
    rc = frontend ? read_nodes(xs, device, why, why_size)
                  : refuse(why, why_size, "the store", "there is no such device");
    free(frontend);
    xsc_close(xs);
    return rc;
}

void net_device_free(struct net_device *device)
{
    free(device->mac);
    free(device->ip);
    free(device->forward);
    *device = (struct net_device){0};
}
