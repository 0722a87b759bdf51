/* SPDX-License-Identifier: MIT */
/* debug-keys and trigger. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dom0/toolstack/cmd.h"
#include "dom0/toolstack/number.h"
#include "dom0/toolstack/report.h"

#define KEYS_MAX 32

int cmd_debug_keys(struct toolstack *ts, int argc, char **argv)
{
    if (argc != 2)
        return cmd_usage(argv);
    if (*argv[1] == '\0' || strlen(argv[1]) > KEYS_MAX) {
        report_error("debug-keys: 1 to %d keys", KEYS_MAX);
        return EXIT_FAILURE;
    }
    if (toolstack_need_hv(ts) != 0)
        return EXIT_FAILURE;
    if (hv_debug_keys(&ts->hv, argv[1]) != 0) {
        report_error("debug-keys: %s", strerror(errno));
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}

int cmd_trigger(struct toolstack *ts, int argc, char **argv)
{
    struct xen_domctl_getdomaininfo info;
    uint32_t domid, vcpu = 0;

    if (argc < 3 || argc > 4)
        return cmd_usage(argv);
    if (strcmp(argv[2], "nmi") != 0) {
        report_error("trigger: a PV guest can be sent nmi only, not %s", argv[2]);
        return EXIT_FAILURE;
    }
    if (argc == 4 && !number_parse(argv[3], 0, UINT32_MAX, &vcpu)) {
        report_error("trigger: %s is no number of a vCPU", argv[3]);
        return EXIT_FAILURE;
    }
    if (toolstack_find_domain(ts, argv[1], &domid) != 0)
        return EXIT_FAILURE;
    if (hv_domain_info(&ts->hv, domid, &info) != 0) {
        report_error("trigger: domain %u: %s", domid, strerror(errno));
        return EXIT_FAILURE;
    }
    if (vcpu > info.max_vcpu_id) {
        report_error("trigger: domain %u has no vCPU %u; `hospes vcpu-list %u` shows them", domid, vcpu,
                     domid);
        return EXIT_FAILURE;
    }
    if (hv_vcpu_nmi(&ts->hv, domid, vcpu) != 0) {
        report_error("trigger: domain %u vCPU %u: %s", domid, vcpu,
                     errno == ENOSYS ? "this hypervisor has no NMI for PV guests" : strerror(errno));
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
