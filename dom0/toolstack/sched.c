/* SPDX-License-Identifier: MIT */
/* sched-credit2: weights and caps. Hospes has another scheduler, which keeps to the same weights. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dom0/toolstack/cmd.h"
#include "dom0/toolstack/number.h"
#include "dom0/toolstack/output.h"
#include "dom0/toolstack/report.h"

struct order {
    const char *domain;
    uint32_t weight, cap;
    bool set_cap;
    bool refused; /* and reported */
};

static bool parse(int argc, char **argv, struct order *o)
{
    int c;

    while ((c = getopt(argc, argv, "d:w:c:")) != -1) {
        bool ok = true;

        if (c == 'd')
            o->domain = optarg;
        else if (c == 'w')
            ok = number_parse(optarg, 1, UINT16_MAX, &o->weight);
        else if (c == 'c')
            ok = o->set_cap = number_parse(optarg, 0, UINT16_MAX, &o->cap);
        else
            return false;
        if (!ok) {
            report_error("sched-credit2: -%c %s: a number, %d to 65535", c, optarg, c == 'w');
            o->refused = true;
            return true;
        }
    }
    return optind == argc && (o->domain || (!o->weight && !o->set_cap));
}

static int show(struct toolstack *ts, const struct order *o)
{
    char *args[] = {(char *)o->domain};
    struct xen_domctl_getdomaininfo *list;
    size_t count;
    int rc = 0;

    if (output_domains(ts, args, o->domain ? 1 : 0, &list, &count) != 0)
        return -1;
    printf("%-33s %4s %6s %4s\n", "Name", "ID", "Weight", "Cap");
    for (size_t i = 0; i < count && rc == 0; i++) {
        char *name = toolstack_domain_name(ts, list[i].domain);
        uint32_t weight, cap;

        rc = hv_domain_get_sched(&ts->hv, list[i].domain, &weight, &cap);
        if (rc == 0)
            printf("%-33s %4u %6u %4u\n", name, list[i].domain, weight, cap);
        else
            report_error("sched-credit2: domain %u: %s", list[i].domain, strerror(errno));
        free(name);
    }
    free(list);
    return rc;
}

int cmd_sched_credit2(struct toolstack *ts, int argc, char **argv)
{
    struct order o = {.domain = NULL};
    uint32_t domid;

    if (!parse(argc, argv, &o))
        return cmd_usage(argv);
    if (o.refused)
        return EXIT_FAILURE;
    if (!o.weight && !o.set_cap)
        return show(ts, &o) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
    if (toolstack_find_domain(ts, o.domain, &domid) != 0)
        return EXIT_FAILURE;
    if (hv_domain_set_sched(&ts->hv, domid, o.weight, o.set_cap, o.cap) != 0) {
        report_error("sched-credit2: domain %u: %s", domid, strerror(errno));
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
