/* SPDX-License-Identifier: MIT */
/*
 * What a domain without privilege may not do.
 *
 * Everything here is started as a guest; as first domain all claims are skipped. Each
 * control operation, each access to another domain and each access to the machine must be refused, and the
 * refusal must not depend on whether the arguments make sense.
 */
#define __XEN_TOOLS__ 1
#include "tests/abi/lib/abi.h"
#include "guest/grant.h"
#include <xen/domctl.h>
#include <xen/platform.h>
#include <xen/sysctl.h>

CLAIM(domctl, "no domctl succeeds, for any domain")
{
    static struct xen_domctl op;
    static const domid_t domains[] = {0, 1, DOMID_SELF, 0x7000};

    UNPRIVILEGED_ONLY();
    for (uint32_t cmd = 1; cmd < 90; cmd++)
        for (unsigned i = 0; i < ARRAY_SIZE(domains); i++) {
            long rc;

            memset(&op, 0, sizeof(op));
            op.cmd = cmd;
            op.domain = domains[i];
            op.interface_version = XEN_DOMCTL_INTERFACE_VERSION;
            rc = hypercall1(__HYPERVISOR_domctl, (unsigned long)&op);
            if (rc != -XEN_EPERM && rc != -XEN_ESRCH && rc != -XEN_ENOSYS && rc != -XEN_EOPNOTSUPP &&
                rc != -XEN_EINVAL)
                FAIL("domctl %u of domain %u is %ld", cmd, domains[i], rc);
        }
}

CLAIM(domctl_privileged, "the domctls that create, list, pause and destroy are EPERM for domain 0 and itself")
{
    static struct xen_domctl op;
    static const uint32_t cmds[] = {XEN_DOMCTL_createdomain, XEN_DOMCTL_getdomaininfo,
                                    XEN_DOMCTL_pausedomain,  XEN_DOMCTL_destroydomain,
                                    XEN_DOMCTL_max_mem,      XEN_DOMCTL_getvcpucontext};

    UNPRIVILEGED_ONLY();
    for (unsigned i = 0; i < ARRAY_SIZE(cmds); i++) {
        memset(&op, 0, sizeof(op));
        op.cmd = cmds[i];
        op.interface_version = XEN_DOMCTL_INTERFACE_VERSION;
        EXPECT_EQ(hypercall1(__HYPERVISOR_domctl, (unsigned long)&op), -XEN_EPERM);
        op.domain = abi_domid();
        if (cmds[i] != XEN_DOMCTL_createdomain)
            EXPECT_EQ(hypercall1(__HYPERVISOR_domctl, (unsigned long)&op), -XEN_EPERM);
    }
}

CLAIM(sysctl, "every sysctl is EPERM")
{
    static struct xen_sysctl op;

    UNPRIVILEGED_ONLY();
    for (uint32_t cmd = 1; cmd < 30; cmd++) {
        memset(&op, 0, sizeof(op));
        op.cmd = cmd;
        op.interface_version = XEN_SYSCTL_INTERFACE_VERSION;
        EXPECT_EQ(hypercall1(__HYPERVISOR_sysctl, (unsigned long)&op), -XEN_EPERM);
    }
}

CLAIM(platform, "platform_op is EPERM")
{
    static struct xen_platform_op op = {.cmd = XENPF_settime64, .interface_version = XENPF_INTERFACE_VERSION};

    UNPRIVILEGED_ONLY();
    EXPECT_EQ(hypercall1(__HYPERVISOR_platform_op, (unsigned long)&op), -XEN_EPERM);
    op.cmd = XENPF_enter_acpi_sleep;
    EXPECT_EQ(hypercall1(__HYPERVISOR_platform_op, (unsigned long)&op), -XEN_EPERM);
}

CLAIM(console, "the hypervisor's console is neither written nor read")
{
    char text[4] = "  \n";

    UNPRIVILEGED_ONLY();
    EXPECT_EQ(hv_console_io(CONSOLEIO_write, 3, text), -XEN_EPERM);
    EXPECT_EQ(hv_console_io(CONSOLEIO_read, 3, text), -XEN_EPERM);
}

CLAIM(version, "what xen_version hides is blank, not an error")
{
    struct xen_feature_info f = {.submap_idx = 0};
    static xen_commandline_t cmdline;
    xen_changeset_info_t changeset;

    UNPRIVILEGED_ONLY();
    EXPECT_EQ(hv_xen_version(XENVER_get_features, &f), 0);
    EXPECT_EQ(f.submap & (1u << XENFEAT_dom0), 0);
    EXPECT(f.submap & 1u << XENFEAT_mmu_pt_update_preserve_ad);
    EXPECT_EQ(hv_xen_version(XENVER_commandline, cmdline), 0);
    EXPECT(strstr(cmdline, "console=") == NULL);
    EXPECT_EQ(hv_xen_version(XENVER_changeset, changeset), 0);
}

