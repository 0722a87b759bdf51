/* SPDX-License-Identifier: MIT */
#include "dom0/toolstack/hv.h"

#include <errno.h>
#include <string.h>

static struct xen_sysctl sysctl_for(uint32_t cmd)
{
    struct xen_sysctl op;

    memset(&op, 0, sizeof(op));
    op.cmd = cmd;
    return op;
}

int hv_physinfo(struct hv *hv, struct xen_sysctl_physinfo *info)
{
    struct xen_sysctl op = sysctl_for(XEN_SYSCTL_physinfo);

    if (hv_sysctl(hv, &op) != 0)
        return -1;
    *info = op.u.physinfo;
    return 0;
}

int hv_domain_list(struct hv *hv, uint32_t first, uint32_t max, struct xen_domctl_getdomaininfo *info)
{
    struct xen_sysctl op = sysctl_for(XEN_SYSCTL_getdomaininfolist);
    struct xen_domctl_getdomaininfo *buffer = hv_scratch(hv, max * sizeof(*buffer));
    uint32_t found;

    if (!buffer)
        return -1;
    op.u.getdomaininfolist.first_domain = (domid_t)first;
    op.u.getdomaininfolist.max_domains = max;
    set_xen_guest_handle(op.u.getdomaininfolist.buffer, buffer);
    if (hv_sysctl(hv, &op) != 0)
        return -1;
    found = op.u.getdomaininfolist.num_domains;
    if (found > max)
        found = max;
    memcpy(info, buffer, found * sizeof(*info));
    return (int)found;
}

long hv_read_console(struct hv *hv, char *buf, size_t len, uint32_t *index, bool clear)
{
    struct xen_sysctl op = sysctl_for(XEN_SYSCTL_readconsole);
    char *ring = hv_scratch(hv, len);

    if (!ring)
        return -1;
    op.u.readconsole.clear = clear;
    op.u.readconsole.incremental = 1;
    op.u.readconsole.index = *index;
    op.u.readconsole.count = (uint32_t)len;
    set_xen_guest_handle(op.u.readconsole.buffer, ring);
    if (hv_sysctl(hv, &op) != 0)
        return -1;
    if (op.u.readconsole.count > len) {
        errno = EPROTO;
        return -1;
    }
    memcpy(buf, ring, op.u.readconsole.count);
    *index = op.u.readconsole.index;
    return (long)op.u.readconsole.count;
}

int hv_debug_keys(struct hv *hv, const char *keys)
{
    struct xen_sysctl op = sysctl_for(XEN_SYSCTL_debug_keys);
    size_t len = strlen(keys);
    char *buffer = hv_scratch(hv, len + 1);

    if (!buffer)
        return -1;
    memcpy(buffer, keys, len + 1);
    set_xen_guest_handle(op.u.debug_keys.keys, buffer);
    op.u.debug_keys.nr_keys = (uint32_t)len;
    return hv_sysctl(hv, &op);
}

int hv_sched_id(struct hv *hv, uint32_t *id)
{
    struct xen_sysctl op = sysctl_for(XEN_SYSCTL_sched_id);

    if (hv_sysctl(hv, &op) != 0)
        return -1;
    *id = op.u.sched_id.sched_id;
    return 0;
}

long hv_version(struct hv *hv)
{
    return xencall2L(hv->call, __HYPERVISOR_xen_version, XENVER_version, 0);
}

int hv_version_string(struct hv *hv, unsigned int cmd, char *buf, size_t len)
{
    char *out = hv_scratch(hv, sizeof(xen_capabilities_info_t) + sizeof(xen_commandline_t));
    size_t n;

    if (!out || len == 0)
        return -1;
    memset(out, 0, sizeof(xen_capabilities_info_t) + sizeof(xen_commandline_t));
    if (xencall2(hv->call, __HYPERVISOR_xen_version, cmd, (uintptr_t)out) < 0)
        return -1;
    n = strnlen(out, len - 1);
    memcpy(buf, out, n);
    buf[n] = '\0';
    return 0;
}

int hv_compile_info(struct hv *hv, struct xen_compile_info *info)
{
    struct xen_compile_info *out = hv_scratch(hv, sizeof(*out));

    if (!out)
        return -1;
    memset(out, 0, sizeof(*out));
    if (xencall2(hv->call, __HYPERVISOR_xen_version, XENVER_compile_info, (uintptr_t)out) < 0)
        return -1;
    *info = *out;
    return 0;
}
