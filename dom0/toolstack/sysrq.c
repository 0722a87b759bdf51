/* SPDX-License-Identifier: MIT */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dom0/toolstack/cmd.h"
#include "dom0/toolstack/report.h"
#include "xs/client/xs.h"

int cmd_sysrq(struct toolstack *ts, int argc, char **argv)
{
    uint32_t domid;

    if (argc != 3)
        return cmd_usage(argv);
    if (!isgraph((unsigned char)argv[2][0]) || argv[2][1] != '\0') {
        report_error("sysrq: %s is no single letter", argv[2]);
        return EXIT_FAILURE;
    }
    if (toolstack_find_domain(ts, argv[1], &domid) != 0)
        return EXIT_FAILURE;
    if (xsc_writef(ts->xs, XSC_NO_TX, argv[2], "/local/domain/%u/control/sysrq", domid) != 0) {
        report_error("sysrq: domain %u: %s", domid, strerror(errno));
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
