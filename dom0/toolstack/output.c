/* SPDX-License-Identifier: MIT */
#include "dom0/toolstack/output.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xen/sched.h>

#include "dom0/toolstack/report.h"

#define LIST_STEP 64

bool output_options(int argc, char **argv, bool *json)
{
    static const struct option options[] = {{"json", no_argument, NULL, 'j'}, {NULL, 0, NULL, 0}};
    int c;

    *json = false;
    while ((c = getopt_long(argc, argv, "j", options, NULL)) != -1) {
        if (c != 'j')
            return false;
        *json = true;
    }
    return true;
}

int output_json(json_t *value)
{
    int rc = value ? json_dumpf(value, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY) : -1;

    json_decref(value);
    if (rc != 0) {
        report_error("cannot make the JSON output");
        return EXIT_FAILURE;
    }
    putchar('\n');
    return EXIT_SUCCESS;
}

static int list_all(struct toolstack *ts, struct xen_domctl_getdomaininfo **list, size_t *found)
{
    uint32_t first = 0;

    for (;;) {
        struct xen_domctl_getdomaininfo *more = realloc(*list, (*found + LIST_STEP) * sizeof(**list));
        int n;

        if (!more) {
            report_error("list of domains: out of memory");
            return -1;
        }
        *list = more;
        n = hv_domain_list(&ts->hv, first, LIST_STEP, *list + *found);
        if (n < 0) {
            report_error("list of domains: %s", strerror(errno));
            return -1;
        }
        *found += (size_t)n;
        if (n < LIST_STEP)
            return 0;
        first = (*list)[*found - 1].domain + 1U;
    }
}

static int list_named(struct toolstack *ts, char *const args[], int count,
                      struct xen_domctl_getdomaininfo **list, size_t *found)
{
    *list = calloc((size_t)count, sizeof(**list));
    if (!*list) {
        report_error("list of domains: out of memory");
        return -1;
    }
    for (int i = 0; i < count; i++) {
        uint32_t domid;

        if (toolstack_find_domain(ts, args[i], &domid) != 0)
            return -1;
        if (hv_domain_info(&ts->hv, domid, &(*list)[*found]) != 0) {
            report_error("domain %s: %s", args[i], strerror(errno));
            return -1;
        }
        (*found)++;
    }
    return 0;
}

int output_domains(struct toolstack *ts, char *const args[], int count,
                   struct xen_domctl_getdomaininfo **list, size_t *found)
{
    int rc;

    *list = NULL;
    *found = 0;
    if (toolstack_need_all(ts) != 0)
        return -1;
    rc = count > 0 ? list_named(ts, args, count, list, found) : list_all(ts, list, found);
    if (rc == 0)
        return 0;
    free(*list);
    *list = NULL;
    return -1;
}

static unsigned int shutdown_code(const struct xen_domctl_getdomaininfo *info)
{
    return (info->flags >> XEN_DOMINF_shutdownshift) & XEN_DOMINF_shutdownmask;
}

void output_state(const struct xen_domctl_getdomaininfo *info, char text[7])
{
    bool down = info->flags & XEN_DOMINF_shutdown;

    text[0] = info->flags & XEN_DOMINF_running ? 'r' : '-';
    text[1] = info->flags & XEN_DOMINF_blocked ? 'b' : '-';
    text[2] = info->flags & XEN_DOMINF_paused ? 'p' : '-';
    text[3] = down ? 's' : '-';
    text[4] = down && shutdown_code(info) == SHUTDOWN_crash ? 'c' : '-';
    text[5] = info->flags & XEN_DOMINF_dying ? 'd' : '-';
    text[6] = '\0';
}

const char *output_shutdown_reason(const struct xen_domctl_getdomaininfo *info)
{
    static const char *const reasons[] = {
        [SHUTDOWN_poweroff] = "poweroff", [SHUTDOWN_reboot] = "reboot",
        [SHUTDOWN_suspend] = "suspend",   [SHUTDOWN_crash] = "crash",
        [SHUTDOWN_watchdog] = "watchdog", [SHUTDOWN_soft_reset] = "soft-reset",
    };
    unsigned int code = shutdown_code(info);

    if (!(info->flags & XEN_DOMINF_shutdown))
        return NULL;
    return code < sizeof(reasons) / sizeof(reasons[0]) ? reasons[code] : "unknown";
}
