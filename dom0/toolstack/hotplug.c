/* SPDX-License-Identifier: MIT */
#include "dom0/toolstack/hotplug.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "dom0/toolstack/cmd.h"
#include "dom0/toolstack/device.h"
#include "dom0/toolstack/device_record.h"
#include "dom0/toolstack/report.h"

static int check_alive(struct toolstack *ts, const struct hotplug *h)
{
    struct xen_domctl_getdomaininfo info;

    if (hv_domain_info(&ts->hv, h->domid, &info) != 0) {
        report_error("%s: domain %u: %s", h->verb, h->domid, strerror(errno));
        return -1;
    }
    if (info.flags & (XEN_DOMINF_dying | XEN_DOMINF_shutdown)) {
        report_error("%s: domain %u has shut down", h->verb, h->domid);
        return -1;
    }
    return 0;
}

int hotplug_open(struct toolstack *ts, struct hotplug *h, const char *verb, const char *domain)
{
    memset(h, 0, sizeof(*h));
    h->verb = verb;
    domain_config_init(&h->now);
    if (toolstack_find_domain(ts, domain, &h->domid) != 0)
        return -1;
    if (h->domid == 0) {
        report_error("%s: domain 0 has the real devices", verb);
        return -1;
    }
    domain_lock(&h->lock, h->domid);
    if (check_alive(ts, h) == 0 && device_record_config(ts, h->domid, &h->now) == 0)
        return 0;
    domain_unlock(&h->lock);
    return -1;
}

void hotplug_close(struct hotplug *h)
{
    domain_config_free(&h->now);
    domain_unlock(&h->lock);
}

/* NULL after a report. */
static char *put_together(const char *verb, char *const words[], int count)
{
    size_t bytes = 1;
    char *spec;

    for (int i = 0; i < count; i++)
        bytes += strlen(words[i]) + 1;
    spec = malloc(bytes);
    if (!spec) {
        report_error("%s: out of memory", verb);
        return NULL;
    }
    *spec = '\0';
    for (int i = 0; i < count; i++) {
        if (i)
            strcat(spec, ",");
        strcat(spec, words[i]);
    }
    return spec;
}

int hotplug_attach(struct toolstack *ts, int argc, char **argv, hotplug_describe *describe)
{
    char *spec = put_together(argv[0], argv + 2, argc - 2);
    struct domain_config more;
    struct hotplug h;
    int rc = -1;

    domain_config_init(&more);
    if (spec && hotplug_open(ts, &h, argv[0], argv[1]) == 0) {
        rc = describe(&h, spec, &more);
        if (rc == 0)
            rc = devices_attach_more(ts, h.domid, &more);
        hotplug_close(&h);
    }
    domain_config_free(&more);
    free(spec);
    return rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* Takes "--force" (or "-f") out of the arguments; what is left must be DOMAIN DEVICE, at argv[optind]. */
static bool detach_options(int argc, char **argv, bool *force)
{
    static const struct option options[] = {{"force", no_argument, NULL, 'f'}, {NULL, 0, NULL, 0}};
    int c;

    *force = false;
    while ((c = getopt_long(argc, argv, "f", options, NULL)) != -1) {
        if (c != 'f')
            return false;
        *force = true;
    }
    return optind + 2 == argc;
}

static int take(struct toolstack *ts, const struct hotplug *h, enum device_kind kind, uint32_t devid,
                bool force)
{
    struct device dev;

    if (device_record_find(ts->xs, h->domid, kind, devid, &dev) != 0) {
        report_error("%s: domain %u: %s %u: %s", h->verb, h->domid, device_kind_name(kind), devid,
                     strerror(errno));
        return -1;
    }
    return force ? device_take_away(ts, &dev) : device_ask_back(ts, &dev);
}

int hotplug_detach(struct toolstack *ts, int argc, char **argv, enum device_kind kind, hotplug_find *find)
{
    struct hotplug h;
    uint32_t devid;
    bool force;
    int rc;

    if (!detach_options(argc, argv, &force))
        return cmd_usage(argv);
    if (hotplug_open(ts, &h, argv[0], argv[optind]) != 0)
        return EXIT_FAILURE;
    rc = find(&h, argv[optind + 1], &devid);
    if (rc == 0)
        rc = take(ts, &h, kind, devid, force);
    hotplug_close(&h);
    return rc == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
