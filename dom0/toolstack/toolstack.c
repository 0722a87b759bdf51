/* SPDX-License-Identifier: MIT */
#include "dom0/toolstack/toolstack.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dom0/toolstack/report.h"
#include "xs/client/xs.h"

/* Asked before anything else: "Permission denied" later on would send root looking in the wrong place. */
static int check_interface(struct toolstack *ts)
{
    struct xen_sysctl_physinfo info;

    if (hv_physinfo(&ts->hv, &info) == 0)
        return 0;
    if (errno == EACCES)
        report_error(
            "the hypervisor has another version of the toolstack's interface than Xen 4.17, for which "
            "this program is built");
    else
        report_error("the hypervisor does not answer a toolstack: %s", strerror(errno));
    hv_close(&ts->hv);
    return -1;
}

int toolstack_need_hv(struct toolstack *ts)
{
    if (ts->hv.call)
        return 0;
    if (hv_open(&ts->hv) == 0)
        return check_interface(ts);
    report_error("no access to the hypervisor: /dev/xen/privcmd: %s", strerror(errno));
    return -1;
}

int toolstack_need_xs(struct toolstack *ts)
{
    if (ts->xs)
        return 0;
    ts->xs = xsc_open(NULL);
    if (ts->xs)
        return 0;
    report_error("no connection to the store: %s", strerror(errno));
    return -1;
}

int toolstack_need_all(struct toolstack *ts)
{
    return toolstack_need_hv(ts) == 0 ? toolstack_need_xs(ts) : -1;
}

void toolstack_close(struct toolstack *ts)
{
    hv_close(&ts->hv);
    xsc_close(ts->xs);
    ts->xs = NULL;
}

void toolstack_forget(struct toolstack *ts)
{
    hv_forget(&ts->hv);
    xsc_close(ts->xs);
    ts->xs = NULL;
}

static bool is_domid(const char *arg, uint32_t *domid)
{
    char *end;
    unsigned long value;

    if (*arg < '0' || *arg > '9')
        return false;
    value = strtoul(arg, &end, 10);
    if (*end != '\0' || value >= DOMID_FIRST_RESERVED)
        return false;
    *domid = (uint32_t)value;
    return true;
}

/* Also a domain that is only left in the store counts, so that it can be removed. */
static bool exists(struct toolstack *ts, uint32_t domid)
{
    struct xen_domctl_getdomaininfo info;
    char path[64];

    if (hv_domain_info(&ts->hv, domid, &info) == 0)
        return true;
    snprintf(path, sizeof(path), "/local/domain/%u", domid);
    return xsc_exists(ts->xs, XSC_NO_TX, path) == 1;
}

int toolstack_find_domain(struct toolstack *ts, const char *arg, uint32_t *domid)
{
    bool found = false;
    size_t count = 0;
    char **list;

    if (toolstack_need_all(ts) != 0)
        return -1;
    if (is_domid(arg, domid)) {
        if (exists(ts, *domid))
            return 0;
        report_error("there is no domain %s; `hospes list` shows those that there are", arg);
        return -1;
    }
    list = xsc_directory(ts->xs, XSC_NO_TX, "/local/domain", &count);
    for (size_t i = 0; list && i < count && !found; i++) {
        char *name = xsc_readf(ts->xs, XSC_NO_TX, "/local/domain/%s/name", list[i]);

        found = name && strcmp(name, arg) == 0 && is_domid(list[i], domid);
        free(name);
    }
    free(list);
    if (!found)
        report_error("there is no domain with the name %s; `hospes list` shows those that there are", arg);
    return found ? 0 : -1;
}

char *toolstack_domain_name(struct toolstack *ts, uint32_t domid)
{
    char *name = xsc_readf(ts->xs, XSC_NO_TX, "/local/domain/%u/name", domid);

    if (!name)
        name = strdup("(null)");
    if (!name)
        abort();
    return name;
}
