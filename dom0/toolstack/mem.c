/* SPDX-License-Identifier: MIT */
/* mem-set and mem-max: how much a guest should have, and how much it may have. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dom0/toolstack/build.h"
#include "dom0/toolstack/cmd.h"
#include "dom0/toolstack/report.h"
#include "dom0/toolstack/size.h"
#include "xs/client/xs.h"

static int parse_args(struct toolstack *ts, int argc, char **argv, uint32_t *domid, uint64_t *kib)
{
    if (argc != 3)
        return cmd_usage(argv), -1;
    if (!size_parse(argv[2], kib)) {
        report_error("%s: %s is no size (MiB, or with a letter: 512m, 2g)", argv[0], argv[2]);
        return -1;
    }
    return toolstack_find_domain(ts, argv[1], domid);
}

/* static-max and target from the store, 0 when they are not there. */
static void read_limits(struct toolstack *ts, uint32_t domid, uint64_t *static_max, uint64_t *target)
{
    char path[64];

    snprintf(path, sizeof(path), "/local/domain/%u/memory/static-max", domid);
    if (xsc_read_u64(ts->xs, XSC_NO_TX, path, static_max) != 0)
        *static_max = 0;
    snprintf(path, sizeof(path), "/local/domain/%u/memory/target", domid);
    if (xsc_read_u64(ts->xs, XSC_NO_TX, path, target) != 0)
        *target = 0;
}

int cmd_mem_set(struct toolstack *ts, int argc, char **argv)
{
    uint64_t kib, static_max, target;
    uint32_t domid;
    char path[64];

    if (parse_args(ts, argc, argv, &domid, &kib) != 0)
        return EXIT_FAILURE;
    read_limits(ts, domid, &static_max, &target);
    if (static_max && kib > static_max) {
        report_error("mem-set: domain %u was made for at most %" PRIu64 " MiB (maxmem)", domid,
                     static_max / 1024);
        return EXIT_FAILURE;
    }
    /* The limit that the hypervisor enforces goes along: memory given back is not to be taken again. */
    if (domid != 0 && hv_domain_max_mem(&ts->hv, domid, kib + MAX_MEM_SLACK_KIB) != 0) {
        report_error("mem-set: domain %u: %s", domid, strerror(errno));
        return EXIT_FAILURE;
    }
    snprintf(path, sizeof(path), "/local/domain/%u/memory/target", domid);
    if (xsc_printf(ts->xs, XSC_NO_TX, path, "%" PRIu64, kib) != 0) {
        report_error("mem-set: domain %u: %s: %s", domid, path, strerror(errno));
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}

int cmd_mem_max(struct toolstack *ts, int argc, char **argv)
{
    uint64_t kib, static_max, target;
    uint32_t domid;

    if (parse_args(ts, argc, argv, &domid, &kib) != 0)
        return EXIT_FAILURE;
    read_limits(ts, domid, &static_max, &target);
    if (kib < target) {
        report_error("mem-max: domain %u has a target of %" PRIu64 " MiB; set that lower first", domid,
                     target / 1024);
        return EXIT_FAILURE;
    }
    if (hv_domain_max_mem(&ts->hv, domid, kib) != 0) {
        report_error("mem-max: domain %u: %s", domid, strerror(errno));
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
