/* SPDX-License-Identifier: MIT */
/*
 * The control interfaces as the first domain sees them: versions, errors, and the questions that every
 * toolstack asks first.
 */
#include "tests/abi/lib/control.h"
#include <xen/platform.h>

CLAIM(domctl_version, "domctl with another interface version is EACCES, with a bad pointer EFAULT")
{
    memset(&domctl, 0, sizeof(domctl));
    domctl.cmd = XEN_DOMCTL_getdomaininfo;
    for (uint32_t v = 0; v < 0x20; v++) {
        domctl.interface_version = v;
        if (v != XEN_DOMCTL_INTERFACE_VERSION)
            EXPECT_EQ(hypercall1(__HYPERVISOR_domctl, (unsigned long)&domctl), -XEN_EACCES);
    }
    EXPECT_EQ(hypercall1(__HYPERVISOR_domctl, (unsigned long)BAD_PTR), -XEN_EFAULT);
}

CLAIM(sysctl_version, "sysctl with another interface version is EACCES, with a bad pointer EFAULT")
{
    memset(&sysctl, 0, sizeof(sysctl));
    sysctl.cmd = XEN_SYSCTL_physinfo;
    for (uint32_t v = 0; v < 0x20; v++) {
        sysctl.interface_version = v;
        if (v != XEN_SYSCTL_INTERFACE_VERSION)
            EXPECT_EQ(hypercall1(__HYPERVISOR_sysctl, (unsigned long)&sysctl), -XEN_EACCES);
    }
    EXPECT_EQ(hypercall1(__HYPERVISOR_sysctl, (unsigned long)BAD_PTR), -XEN_EFAULT);
}

CLAIM(platform_version, "platform_op with another interface version is EACCES")
{
    static struct xen_platform_op op;

    op.cmd = XENPF_get_cpuinfo;
    op.interface_version = 0x1234;
    EXPECT_EQ(hypercall1(__HYPERVISOR_platform_op, (unsigned long)&op), -XEN_EACCES);
    EXPECT_EQ(hypercall1(__HYPERVISOR_platform_op, (unsigned long)BAD_PTR), -XEN_EFAULT);
}

CLAIM(domain_info, "getdomaininfo of domain 0: its pages, vCPUs, and shared_info frame")
{
    FIRST_DOMAIN_ONLY();
    memset(&domctl, 0, sizeof(domctl));
    EXPECT_EQ(do_domctl(XEN_DOMCTL_getdomaininfo, 0), 0);
    EXPECT_EQ(domctl.domain, 0);
    EXPECT_EQ(domctl.u.getdomaininfo.domain, 0);
    EXPECT_EQ(domctl.u.getdomaininfo.tot_pages, start_info->nr_pages);
    EXPECT_EQ(domctl.u.getdomaininfo.shared_info_frame, start_info->shared_info >> 12);
    EXPECT(domctl.u.getdomaininfo.flags & XEN_DOMINF_running);
    EXPECT(!(domctl.u.getdomaininfo.flags & (XEN_DOMINF_dying | XEN_DOMINF_shutdown | XEN_DOMINF_hvm_guest)));
}

CLAIM(domain_scan, "getdomaininfo beyond the last domain is ESRCH: the end of a scan")
{
    FIRST_DOMAIN_ONLY();
    EXPECT_EQ(do_domctl(XEN_DOMCTL_getdomaininfo, 1), -XEN_ESRCH);
    EXPECT_EQ(do_domctl(XEN_DOMCTL_getdomaininfo, 0x7000), -XEN_ESRCH);
}

CLAIM(unknown_domain, "control of a domain that does not exist is ESRCH")
{
    static const uint32_t cmds[] = {
        XEN_DOMCTL_pausedomain, XEN_DOMCTL_unpausedomain,  XEN_DOMCTL_destroydomain, XEN_DOMCTL_max_mem,
        XEN_DOMCTL_getvcpuinfo, XEN_DOMCTL_getvcpucontext, XEN_DOMCTL_max_vcpus};

    FIRST_DOMAIN_ONLY();
    for (unsigned i = 0; i < ARRAY_SIZE(cmds); i++) {
        memset(&domctl, 0, sizeof(domctl));
        EXPECT_EQ(do_domctl(cmds[i], 0x7000), -XEN_ESRCH);
    }
}

CLAIM(no_self_control, "a domain cannot pause or destroy itself")
{
    FIRST_DOMAIN_ONLY();
    memset(&domctl, 0, sizeof(domctl));
    EXPECT_EQ(do_domctl(XEN_DOMCTL_pausedomain, 0), -XEN_EINVAL);
    EXPECT(do_domctl(XEN_DOMCTL_destroydomain, 0) < 0);
}

