/* SPDX-License-Identifier: MIT */
/* block-attach and block-detach. */
#include "dom0/toolstack/block.h"

#include <stdlib.h>

#include "dom0/toolstack/cmd.h"
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
    report_error("%s: domain %u has no disk %s; `hospes block-list %u` shows its disks", h->verb, h->domid,
                 name, h->domid);
    return NULL;
}

/* What a command line names, for messages. */
#define SOURCE "command line"
#define LINE   1

static int describe(const struct hotplug *h, const char *spec, struct domain_config *more)
{
    more->disks = calloc(1, sizeof(*more->disks));
    if (!more->disks) {
        report_error("%s: out of memory", h->verb);
        return -1;
    }
    more->disk_count = 1;
    if (xlcfg_parse_disk(SOURCE, LINE, spec, more->disks) != 0)
        return -1;
    return xlcfg_check_disk(h->now.disks, h->now.disk_count, more->disks, SOURCE, LINE);
}

int cmd_block_attach(struct toolstack *ts, int argc, char **argv)
{
    return argc < 3 ? cmd_usage(argv) : hotplug_attach(ts, argc, argv, describe);
}

static int find(const struct hotplug *h, const char *name, uint32_t *devid)
{
    const struct disk_config *disk = block_find(h, name);

    if (!disk)
        return -1;
    *devid = disk->devid;
    return 0;
}

int cmd_block_detach(struct toolstack *ts, int argc, char **argv)
{
    return hotplug_detach(ts, argc, argv, DEVICE_VBD, find);
}
