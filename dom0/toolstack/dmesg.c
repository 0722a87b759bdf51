/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dom0/toolstack/cmd.h"
#include "dom0/toolstack/report.h"

#define STEP_BYTES 16384
/* More than any console ring: a hypervisor that never comes to an end must not hold us. */
#define MAX_STEPS 4096

int cmd_dmesg(struct toolstack *ts, int argc, char **argv)
{
    uint32_t index = 0;
    char buf[STEP_BYTES];
    bool clear = false;
    int c;

    while ((c = getopt(argc, argv, "c")) != -1) {
        if (c != 'c')
            return cmd_usage(argv);
        clear = true;
    }
    if (optind != argc)
        return cmd_usage(argv);
    if (toolstack_need_hv(ts) != 0)
        return EXIT_FAILURE;
    for (int step = 0; step < MAX_STEPS; step++) {
        long got = hv_read_console(&ts->hv, buf, sizeof(buf), &index, false);

        if (got < 0) {
            report_error("dmesg: %s", strerror(errno));
            return EXIT_FAILURE;
        }
        if (got == 0)
            break;
        fwrite(buf, 1, (size_t)got, stdout);
    }
    if (clear && hv_read_console(&ts->hv, buf, 1, &index, true) < 0) {
        report_error("dmesg: cannot clear the ring: %s", strerror(errno));
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
