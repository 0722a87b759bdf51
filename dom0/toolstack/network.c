/* SPDX-License-Identifier: MIT */
/* network-attach and network-detach. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dom0/toolstack/cmd.h"
#include "dom0/toolstack/device.h"
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

static int attach(struct toolstack *ts, const struct hotplug *h, const char *spec)
{
    struct vif_config vif;
    struct domain_config more;
    int rc = xlcfg_parse_vif("command line", 1, spec, &vif);

    /* Above all others, as xl does: a number that was taken away is not used for another card at once. */
    if (h->now.vif_count)
        vif.devid = h->now.vifs[h->now.vif_count - 1].devid + 1;
    domain_config_init(&more);
    more.vifs = &vif;
    more.vif_count = 1;
    if (rc == 0)
        rc = check_mac(h, &vif);
    if (rc == 0)
        rc = devices_attach_more(ts, h->domid, &more);
    vif_config_free(&vif);
    return rc;
}

int cmd_network_attach(struct toolstack *ts, int argc, char **argv)
{
    struct hotplug h;
    char *spec;
    int rc;

    if (argc < 2)
        return cmd_usage(argv);
    spec = hotplug_spec(argv[0], argv + 2, argc - 2);
    if (!spec)
        return EXIT_FAILURE;
    rc = hotplug_open(ts, &h, argv[0], argv[1]);
    if (rc == 0) {
        rc = attach(ts, &h, spec);
        hotplug_close(&h);
    }
    free(spec);
    return rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
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
    report_error("%s: domain %u has no card %s", h->verb, h->domid, name);
    return -1;
}

int cmd_network_detach(struct toolstack *ts, int argc, char **argv)
{
    struct hotplug h;
    uint32_t devid;
    bool force;
    int rc;

    if (!hotplug_detach_options(argc, argv, &force))
        return cmd_usage(argv);
    if (hotplug_open(ts, &h, argv[0], argv[optind]) != 0)
        return EXIT_FAILURE;
    rc = find(&h, argv[optind + 1], &devid);
    if (rc == 0)
        rc = hotplug_detach(ts, &h, DEVICE_VIF, devid, force);
    hotplug_close(&h);
    return rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