CLAIM(memory_maps, "the machine's memory map is EPERM, its M2P frames too; the own E820 is there")
{
    static uint8_t buffer[20 * 16];
    struct xen_memory_map map = {.nr_entries = 16};
    xen_pfn_t frame;
    struct xen_machphys_mfn_list list = {.max_extents = 1};

    UNPRIVILEGED_ONLY();
    set_xen_guest_handle(map.buffer, buffer);
    EXPECT_EQ(hv_memory_op(XENMEM_machine_memory_map, &map), -XEN_EPERM);
    EXPECT_EQ(hv_memory_op(XENMEM_memory_map, &map), 0);
    EXPECT(map.nr_entries >= 1);
    set_xen_guest_handle(list.extent_start, &frame);
    EXPECT_NE(hv_memory_op(XENMEM_machphys_mfn_list, &list), -XEN_EFAULT);
}

CLAIM(foreign_memory, "sizes and memory of domain 0 are not this domain's to ask for or to change")
{
    domid_t dom0 = 0;
    xen_pfn_t frame = 0;
    struct xen_memory_reservation r = {.nr_extents = 1, .domid = 0};

    UNPRIVILEGED_ONLY();
    set_xen_guest_handle(r.extent_start, &frame);
    EXPECT_EQ(hv_memory_op(XENMEM_current_reservation, &dom0), -XEN_EPERM);
    EXPECT_EQ(hv_memory_op(XENMEM_maximum_reservation, &dom0), -XEN_EPERM);
    EXPECT(hv_memory_op(XENMEM_populate_physmap, &r) <= 0);
    EXPECT(hv_memory_op(XENMEM_decrease_reservation, &r) <= 0);
    EXPECT(hv_memory_op(XENMEM_increase_reservation, &r) <= 0);
}

CLAIM(foreign_tables, "page-table operations that name domain 0 are EPERM")
{
    char *slot = abi_slot();
    struct mmu_update u = {.ptr = mm_entry_maddr((unsigned long)slot, 1), .val = 0};
    struct mmuext_op op = {.cmd = MMUEXT_PIN_L1_TABLE, .arg1.mfn = virt_to_mfn(slot)};

    UNPRIVILEGED_ONLY();
    u.val = make_pte(abi_alien_mfn(), PTE_RO);
    EXPECT_EQ(hv_mmu_update(&u, 1, NULL, 0), -XEN_EPERM);
    EXPECT_EQ(hv_mmuext_op(&op, 1, NULL, 0), -XEN_EPERM);
    EXPECT_EQ(hv_update_va_mapping_otherdomain((unsigned long)slot, u.val, 0, 0), -XEN_EPERM);
    EXPECT(hv_mmu_update(&u, 1, NULL, DOMID_IO) < 0);
    EXPECT(hv_mmu_update(&u, 1, NULL, DOMID_XEN) < 0);
    EXPECT_EQ(*mm_entry((unsigned long)slot, 1), 0);
    abi_slot_free(slot);
}

CLAIM(mmio, "memory-mapped devices cannot be mapped: VGA, local APIC, IO-APIC, beyond RAM")
{
    static const unsigned long mfns[] = {0xb8, 0xa0, 0xf0, 0, 0xfee00, 0xfec00, 0xfed00, 0xe0000, 0x8000000};
    char *slot = abi_slot();

    UNPRIVILEGED_ONLY();
    for (unsigned i = 0; i < ARRAY_SIZE(mfns); i++) {
        EXPECT(mm_set_pte((unsigned long)slot, make_pte(mfns[i], PTE_RW)) < 0);
        EXPECT(mm_set_pte((unsigned long)slot, make_pte(mfns[i], PTE_RO)) < 0);
    }
    abi_slot_free(slot);
}

CLAIM(all_frames,
      "no frame of the machine but the own ones, the shared page and the grant table can be mapped")
{
    char *slot = abi_slot();
    unsigned long top = (unsigned long)hv_memory_op(XENMEM_maximum_ram_page, NULL), foreign = 0;
    struct gnttab_setup_table setup = {.dom = DOMID_SELF, .nr_frames = 1};
    xen_pfn_t grant_frame = 0;

    UNPRIVILEGED_ONLY();
    set_xen_guest_handle(setup.frame_list, &grant_frame);
    EXPECT_EQ(hv_grant_table_op(GNTTABOP_setup_table, &setup, 1), 0);
    for (unsigned long mfn = 0; mfn < top; mfn++) {
        uint64_t pfn;

        if (probe_read64(&machine_to_phys_mapping[mfn], &pfn) && pfn_to_mfn(pfn) == mfn)
            continue;
        if (mfn == start_info->shared_info >> 12 || mfn == grant_frame)
            continue;
        foreign += hv_update_va_mapping((unsigned long)slot, make_pte(mfn, PTE_RO), UVMF_NONE) == 0;
    }
    mm_set_pte((unsigned long)slot, 0);
    EXPECT_EQ(foreign, 0);
    abi_slot_free(slot);
}

