/* SPDX-License-Identifier: MIT */
/* vcpu-set and vcpu-pin. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dom0/toolstack/cmd.h"
#include "dom0/toolstack/cpuset.h"
#include "dom0/toolstack/number.h"
#include "dom0/toolstack/report.h"
#include "xs/client/xs.h"

struct availability {
    uint32_t domid, count, max;
};

/* The guest's kernel watches these nodes and takes its CPUs up or down. */
static int write_body(struct xsc *xs, xsc_tx_t tx, void *arg)
{
    const struct availability *a = arg;

    for (uint32_t i = 0; i < a->max; i++)
        if (xsc_writef(xs, tx, i < a->count ? "online" : "offline", "/local/domain/%u/cpu/%u/availability",
                       a->domid, i) != 0)
            return -1;
    return 0;
}

int cmd_vcpu_set(struct toolstack *ts, int argc, char **argv)
{
    struct xen_domctl_getdomaininfo info;
    struct availability a;

    if (argc != 3)
        return cmd_usage(argv);
    if (!number_parse(argv[2], 1, UINT32_MAX, &a.count)) {
        report_error("vcpu-set: %s is no number of vCPUs", argv[2]);
        return EXIT_FAILURE;
    }
    if (toolstack_find_domain(ts, argv[1], &a.domid) != 0)
        return EXIT_FAILURE;
    if (hv_domain_info(&ts->hv, a.domid, &info) != 0) {
        report_error("vcpu-set: domain %u: %s", a.domid, strerror(errno));
        return EXIT_FAILURE;
    }
    a.max = info.max_vcpu_id + 1;
    if (a.count > a.max) {
        report_error("vcpu-set: domain %u was made for at most %u vCPUs (maxvcpus)", a.domid, a.max);
        return EXIT_FAILURE;
    }
    if (xsc_transact(ts->xs, write_body, &a) != 0) {
        report_error("vcpu-set: domain %u: %s", a.domid, strerror(errno));
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}

static int pin(struct toolstack *ts, uint32_t domid, uint32_t vcpu, const uint64_t *map)
{
    if (hv_vcpu_set_affinity(&ts->hv, domid, vcpu, map, CPUSET_WORDS) == 0)
        return 0;
    report_error("vcpu-pin: domain %u vCPU %u: %s", domid, vcpu,
                 errno == EINVAL ? "none of these CPUs is there" : strerror(errno));
    return -1;
}

int cmd_vcpu_pin(struct toolstack *ts, int argc, char **argv)
{
    bool all = argc == 4 && strcmp(argv[2], "all") == 0;
    struct xen_domctl_getdomaininfo info;
    uint64_t map[CPUSET_WORDS];
    uint32_t domid, vcpu = 0;

    if (argc != 4)
        return cmd_usage(argv);
    if (!all && !number_parse(argv[2], 0, UINT32_MAX, &vcpu)) {
        report_error("vcpu-pin: %s is neither the number of a vCPU nor all", argv[2]);
        return EXIT_FAILURE;
    }
    if (!cpuset_parse(argv[3], map)) {
        report_error("vcpu-pin: %s is no set of CPUs like 0-3,^1", argv[3]);
        return EXIT_FAILURE;
    }
    if (toolstack_find_domain(ts, argv[1], &domid) != 0)
        return EXIT_FAILURE;
    if (hv_domain_info(&ts->hv, domid, &info) != 0) {
        report_error("vcpu-pin: domain %u: %s", domid, strerror(errno));
        return EXIT_FAILURE;
    }
    if (!all && vcpu > info.max_vcpu_id) {
        report_error("vcpu-pin: domain %u has no vCPU %u; `hospes vcpu-list %u` shows them", domid, vcpu,
                     domid);
        return EXIT_FAILURE;
    }
    for (uint32_t i = all ? 0 : vcpu; i <= (all ? info.max_vcpu_id : vcpu); i++)
        if (pin(ts, domid, i, map) != 0)
            return EXIT_FAILURE;
    return EXIT_SUCCESS;
}
