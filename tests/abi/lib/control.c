/* SPDX-License-Identifier: MIT */
#include "tests/abi/lib/control.h"

struct xen_domctl domctl;
struct xen_sysctl sysctl;

void control_clear(void)
{
    memset(&domctl, 0, sizeof(domctl));
    memset(&sysctl, 0, sizeof(sysctl));
}

long do_domctl(uint32_t cmd, domid_t dom)
{
    domctl.cmd = cmd;
    domctl.domain = dom;
    domctl.interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    return hypercall1(__HYPERVISOR_domctl, (unsigned long)&domctl);
}

long do_sysctl(uint32_t cmd)
{
    sysctl.cmd = cmd;
    sysctl.interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    return hypercall1(__HYPERVISOR_sysctl, (unsigned long)&sysctl);
}

domid_t control_new_domain(unsigned vcpus)
{
    domid_t dom;

    control_clear();
    domctl.u.createdomain.max_vcpus = vcpus;
    domctl.u.createdomain.max_evtchn_port = 1023;
    domctl.u.createdomain.max_grant_frames = 4;
    domctl.u.createdomain.max_maptrack_frames = 4;
    domctl.u.createdomain.grant_opts = XEN_DOMCTL_GRANT_version(1);
    if (do_domctl(XEN_DOMCTL_createdomain, 0)) {
        BROKEN("no domain could be created");
        return DOMID_INVALID;
    }
    dom = domctl.domain;
    control_clear();
    domctl.u.max_vcpus.max = vcpus;
    EXPECT_EQ(do_domctl(XEN_DOMCTL_max_vcpus, dom), 0);
    control_clear();
    domctl.u.max_mem.max_memkb = 64;
    EXPECT_EQ(do_domctl(XEN_DOMCTL_max_mem, dom), 0);
    control_clear();
    return dom;
}

void control_destroy(domid_t dom)
{
    control_clear();
    EXPECT_EQ(do_domctl(XEN_DOMCTL_destroydomain, dom), 0);
    EXPECT_EQ(do_domctl(XEN_DOMCTL_getdomaininfo, dom), -XEN_ESRCH);
}

xen_pfn_t control_give_page(domid_t dom, xen_pfn_t pfn)
{
    xen_pfn_t frame = pfn;
    struct xen_memory_reservation r = {.nr_extents = 1, .domid = dom};

    set_xen_guest_handle(r.extent_start, &frame);
    return hv_memory_op(XENMEM_populate_physmap, &r) == 1 ? frame : 0;
}