CLAIM(cache, "FLUSH_CACHE is EACCES without I/O memory")
{
    UNPRIVILEGED_ONLY();
    EXPECT_EQ(abi_mmuext(MMUEXT_FLUSH_CACHE, 0), -XEN_EACCES);
}

CLAIM(ports, "every port reads all ones with virtual IOPL 1, and none can be written to effect")
{
    struct physdev_set_iopl iopl = {.iopl = 1};
    unsigned other = 0;

    UNPRIVILEGED_ONLY();
    EXPECT_EQ(hv_physdev_op(PHYSDEVOP_set_iopl, &iopl), 0);
    for (unsigned port = 0; port < 0x10000; port += port < 0x1000 ? 1 : 7) {
        uint8_t v = 0;

        /* The PIT and the CMOS clock are emulated for everybody. */
        if ((port >= 0x40 && port <= 0x43) || port == 0x61 || port == 0x70 || port == 0x71)
            continue;
        if (FAULT_OF("inb %1, %0", : "=a"(v) : "d"((uint16_t)port)) >= 0 || v != 0xff)
            other++;
    }
    EXPECT_EQ(other, 0);
    EXPECT_EQ(FAULT_OF("outl %0, %1", ::"a"(0x80000000u), "d"((uint16_t)0xcf8)), -1);
}

CLAIM(interrupts, "interrupts of devices can be neither mapped nor bound")
{
    struct physdev_map_pirq map = {.domid = DOMID_SELF, .type = MAP_PIRQ_TYPE_GSI, .index = 9, .pirq = 9};
    struct evtchn_bind_pirq bind = {.pirq = 9};
    struct physdev_pci_device_add add = {.bus = 0, .devfn = 0};

    UNPRIVILEGED_ONLY();
    EXPECT_EQ(hv_physdev_op(PHYSDEVOP_map_pirq, &map), -XEN_EPERM);
    EXPECT_EQ(hv_event_channel_op(EVTCHNOP_bind_pirq, &bind), -XEN_EPERM);
    EXPECT_EQ(hv_physdev_op(PHYSDEVOP_pci_device_add, &add), -XEN_EPERM);
}

CLAIM(foreign_events, "ports for others are EPERM; ports of others are not bound for us")
{
    struct evtchn_alloc_unbound alloc = {.dom = 0, .remote_dom = DOMID_SELF};
    struct evtchn_status status = {.dom = 0, .port = 1};
    struct evtchn_reset reset = {.dom = 0};

    UNPRIVILEGED_ONLY();
    EXPECT_EQ(hv_event_channel_op(EVTCHNOP_alloc_unbound, &alloc), -XEN_EPERM);
    EXPECT_EQ(hv_event_channel_op(EVTCHNOP_status, &status), -XEN_EPERM);
    EXPECT_EQ(hv_event_channel_op(EVTCHNOP_reset, &reset), -XEN_EPERM);
    for (unsigned port = 0; port < 128; port++)
        EXPECT(event_bind_interdomain(0, port) < 0);
}

CLAIM(foreign_grants, "the grant table of domain 0 is neither set up nor measured nor mapped from")
{
    struct gnttab_query_size query = {.dom = 0, .status = 99};
    struct gnttab_get_version version = {.dom = 0};
    struct gnttab_setup_table setup = {.dom = 0, .nr_frames = 1, .status = 99};
    xen_pfn_t frame;
    char *slot = abi_slot();

    UNPRIVILEGED_ONLY();
    EXPECT_EQ(hv_grant_table_op(GNTTABOP_query_size, &query, 1), 0);
    EXPECT_EQ(query.status, GNTST_permission_denied);
    set_xen_guest_handle(setup.frame_list, &frame);
    EXPECT_EQ(hv_grant_table_op(GNTTABOP_setup_table, &setup, 1), 0);
    EXPECT_EQ(setup.status, GNTST_permission_denied);
    EXPECT(hv_grant_table_op(GNTTABOP_get_version, &version, 1) < 0);
    for (grant_ref_t ref = 0; ref < 64; ref++) {
        struct gnttab_map_grant_ref m = {.host_addr = (unsigned long)slot,
                                         .flags = GNTMAP_host_map | GNTMAP_readonly,
                                         .ref = ref,
                                         .dom = 0};

        EXPECT_EQ(hv_grant_table_op(GNTTABOP_map_grant_ref, &m, 1), 0);
        EXPECT_NE(m.status, GNTST_okay);
    }
    abi_slot_free(slot);
}

