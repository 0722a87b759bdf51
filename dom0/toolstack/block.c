/* SPDX-License-Identifier: MIT */
/* block-attach and block-detach. */
#include "dom0/toolstack/block.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "dom0/toolstack/cmd.h"
#include "dom0/toolstack/device.h"
#include "dom0/toolstack/report.h"
#include "dom0/toolstack/xlcfg_device.h"

const struct disk_config *block_find(const struct hotplug *h, const char *name)
{
    char *end;
    unsigned long number = strtoul(name, &end, 0);
    uint32_t devid;

    if (end == name || *end != '\0') {
        if (!xlcfg_disk_number(name, &devid)) {
            report_error("%s: %s is no name of a disk (xvda, xvdb1, ...)", h->verb, name);
            return NULL;
        }
        number = devid;
    }
    for (size_t i = 0; i < h->now.disk_count; i++)
        if (h->now.disks[i].devid == number)
            return &h->now.disks[i];
    report_error("%s: domain %u has no disk %s", h->verb, h->domid, name);
    return NULL;
}

static int attach(struct toolstack *ts, const struct hotplug *h, const char *spec)
{
    struct disk_config disk;
    struct domain_config more;
    int rc = xlcfg_parse_disk("command line", 1, spec, &disk);

    domain_config_init(&more);
    more.disks = &disk;
    more.disk_count = 1;
    if (rc == 0)
        rc = xlcfg_check_disk(h->now.disks, h->now.disk_count, &disk, "command line", 1);
    if (rc == 0)
        rc = devices_attach_more(ts, h->domid, &more);
    disk_config_free(&disk);
    return rc;
}

int cmd_block_attach(struct toolstack *ts, int argc, char **argv)
{
    struct hotplug h;
    char *spec;
    int rc;

    if (argc < 3)
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

int cmd_block_detach(struct toolstack *ts, int argc, char **argv)
{
    const struct disk_config *disk;
    struct hotplug h;
    bool force;
    int rc;

    if (!hotplug_detach_options(argc, argv, &force))
        return cmd_usage(argv);
    if (hotplug_open(ts, &h, argv[0], argv[optind]) != 0)
        return EXIT_FAILURE;
    disk = block_find(&h, argv[optind + 1]);
    rc = disk ? hotplug_detach(ts, &h, DEVICE_VBD, disk->devid, force) : -1;
    hotplug_close(&h);
    return rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
