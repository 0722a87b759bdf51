/* SPDX-License-Identifier: MIT */
/* network-attach and network-detach. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dom0/toolstack/cmd.h"
#include "dom0/toolstack/hotplug.h"
#include "dom0/toolstack/report.h"
#include "dom0/toolstack/xlcfg_device.h"

static int check_mac(const struct hotplug *h, const struct vif_config *vif)
{
    for (size_t i = 0; i < h->now.vif_count; i++)
        if (memcmp(h->now.vifs[i].mac, vif->mac, sizeof(vif->mac)) == 0) {
            report_error("%s: domain %u has a card with this MAC address", h->verb, h->domid);
            return -1;
        }
    return 0;
}

static int describe(const struct hotplug *h, const char *spec, struct domain_config *more)
{
    more->vifs = calloc(1, sizeof(*more->vifs));
    if (!more->vifs) {
        report_error("%s: out of memory", h->verb);
        return -1;
    }
    more->vif_count = 1;
    if (xlcfg_parse_vif("command line", 1, spec, more->vifs) != 0)
        return -1;
    /* Above all others, as xl does: a number that was taken away is not used for another card at once. */
    if (h->now.vif_count)
        more->vifs->devid = h->now.vifs[h->now.vif_count - 1].devid + 1;
    return check_mac(h, more->vifs);
}

int cmd_network_attach(struct toolstack *ts, int argc, char **argv)
{
    return argc < 2 ? cmd_usage(argv) : hotplug_attach(ts, argc, argv, describe);
}

/* A card by number, or by MAC address. */
static int find(const struct hotplug *h, const char *name, uint32_t *devid)
{
    char mac[18], *end;
    unsigned long number = strtoul(name, &end, 10);

    for (size_t i = 0; i < h->now.vif_count; i++) {
        const struct vif_config *vif = &h->now.vifs[i];

        snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", vif->mac[0], vif->mac[1], vif->mac[2],
                 vif->mac[3], vif->mac[4], vif->mac[5]);
        if ((*end == '\0' && end != name && number == vif->devid) || strcasecmp(name, mac) == 0) {
            *devid = vif->devid;
            return 0;
        }
    }
    report_error("%s: domain %u has no card %s; `hospes network-list %u` shows its cards", h->verb, h->domid,
                 name, h->domid);
    return -1;
}

int cmd_network_detach(struct toolstack *ts, int argc, char **argv)
{
    return hotplug_detach(ts, argc, argv, DEVICE_VIF, find);
}
