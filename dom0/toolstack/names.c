/* SPDX-License-Identifier: MIT */
/* domid, domname, uptime: what one domain is called, and since when. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dom0/toolstack/cmd.h"
#include "dom0/toolstack/output.h"
#include "dom0/toolstack/report.h"
#include "xs/client/xs.h"

int cmd_domid(struct toolstack *ts, int argc, char **argv)
{
    uint32_t domid;

    if (argc != 2)
        return cmd_usage(argv);
    if (toolstack_find_domain(ts, argv[1], &domid) != 0)
        return EXIT_FAILURE;
    printf("%u\n", domid);
    return EXIT_SUCCESS;
}

int cmd_domname(struct toolstack *ts, int argc, char **argv)
{
    uint32_t domid;
    char *name;

    if (argc != 2)
        return cmd_usage(argv);
    if (toolstack_find_domain(ts, argv[1], &domid) != 0)
        return EXIT_FAILURE;
    name = xsc_readf(ts->xs, XSC_NO_TX, "/local/domain/%u/name", domid);
    if (!name) {
        report_error("domain %u has no name", domid);
        return EXIT_FAILURE;
    }
    printf("%s\n", name);
    free(name);
    return EXIT_SUCCESS;
}

static int64_t seconds_of_dom0(void)
{
    FILE *f = fopen("/proc/uptime", "re");
    double seconds;
    int64_t value = -1;

    if (!f)
        return -1;
    if (fscanf(f, "%lf", &seconds) == 1)
        value = (int64_t)seconds;
    fclose(f);
    return value;
}

/* -1 when it is not known. */
static int64_t seconds_up(struct toolstack *ts, uint32_t domid)
{
    char *vm, path[512];
    uint64_t start;
    int64_t value = -1;

    if (domid == 0)
        return seconds_of_dom0();
    vm = xsc_readf(ts->xs, XSC_NO_TX, "/local/domain/%u/vm", domid);
    if (vm && snprintf(path, sizeof(path), "%s/start_time", vm) < (int)sizeof(path) &&
        xsc_read_u64(ts->xs, XSC_NO_TX, path, &start) == 0)
        value = (int64_t)time(NULL) - (int64_t)start;
    free(vm);
    return value;
}

int cmd_uptime(struct toolstack *ts, int argc, char **argv)
{
    struct xen_domctl_getdomaininfo *list;
    size_t count;

    if (output_domains(ts, argv + 1, argc - 1, &list, &count) != 0)
        return EXIT_FAILURE;
    printf("%-32s %5s %s\n", "Name", "ID", "Uptime");
    for (size_t i = 0; i < count; i++) {
        int64_t up = seconds_up(ts, list[i].domain);
        char *name = toolstack_domain_name(ts, list[i].domain);

        printf("%-32s %5u ", name, list[i].domain);
        if (up < 0)
            printf("-\n");
        else
            printf("%" PRId64 " days, %02" PRId64 ":%02" PRId64 ":%02" PRId64 "\n", up / 86400,
                   up / 3600 % 24, up / 60 % 60, up % 60);
        free(name);
    }
    free(list);
    return EXIT_SUCCESS;
}
