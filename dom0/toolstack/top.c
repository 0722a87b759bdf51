/* SPDX-License-Identifier: MIT */
/* top: what share of a CPU each domain has taken since the last look. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "dom0/toolstack/cmd.h"
#include "dom0/toolstack/number.h"
#include "dom0/toolstack/output.h"
#include "dom0/toolstack/report.h"

#define PAGES_A_MIB 256U

struct look {
    struct xen_domctl_getdomaininfo *list;
    size_t count;
    int64_t at_ns;
};

static int take_look(struct toolstack *ts, struct look *look)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    look->at_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
    return output_domains(ts, NULL, 0, &look->list, &look->count);
}

/* Tenths of a percent of one CPU; a domain that was not there before has its whole life in the time. */
static uint64_t share(const struct xen_domctl_getdomaininfo *info, const struct look *before, int64_t ns)
{
    uint64_t used = info->cpu_time;

    for (size_t i = 0; i < before->count; i++)
        if (before->list[i].domain == info->domain && before->list[i].cpu_time <= used)
            used -= before->list[i].cpu_time;
    return ns > 0 ? used / 1000 * 1000 / ((uint64_t)ns / 1000) : 0;
}

static void show(struct toolstack *ts, const struct look *before, const struct look *now)
{
    if (isatty(STDOUT_FILENO))
        printf("\033[H\033[J");
    printf("%-32s %5s %-6s %7s %9s %5s %5s\n", "Name", "ID", "State", "CPU(%)", "Time(s)", "Mem", "VCPUs");
    for (size_t i = 0; i < now->count; i++) {
        const struct xen_domctl_getdomaininfo *info = &now->list[i];
        uint64_t tenths = share(info, before, now->at_ns - before->at_ns);
        char *name = toolstack_domain_name(ts, info->domain);
        char state[7];

        output_state(info, state);
        printf("%-32s %5u %-6s %5" PRIu64 ".%" PRIu64 " %7" PRIu64 ".%" PRIu64 " %5" PRIu64 " %5u\n", name,
               info->domain, state, tenths / 10, tenths % 10, info->cpu_time / 1000000000,
               info->cpu_time / 100000000 % 10, info->tot_pages / PAGES_A_MIB, info->nr_online_vcpus);
        free(name);
    }
    fflush(stdout);
}

static int run(struct toolstack *ts, uint32_t seconds, uint32_t times)
{
    struct look before, now;
    uint32_t done = 0;

    if (take_look(ts, &before) != 0)
        return -1;
    /* 0 times: until the operator has enough. */
    do {
        sleep(seconds);
        if (take_look(ts, &now) != 0) {
            free(before.list);
            return -1;
        }
        show(ts, &before, &now);
        free(before.list);
        before = now;
    } while (++done != times && !ferror(stdout));
    free(before.list);
    return 0;
}

int cmd_top(struct toolstack *ts, int argc, char **argv)
{
    uint32_t seconds = 3, times = isatty(STDOUT_FILENO) ? 0 : 1;
    int c;

    while ((c = getopt(argc, argv, "d:n:")) != -1) {
        if (c != 'd' && c != 'n')
            return cmd_usage(argv);
        if (!number_parse(optarg, 1, 3600, c == 'd' ? &seconds : &times)) {
            report_error("top: -%c %s: a number, 1 to 3600", c, optarg);
            return EXIT_FAILURE;
        }
    }
    if (optind != argc)
        return cmd_usage(argv);
    return run(ts, seconds, times) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
