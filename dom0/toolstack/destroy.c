/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dom0/toolstack/cmd.h"
#include "dom0/toolstack/device.h"
#include "dom0/toolstack/domain_life.h"
#include "dom0/toolstack/domain_lock.h"
#include "dom0/toolstack/domain_store.h"
#include "dom0/toolstack/report.h"
#include "xs/client/xs.h"

/* How long to wait for daemons to let go of a dead guest's pages, in steps. */
#define GONE_STEPS   200
#define GONE_STEP_NS 10000000L

/* After destruction a domain stays until the daemons have unmapped its pages; that soon, so wait for it. */
static void wait_gone(struct toolstack *ts, uint32_t domid)
{
    const struct timespec step = {0, GONE_STEP_NS};
    struct xen_domctl_getdomaininfo info;

    for (int i = 0; i < GONE_STEPS && hv_domain_info(&ts->hv, domid, &info) == 0; i++)
        nanosleep(&step, NULL);
}

static int end_locked(struct toolstack *ts, uint32_t domid)
{
    bool there = hv_domain_pause(&ts->hv, domid) == 0 || errno != ESRCH;
    int rc = devices_detach_all(ts, domid);

    if (there && hv_domain_destroy(&ts->hv, domid) != 0 && errno != ESRCH) {
        report_error("destroy: domain %u: %s", domid, strerror(errno));
        rc = -1;
    }
    /* The store notices by itself; asking makes sure that its mapping is gone now. */
    xsc_release(ts->xs, domid);
    if (domain_store_remove(ts, domid) != 0)
        rc = -1;
    if (there)
        wait_gone(ts, domid);
    return rc;
}

int domain_end(struct toolstack *ts, uint32_t domid)
{
    struct domain_lock lock = {.fd = -1};
    int rc;

    domain_lock(&lock, domid);
    rc = end_locked(ts, domid);
    domain_unlock(&lock);
    return rc;
}

int cmd_destroy(struct toolstack *ts, int argc, char **argv)
{
    uint32_t domid;

    if (argc != 2)
        return cmd_usage(argv);
    if (toolstack_find_domain(ts, argv[1], &domid) != 0)
        return EXIT_FAILURE;
    if (domid == 0) {
        report_error("destroy: domain 0 is this one; use `poweroff`");
        return EXIT_FAILURE;
    }
    return domain_end(ts, domid) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