CLAIM(unknown_commands, "commands that do not exist are ENOSYS")
{
    FIRST_DOMAIN_ONLY();
    memset(&domctl, 0, sizeof(domctl));
    EXPECT_EQ(do_domctl(9999, 0), -XEN_ENOSYS);
    memset(&sysctl, 0, sizeof(sysctl));
    EXPECT_EQ(do_sysctl(9999), -XEN_ENOSYS);
}

CLAIM(vcpu_info, "getvcpuinfo tells a running vCPU 0 and EINVAL beyond the last")
{
    FIRST_DOMAIN_ONLY();
    memset(&domctl, 0, sizeof(domctl));
    EXPECT_EQ(do_domctl(XEN_DOMCTL_getvcpuinfo, 0), 0);
    EXPECT(domctl.u.getvcpuinfo.online && domctl.u.getvcpuinfo.running && !domctl.u.getvcpuinfo.blocked);
    memset(&domctl, 0, sizeof(domctl));
    domctl.u.getvcpuinfo.vcpu = 1000;
    EXPECT_EQ(do_domctl(XEN_DOMCTL_getvcpuinfo, 0), -XEN_EINVAL);
}

CLAIM(physinfo, "physinfo: processors, memory, and that PV guests can be built")
{
    FIRST_DOMAIN_ONLY();
    memset(&sysctl, 0, sizeof(sysctl));
    EXPECT_EQ(do_sysctl(XEN_SYSCTL_physinfo), 0);
    EXPECT(sysctl.u.physinfo.nr_cpus >= 1);
    EXPECT(sysctl.u.physinfo.nr_nodes >= 1);
    EXPECT(sysctl.u.physinfo.capabilities & XEN_SYSCTL_PHYSCAP_pv);
    EXPECT(sysctl.u.physinfo.total_pages > start_info->nr_pages);
    EXPECT(sysctl.u.physinfo.free_pages < sysctl.u.physinfo.total_pages);
    EXPECT(sysctl.u.physinfo.cpu_khz > 1000);
}

CLAIM(domain_list, "getdomaininfolist returns exactly domain 0")
{
    static xen_domctl_getdomaininfo_t list[4];

    FIRST_DOMAIN_ONLY();
    memset(&sysctl, 0, sizeof(sysctl));
    sysctl.u.getdomaininfolist.first_domain = 0;
    sysctl.u.getdomaininfolist.max_domains = 4;
    set_xen_guest_handle(sysctl.u.getdomaininfolist.buffer, list);
    EXPECT_EQ(do_sysctl(XEN_SYSCTL_getdomaininfolist), 0);
    EXPECT_EQ(sysctl.u.getdomaininfolist.num_domains, 1);
    EXPECT_EQ(list[0].domain, 0);
    sysctl.u.getdomaininfolist.first_domain = 1;
    EXPECT_EQ(do_sysctl(XEN_SYSCTL_getdomaininfolist), 0);
    EXPECT_EQ(sysctl.u.getdomaininfolist.num_domains, 0);
}

CLAIM(readconsole, "readconsole gives the hypervisor's own messages")
{
    static char text[512];

    FIRST_DOMAIN_ONLY();
    memset(&sysctl, 0, sizeof(sysctl));
    set_xen_guest_handle(sysctl.u.readconsole.buffer, text);
    sysctl.u.readconsole.count = sizeof(text);
    EXPECT_EQ(do_sysctl(XEN_SYSCTL_readconsole), 0);
    EXPECT(sysctl.u.readconsole.count > 0 && sysctl.u.readconsole.count <= sizeof(text));
}

