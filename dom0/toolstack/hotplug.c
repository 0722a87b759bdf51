/* SPDX-License-Identifier: MIT */
#include "dom0/toolstack/hotplug.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

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

char *hotplug_spec(const char *verb, char *const words[], int count)
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

bool hotplug_detach_options(int argc, char **argv, bool *force)
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

int hotplug_detach(struct toolstack *ts, const struct hotplug *h, enum device_kind kind, uint32_t devid,
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
