/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "dom0/toolstack/cmd.h"
#include "dom0/toolstack/device.h"
#include "dom0/toolstack/domain_life.h"
#include "dom0/toolstack/domain_store.h"
#include "dom0/toolstack/report.h"
#include "xs/client/xs.h"

#define RUN_DIR "/run/hospes"

/* How long to wait for daemons to let go of a dead guest's pages, in steps. */
#define GONE_STEPS   200
#define GONE_STEP_NS 10000000L

/*
 * The monitor and an operator may end a domain at the same time; a loop device that one has given back may be
 * another guest's when the second gives it back again. So ending is one at a time. The kernel drops the lock
 * with its holder.
 */
static int lock_domain(uint32_t domid, char path[64])
{
    int fd;

    mkdir(RUN_DIR, 0755);
    snprintf(path, 64, RUN_DIR "/end.%u", domid);
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    /* Without a writable /run the domain still must go. */
    if (fd >= 0)
        while (flock(fd, LOCK_EX) != 0 && errno == EINTR)
            ;
    return fd;
}

static void unlock_domain(int fd, const char *path)
{
    if (fd < 0)
        return;
    unlink(path);
    close(fd);
}

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
    char path[64];
    int lock = lock_domain(domid, path);
    int rc = end_locked(ts, domid);

    unlock_domain(lock, path);
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
