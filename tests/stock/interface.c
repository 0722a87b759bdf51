/* SPDX-License-Identifier: MIT */
/*
 *   interface domctl|sysctl|platform OFFSET
 *
 * In dom0: a question of a toolstack whose interface is OFFSET versions from the one that this is compiled
 * for. Prints "accepted" or the name of the error.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xencall.h>

#include <xen/xen.h>

#include <xen/domctl.h>
#include <xen/platform.h>
#include <xen/sysctl.h>

union question {
    struct xen_domctl domctl;
    struct xen_sysctl sysctl;
    struct xen_platform_op platform;
};

/* Fills in the question and returns the hypercall that it is for, -1 for no such table. */
static int ask_about(const char *table, int offset, union question *q)
{
    memset(q, 0, sizeof(*q));
    if (strcmp(table, "domctl") == 0) {
        q->domctl.cmd = XEN_DOMCTL_getdomaininfo;
        q->domctl.interface_version = XEN_DOMCTL_INTERFACE_VERSION + offset;
        return __HYPERVISOR_domctl;
    }
    if (strcmp(table, "sysctl") == 0) {
        q->sysctl.cmd = XEN_SYSCTL_physinfo;
        q->sysctl.interface_version = XEN_SYSCTL_INTERFACE_VERSION + offset;
        return __HYPERVISOR_sysctl;
    }
    if (strcmp(table, "platform") == 0) {
        q->platform.cmd = XENPF_get_cpuinfo;
        q->platform.interface_version = XENPF_INTERFACE_VERSION + offset;
        return __HYPERVISOR_platform_op;
    }
    return -1;
}

int main(int argc, char **argv)
{
    xencall_handle *calls = xencall_open(NULL, 0);
    union question *q = calls ? xencall_alloc_buffer(calls, sizeof(*q)) : NULL;
    int number, result;

    if (!q || argc != 3 || (number = ask_about(argv[1], atoi(argv[2]), q)) < 0) {
        fputs("usage: interface domctl|sysctl|platform OFFSET, in dom0\n", stderr);
        return 2;
    }
    result = xencall1(calls, number, (uintptr_t)q);
    puts(result < 0 ? strerrorname_np(errno) : "accepted");
    xencall_free_buffer(calls, q);
    xencall_close(calls);
    return 0;
}
