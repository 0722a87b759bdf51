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

/*
 * The whole ring in *text (free()). Nothing is printed meanwhile: dom0's own console is written to the same
 * ring, so that it would never come to an end.
 */
static int read_ring(struct toolstack *ts, char **text, size_t *len, uint32_t *index)
{
    FILE *all = open_memstream(text, len);
    char buf[STEP_BYTES];
    long got = 0;

    if (!all)
        return -1;
    for (int step = 0; step < MAX_STEPS; step++) {
        got = hv_read_console(&ts->hv, buf, sizeof(buf), index, false);
        if (got <= 0)
            break;
        fwrite(buf, 1, (size_t)got, all);
    }
    if (fclose(all) != 0 || got < 0) {
        free(*text);
        *text = NULL;
        return -1;
    }
    return 0;
}

int cmd_dmesg(struct toolstack *ts, int argc, char **argv)
{
    uint32_t index = 0;
    bool clear = false;
    char *text = NULL, one;
    size_t len = 0;
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
    if (read_ring(ts, &text, &len, &index) != 0) {
        report_error("dmesg: %s", strerror(errno));
        return EXIT_FAILURE;
    }
    fwrite(text, 1, len, stdout);
    free(text);
    if (clear && hv_read_console(&ts->hv, &one, 1, &index, true) < 0) {
        report_error("dmesg: cannot clear the ring: %s", strerror(errno));
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