CLAIM(grant_copy_foreign, "grant copy reads and writes no frame of domain 0 and none of nobody")
{
    char *page = abi_page();
    struct gnttab_copy c = {.len = 64, .flags = GNTCOPY_source_gref};

    UNPRIVILEGED_ONLY();
    c.dest.u.gmfn = virt_to_mfn(page);
    c.dest.domid = DOMID_SELF;
    for (grant_ref_t ref = 0; ref < 64; ref++) {
        c.source.u.ref = ref;
        c.source.domid = 0;
        c.status = 99;
        EXPECT_EQ(hv_grant_table_op(GNTTABOP_copy, &c, 1), 0);
        EXPECT_NE(c.status, GNTST_okay);
    }
    c.flags = 0;
    c.source.u.gmfn = abi_alien_mfn();
    c.source.domid = DOMID_SELF;
    EXPECT_EQ(hv_grant_table_op(GNTTABOP_copy, &c, 1), 0);
    EXPECT_NE(c.status, GNTST_okay);
    c.source.domid = 0;
    EXPECT_EQ(hv_grant_table_op(GNTTABOP_copy, &c, 1), 0);
    EXPECT_NE(c.status, GNTST_okay);
    page_free(page, 0);
}

CLAIM(remote_shutdown, "domain 0 cannot be shut down")
{
    struct sched_remote_shutdown r = {.domain_id = 0, .reason = SHUTDOWN_crash};

    UNPRIVILEGED_ONLY();
    EXPECT_EQ(hv_sched_op(SCHEDOP_remote_shutdown, &r), -XEN_EPERM);
}

CLAIM(more_memory, "the domain cannot grow beyond its maximum")
{
    xen_pfn_t list[8] = {0};
    struct xen_memory_reservation r = {.nr_extents = 8, .domid = DOMID_SELF};
    domid_t self = DOMID_SELF;
    long now = hv_memory_op(XENMEM_current_reservation, &self),
         max = hv_memory_op(XENMEM_maximum_reservation, &self);

    UNPRIVILEGED_ONLY();
    EXPECT_GE(max, now);
    for (unsigned i = 0; i < 8; i++)
        list[i] = start_info->nr_pages + 100 + i;
    set_xen_guest_handle(r.extent_start, list);
    /* Toolstacks leave a little slack: take that first. */
    for (long room = max - now; room > 0 && hv_memory_op(XENMEM_populate_physmap, &r) == 8; room -= 8)
        ;
    EXPECT(hv_memory_op(XENMEM_current_reservation, &self) <= max);
    for (unsigned i = 0; i < 8; i++)
        list[i] = start_info->nr_pages + 5000 + i;
    EXPECT(hv_memory_op(XENMEM_populate_physmap, &r) < 8);
    EXPECT(hv_memory_op(XENMEM_current_reservation, &self) <= max);
}

CLAIM(ring_pages,
      "store and console rings are the domain's own pages, named by start_info and by grants 0 and 1")
{
    UNPRIVILEGED_ONLY();
    EXPECT(start_info->store_evtchn != 0 && start_info->console.domU.evtchn != 0);
    EXPECT_EQ(pfn_to_mfn(mfn_to_pfn(start_info->store_mfn)), start_info->store_mfn);
    EXPECT_EQ(pfn_to_mfn(mfn_to_pfn(start_info->console.domU.mfn)), start_info->console.domU.mfn);
    REQUIRE(grant_init(1));
    EXPECT_EQ(grant_entry(0)->frame, start_info->console.domU.mfn);
    EXPECT_EQ(grant_entry(1)->frame, start_info->store_mfn);
    EXPECT_EQ(grant_entry(0)->domid, 0);
    EXPECT(grant_entry(0)->flags & GTF_permit_access);
    EXPECT(grant_entry(1)->flags & GTF_permit_access);
}

CLAIM(optional, "calls of features for the privileged are refused")
{
    UNPRIVILEGED_ONLY();
    EXPECT(hypercall2(__HYPERVISOR_kexec_op, 0, 0) < 0);
    EXPECT(hypercall2(__HYPERVISOR_xenoprof_op, 0, 0) < 0);
    EXPECT(hypercall1(__HYPERVISOR_arch_0, 0) < 0);
    EXPECT(hypercall2(__HYPERVISOR_dm_op, 0, 0) < 0);
}