CLAIM(create_destroy, "an empty domain can be created, is listed, has its limits, and is destroyed")
{
    static xen_domctl_getdomaininfo_t list[4];
    domid_t dom;

    FIRST_DOMAIN_ONLY();
    memset(&domctl, 0, sizeof(domctl));
    domctl.u.createdomain.max_vcpus = 1;
    domctl.u.createdomain.max_evtchn_port = 1023;
    domctl.u.createdomain.max_grant_frames = 4;
    domctl.u.createdomain.max_maptrack_frames = 4;
    domctl.u.createdomain.grant_opts = XEN_DOMCTL_GRANT_version(1);
    REQUIRE_OK(do_domctl(XEN_DOMCTL_createdomain, 0));
    dom = domctl.domain;
    EXPECT(dom > 0);
    memset(&domctl, 0, sizeof(domctl));
    domctl.u.max_mem.max_memkb = 4096;
    EXPECT_EQ(do_domctl(XEN_DOMCTL_max_mem, dom), 0);
    memset(&domctl, 0, sizeof(domctl));
    domctl.u.max_vcpus.max = 1;
    EXPECT_EQ(do_domctl(XEN_DOMCTL_max_vcpus, dom), 0);
    domctl.u.max_vcpus.max = 2;
    EXPECT_EQ(do_domctl(XEN_DOMCTL_max_vcpus, dom), -XEN_EINVAL);
    memset(&sysctl, 0, sizeof(sysctl));
    sysctl.u.getdomaininfolist.max_domains = 4;
    set_xen_guest_handle(sysctl.u.getdomaininfolist.buffer, list);
    EXPECT_EQ(do_sysctl(XEN_SYSCTL_getdomaininfolist), 0);
    EXPECT_EQ(sysctl.u.getdomaininfolist.num_domains, 2);
    EXPECT_EQ(list[1].domain, dom);
    EXPECT(list[1].flags & XEN_DOMINF_paused);
    EXPECT_EQ(list[1].max_pages, 1024);
    memset(&domctl, 0, sizeof(domctl));
    EXPECT_EQ(do_domctl(XEN_DOMCTL_destroydomain, dom), 0);
    EXPECT_EQ(do_domctl(XEN_DOMCTL_getdomaininfo, dom), -XEN_ESRCH);
}

CLAIM(create_errors, "createdomain: taken ids EEXIST, unknown flags and no vCPUs EINVAL")
{
    FIRST_DOMAIN_ONLY();
    memset(&domctl, 0, sizeof(domctl));
    domctl.u.createdomain.flags = 1u << 31;
    domctl.u.createdomain.max_vcpus = 1;
    EXPECT_EQ(do_domctl(XEN_DOMCTL_createdomain, 5), -XEN_EINVAL);
    memset(&domctl, 0, sizeof(domctl));
    domctl.u.createdomain.max_vcpus = 0;
    EXPECT_EQ(do_domctl(XEN_DOMCTL_createdomain, 5), -XEN_EINVAL);
    EXPECT_EQ(do_domctl(XEN_DOMCTL_getdomaininfo, 5), -XEN_ESRCH);
}

CLAIM(foreign_memory, "pages of a domain under construction: populate, map, write, seen through the M2P")
{
    xen_pfn_t frame = 7;
    struct xen_memory_reservation r = {.nr_extents = 1, .extent_order = 0};
    char *va = abi_slot();
    domid_t dom;

    FIRST_DOMAIN_ONLY();
    memset(&domctl, 0, sizeof(domctl));
    domctl.u.createdomain.max_vcpus = 1;
    domctl.u.createdomain.max_evtchn_port = 1023;
    domctl.u.createdomain.max_grant_frames = 4;
    domctl.u.createdomain.max_maptrack_frames = 4;
    domctl.u.createdomain.grant_opts = XEN_DOMCTL_GRANT_version(1);
    REQUIRE_OK(do_domctl(XEN_DOMCTL_createdomain, 0));
    dom = domctl.domain;
    set_xen_guest_handle(r.extent_start, &frame);
    r.domid = dom;
    /* Before max_mem is set there is no room. */
    EXPECT_EQ(hv_memory_op(XENMEM_populate_physmap, &r), 0);
    memset(&domctl, 0, sizeof(domctl));
    domctl.u.max_mem.max_memkb = 4096;
    EXPECT_EQ(do_domctl(XEN_DOMCTL_max_mem, dom), 0);
    EXPECT_EQ(hv_memory_op(XENMEM_populate_physmap, &r), 1);
    EXPECT_EQ(mfn_to_pfn(frame), 7);
    EXPECT(mm_set_pte((unsigned long)va, make_pte(frame, PTE_RW)) < 0);
    EXPECT_EQ(hv_update_va_mapping_otherdomain((unsigned long)va, make_pte(frame, PTE_RW), UVMF_INVLPG, dom),
              0);
    EXPECT(probe_write64(va, 0x1234));
    EXPECT_EQ(mm_set_pte((unsigned long)va, 0), 0);
    EXPECT_EQ(hv_memory_op(XENMEM_current_reservation, &dom), 1);
    memset(&domctl, 0, sizeof(domctl));
    EXPECT_EQ(do_domctl(XEN_DOMCTL_destroydomain, dom), 0);
    abi_slot_free(va);
}

CLAIM(optional_calls, "hypercalls of features that are not built in answer ENOSYS")
{
    EXPECT_EQ(hypercall1(__HYPERVISOR_xsm_op, 0), -XEN_ENOSYS);
    EXPECT_EQ(hypercall1(__HYPERVISOR_tmem_op, 0), -XEN_ENOSYS);
}
