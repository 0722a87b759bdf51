/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "dom0/toolstack/cmd.h"
#include "dom0/toolstack/domain_store.h"
#include "dom0/toolstack/report.h"
#include "xs/client/xs.h"

/* How often to look again while waiting, should a watch event be lost with a restarted store. */
#define WAIT_STEP_MS 5000

static int find_guest(struct toolstack *ts, const char *verb, const char *arg, uint32_t *domid)
{
    if (toolstack_find_domain(ts, arg, domid) != 0)
        return -1;
    if (*domid == 0) {
        report_error("%s: domain 0 is this one", verb);
        return -1;
    }
    return 0;
}

static int apply(struct toolstack *ts, int argc, char **argv, int (*op)(struct hv *hv, uint32_t domid))
{
    uint32_t domid;

    if (argc != 2)
        return cmd_usage(argv);
    if (find_guest(ts, argv[0], argv[1], &domid) != 0)
        return EXIT_FAILURE;
    if (op(&ts->hv, domid) != 0) {
        report_error("%s: domain %u: %s", argv[0], domid, strerror(errno));
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}

int cmd_pause(struct toolstack *ts, int argc, char **argv)
{
    return apply(ts, argc, argv, hv_domain_pause);
}

int cmd_unpause(struct toolstack *ts, int argc, char **argv)
{
    return apply(ts, argc, argv, hv_domain_unpause);
}

static bool has_ended(struct toolstack *ts, uint32_t domid)
{
    struct xen_domctl_getdomaininfo info;

    return hv_domain_info(&ts->hv, domid, &info) != 0 ||
           (info.flags & (XEN_DOMINF_shutdown | XEN_DOMINF_dying));
}

static int wait_ended(struct toolstack *ts, const char *verb, uint32_t domid)
{
    if (xsc_watch(ts->xs, "@releaseDomain", "end") != 0) {
        report_error("%s: cannot watch domain %u: %s", verb, domid, strerror(errno));
        return -1;
    }
    while (!has_ended(ts, domid)) {
        struct xsc_event *event = xsc_wait_watch(ts->xs, WAIT_STEP_MS);

        if (!event && errno != ETIMEDOUT && errno != EINTR) {
            report_error("%s: the store: %s", verb, strerror(errno));
            return -1;
        }
        free(event);
    }
    return 0;
}

/* Asks the guest's kernel through control/shutdown. */
static int ask(struct toolstack *ts, int argc, char **argv, const char *what)
{
    uint32_t domid;
    bool wait = false;
    int c;

    while ((c = getopt(argc, argv, "w")) != -1) {
        if (c != 'w')
            return cmd_usage(argv);
        wait = true;
    }
    if (optind + 1 != argc)
        return cmd_usage(argv);
    if (find_guest(ts, argv[0], argv[optind], &domid) != 0)
        return EXIT_FAILURE;
    if (xsc_writef(ts->xs, XSC_NO_TX, what, "/local/domain/%u/control/shutdown", domid) != 0) {
        report_error("%s: domain %u: %s", argv[0], domid, strerror(errno));
        return EXIT_FAILURE;
    }
    return wait && wait_ended(ts, argv[0], domid) != 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

int cmd_shutdown(struct toolstack *ts, int argc, char **argv)
{
    return ask(ts, argc, argv, "poweroff");
}

int cmd_reboot(struct toolstack *ts, int argc, char **argv)
{
    return ask(ts, argc, argv, "reboot");
}

int cmd_rename(struct toolstack *ts, int argc, char **argv)
{
    uint32_t domid;

    if (argc != 3)
        return cmd_usage(argv);
    if (!domain_name_is_valid(argv[2])) {
        report_error("rename: %s: " DOMAIN_NAME_RULE, argv[2]);
        return EXIT_FAILURE;
    }
    if (find_guest(ts, argv[0], argv[1], &domid) != 0)
        return EXIT_FAILURE;
    return domain_store_rename(ts, domid, argv[2]) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
