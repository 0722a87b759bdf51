/* SPDX-License-Identifier: MIT */
/* The machine as sysctl, platform_op, mca and physdev_op tell it to the first domain. */
#include "tests/abi/lib/control.h"
#include "guest/time.h"
#include <xen/arch-x86/xen-mca.h>
#include <xen/platform.h>

CLAIM(sched_id, "sysctl: the scheduler is credit2 to tools")
{
    FIRST_DOMAIN_ONLY();
    control_clear();
    EXPECT_EQ(do_sysctl(XEN_SYSCTL_sched_id), 0);
    EXPECT_EQ(sysctl.u.sched_id.sched_id, XEN_SCHEDULER_CREDIT2);
}

static long scheduler(unsigned pool, unsigned id, unsigned cmd, unsigned limit)
{
    control_clear();
    sysctl.u.scheduler_op.cpupool_id = pool;
    sysctl.u.scheduler_op.sched_id = id;
    sysctl.u.scheduler_op.cmd = cmd;
    sysctl.u.scheduler_op.u.sched_credit2.ratelimit_us = limit;
    return do_sysctl(XEN_SYSCTL_scheduler_op);
}

CLAIM(rate_limit, "scheduler_op: the rate limit is set and read back; 0 is none; out of range is EINVAL")
{
    FIRST_DOMAIN_ONLY();
    EXPECT_EQ(scheduler(0, XEN_SCHEDULER_CREDIT2, XEN_SYSCTL_SCHEDOP_putinfo, 1500), 0);
    EXPECT_EQ(scheduler(0, XEN_SCHEDULER_CREDIT2, XEN_SYSCTL_SCHEDOP_getinfo, 0), 0);
    EXPECT_EQ(sysctl.u.scheduler_op.u.sched_credit2.ratelimit_us, 1500);
    EXPECT_EQ(
        scheduler(0, XEN_SCHEDULER_CREDIT2, XEN_SYSCTL_SCHEDOP_putinfo, XEN_SYSCTL_SCHED_RATELIMIT_MIN - 1),
        -XEN_EINVAL);
    EXPECT_EQ(
        scheduler(0, XEN_SCHEDULER_CREDIT2, XEN_SYSCTL_SCHEDOP_putinfo, XEN_SYSCTL_SCHED_RATELIMIT_MAX + 1),
        -XEN_EINVAL);
    EXPECT_EQ(scheduler(0, XEN_SCHEDULER_CREDIT2, XEN_SYSCTL_SCHEDOP_putinfo, XEN_SYSCTL_SCHED_RATELIMIT_MAX),
              0);
    EXPECT_EQ(scheduler(0, XEN_SCHEDULER_CREDIT2, XEN_SYSCTL_SCHEDOP_putinfo, 0), 0);
    EXPECT_EQ(scheduler(0, XEN_SCHEDULER_CREDIT2, XEN_SYSCTL_SCHEDOP_getinfo, 1), 0);
    EXPECT_EQ(sysctl.u.scheduler_op.u.sched_credit2.ratelimit_us, 0);
}

CLAIM(scheduler_errors, "scheduler_op: unknown command or scheduler EINVAL, no such pool ESRCH")
{
    FIRST_DOMAIN_ONLY();
    EXPECT_EQ(scheduler(0, XEN_SCHEDULER_CREDIT2, 7, 0), -XEN_EINVAL);
    EXPECT_EQ(scheduler(5, XEN_SCHEDULER_CREDIT2, XEN_SYSCTL_SCHEDOP_getinfo, 0), -XEN_ESRCH);
    EXPECT_EQ(scheduler(0, XEN_SCHEDULER_CREDIT, XEN_SYSCTL_SCHEDOP_getinfo, 0), -XEN_EINVAL);
}

static uint64_t cpu_map;

static long pool(unsigned op, unsigned id)
{
    control_clear();
    cpu_map = ~0ul;
    sysctl.u.cpupool_op.op = op;
    sysctl.u.cpupool_op.cpupool_id = id;
    sysctl.u.cpupool_op.cpumap.nr_bits = 64;
    set_xen_guest_handle(sysctl.u.cpupool_op.cpumap.bitmap, (uint8_t *)&cpu_map);
    return do_sysctl(XEN_SYSCTL_cpupool_op);
}

CLAIM(cpu_pool, "cpupool: number 0 has all CPUs and this domain, ENOENT behind it, no CPU is free")
{
    FIRST_DOMAIN_ONLY();
    EXPECT_EQ(pool(XEN_SYSCTL_CPUPOOL_OP_INFO, 0), 0);
    EXPECT_EQ(sysctl.u.cpupool_op.cpupool_id, 0);
    EXPECT_EQ(sysctl.u.cpupool_op.sched_id, XEN_SCHEDULER_CREDIT2);
    EXPECT_EQ(sysctl.u.cpupool_op.n_dom, 1);
    EXPECT(cpu_map & 1);
    EXPECT_EQ(pool(XEN_SYSCTL_CPUPOOL_OP_INFO, 1), -XEN_ENOENT);
    EXPECT_EQ(pool(XEN_SYSCTL_CPUPOOL_OP_FREEINFO, 0), 0);
    EXPECT_EQ(cpu_map, 0);
    EXPECT_EQ(pool(XEN_SYSCTL_CPUPOOL_OP_DESTROY, 9), -XEN_ENOENT);
    EXPECT_EQ(pool(XEN_SYSCTL_CPUPOOL_OP_ADDCPU, 9), -XEN_ENOENT);
    EXPECT_EQ(pool(XEN_SYSCTL_CPUPOOL_OP_RMCPU, 9), -XEN_ENOENT);
    EXPECT_EQ(pool(XEN_SYSCTL_CPUPOOL_OP_DESTROY, 0), -XEN_EBUSY);
    EXPECT_EQ(pool(77, 0), -XEN_ENOSYS);
}

CLAIM(cpu_pool_move, "cpupool: a domain moved to where it is already, nobody ESRCH, nowhere ENOENT")
{
    domid_t dom;

    FIRST_DOMAIN_ONLY();
    dom = control_new_domain(1);
    control_clear();
    sysctl.u.cpupool_op.op = XEN_SYSCTL_CPUPOOL_OP_MOVEDOMAIN;
    sysctl.u.cpupool_op.domid = dom;
    EXPECT_EQ(do_sysctl(XEN_SYSCTL_cpupool_op), 0);
    sysctl.u.cpupool_op.cpupool_id = 9;
    EXPECT_EQ(do_sysctl(XEN_SYSCTL_cpupool_op), -XEN_ENOENT);
    sysctl.u.cpupool_op.domid = 0x7000;
    EXPECT_EQ(do_sysctl(XEN_SYSCTL_cpupool_op), -XEN_ESRCH);
    control_destroy(dom);
}

CLAIM(cpu_topology, "cputopoinfo: how many without a buffer; no more than there is room for; EFAULT")
{
    static xen_sysctl_cputopo_t cpus[64];
    uint32_t n;

    FIRST_DOMAIN_ONLY();
    control_clear();
    EXPECT_EQ(do_sysctl(XEN_SYSCTL_cputopoinfo), 0);
    n = sysctl.u.cputopoinfo.num_cpus;
    EXPECT(n >= 1 && n <= 64);
    set_xen_guest_handle(sysctl.u.cputopoinfo.cputopo, cpus);
    sysctl.u.cputopoinfo.num_cpus = 64;
    EXPECT_EQ(do_sysctl(XEN_SYSCTL_cputopoinfo), 0);
    EXPECT_EQ(sysctl.u.cputopoinfo.num_cpus, n);
    EXPECT_EQ(cpus[0].core, 0);
    EXPECT_EQ(cpus[0].socket, 0);
    EXPECT_EQ(cpus[0].node, 0);
    sysctl.u.cputopoinfo.num_cpus = 0;
    EXPECT_EQ(do_sysctl(XEN_SYSCTL_cputopoinfo), 0);
    EXPECT_EQ(sysctl.u.cputopoinfo.num_cpus, 0);
    sysctl.u.cputopoinfo.num_cpus = 64;
    set_xen_guest_handle(sysctl.u.cputopoinfo.cputopo, BAD_PTR);
    EXPECT_EQ(do_sysctl(XEN_SYSCTL_cputopoinfo), -XEN_EFAULT);
}

CLAIM(numa, "numainfo: one node with all memory; nothing where there is no room; EFAULT")
{
    static xen_sysctl_meminfo_t mem[4];
    static uint32_t distance[16];

    FIRST_DOMAIN_ONLY();
    control_clear();
    EXPECT_EQ(do_sysctl(XEN_SYSCTL_numainfo), 0);
    EXPECT_EQ(sysctl.u.numainfo.num_nodes, 1);
    sysctl.u.numainfo.num_nodes = 4;
    set_xen_guest_handle(sysctl.u.numainfo.meminfo, mem);
    set_xen_guest_handle(sysctl.u.numainfo.distance, distance);
    EXPECT_EQ(do_sysctl(XEN_SYSCTL_numainfo), 0);
    EXPECT_EQ(sysctl.u.numainfo.num_nodes, 1);
    EXPECT_EQ(distance[0], 10);
    EXPECT(mem[0].memsize > start_info->nr_pages * 4096);
    EXPECT(mem[0].memfree < mem[0].memsize);
    mem[0].memsize = 7;
    sysctl.u.numainfo.num_nodes = 0;
    EXPECT_EQ(do_sysctl(XEN_SYSCTL_numainfo), 0);
    EXPECT_EQ(sysctl.u.numainfo.num_nodes, 0);
    EXPECT_EQ(mem[0].memsize, 7);
    sysctl.u.numainfo.num_nodes = 1;
    set_xen_guest_handle(sysctl.u.numainfo.meminfo, BAD_PTR);
    EXPECT_EQ(do_sysctl(XEN_SYSCTL_numainfo), -XEN_EFAULT);
}

CLAIM(
    pci_topology,
    "pcitopoinfo: no node for a device that was reported without, another mark for others; no buffer EINVAL")
{
    static physdev_pci_device_t devs[2] = {{.bus = 0, .devfn = 0}, {.bus = 0x55, .devfn = 0x50}};
    static uint32_t nodes[2];
    struct physdev_pci_device_add add = {.bus = 0, .devfn = 0};

    FIRST_DOMAIN_ONLY();
    control_clear();
    sysctl.u.pcitopoinfo.num_devs = 2;
    EXPECT_EQ(do_sysctl(XEN_SYSCTL_pcitopoinfo), -XEN_EINVAL);
    EXPECT_EQ(hv_physdev_op(PHYSDEVOP_pci_device_add, &add), 0);
    set_xen_guest_handle(sysctl.u.pcitopoinfo.devs, devs);
    set_xen_guest_handle(sysctl.u.pcitopoinfo.nodes, nodes);
    EXPECT_EQ(do_sysctl(XEN_SYSCTL_pcitopoinfo), 0);
    EXPECT_EQ(sysctl.u.pcitopoinfo.num_devs, 2);
    EXPECT_EQ(nodes[0], XEN_INVALID_NODE_ID);
    EXPECT_EQ(nodes[1], XEN_INVALID_DEV);
    set_xen_guest_handle(sysctl.u.pcitopoinfo.devs, BAD_PTR);
    EXPECT_EQ(do_sysctl(XEN_SYSCTL_pcitopoinfo), -XEN_EFAULT);
}

CLAIM(cpu_times, "getcpuinfo: idle time of each CPU, no more than there is room for; EFAULT")
{
    static xen_sysctl_cpuinfo_t cpus[64];

    FIRST_DOMAIN_ONLY();
    control_clear();
    sysctl.u.getcpuinfo.max_cpus = 64;
    set_xen_guest_handle(sysctl.u.getcpuinfo.info, cpus);
    EXPECT_EQ(do_sysctl(XEN_SYSCTL_getcpuinfo), 0);
    EXPECT(sysctl.u.getcpuinfo.nr_cpus >= 1);
    EXPECT(cpus[0].idletime < time_now());
    sysctl.u.getcpuinfo.max_cpus = 0;
    EXPECT_EQ(do_sysctl(XEN_SYSCTL_getcpuinfo), 0);
    EXPECT_EQ(sysctl.u.getcpuinfo.nr_cpus, 0);
    sysctl.u.getcpuinfo.max_cpus = 1;
    set_xen_guest_handle(sysctl.u.getcpuinfo.info, BAD_PTR);
    EXPECT_EQ(do_sysctl(XEN_SYSCTL_getcpuinfo), -XEN_EFAULT);
}

CLAIM(free_memory, "availheap: what physinfo calls free, for all nodes")
{
    uint64_t free;

    FIRST_DOMAIN_ONLY();
    control_clear();
    EXPECT_EQ(do_sysctl(XEN_SYSCTL_physinfo), 0);
    free = sysctl.u.physinfo.free_pages * 4096;
    control_clear();
    sysctl.u.availheap.node = -1;
    EXPECT_EQ(do_sysctl(XEN_SYSCTL_availheap), 0);
    EXPECT_EQ(sysctl.u.availheap.avail_bytes, free);
}

CLAIM(debug_keys, "debug_keys: keys without a meaning are taken, a bad pointer is EFAULT")
{
    static char keys[2] = {'~', '}'};

    FIRST_DOMAIN_ONLY();
    control_clear();
    EXPECT_EQ(do_sysctl(XEN_SYSCTL_debug_keys), 0);
    sysctl.u.debug_keys.nr_keys = 2;
    set_xen_guest_handle(sysctl.u.debug_keys.keys, keys);
    EXPECT_EQ(do_sysctl(XEN_SYSCTL_debug_keys), 0);
    set_xen_guest_handle(sysctl.u.debug_keys.keys, BAD_PTR);
    EXPECT_EQ(do_sysctl(XEN_SYSCTL_debug_keys), -XEN_EFAULT);
}

CLAIM(console_ring, "readconsole: in pieces from where the last one ended, no more than asked, EFAULT")
{
    static char text[2][64];

    FIRST_DOMAIN_ONLY();
    control_clear();
    set_xen_guest_handle(sysctl.u.readconsole.buffer, text[0]);
    sysctl.u.readconsole.count = 20;
    EXPECT_EQ(do_sysctl(XEN_SYSCTL_readconsole), 0);
    EXPECT_EQ(sysctl.u.readconsole.count, 20);
    set_xen_guest_handle(sysctl.u.readconsole.buffer, text[0] + 20);
    sysctl.u.readconsole.incremental = 1;
    EXPECT_EQ(do_sysctl(XEN_SYSCTL_readconsole), 0);
    EXPECT_EQ(sysctl.u.readconsole.count, 20);
    set_xen_guest_handle(sysctl.u.readconsole.buffer, text[1]);
    sysctl.u.readconsole.incremental = 0;
    sysctl.u.readconsole.count = 40;
    EXPECT_EQ(do_sysctl(XEN_SYSCTL_readconsole), 0);
    EXPECT_EQ(memcmp(text[0], text[1], 40), 0);
    sysctl.u.readconsole.count = 0;
    EXPECT_EQ(do_sysctl(XEN_SYSCTL_readconsole), 0);
    EXPECT_EQ(sysctl.u.readconsole.count, 0);
    sysctl.u.readconsole.count = 40;
    set_xen_guest_handle(sysctl.u.readconsole.buffer, BAD_PTR);
    EXPECT_EQ(do_sysctl(XEN_SYSCTL_readconsole), -XEN_EFAULT);
}

CLAIM(domain_list_errors, "getdomaininfolist: no room is no error, a bad buffer is EFAULT")
{
    FIRST_DOMAIN_ONLY();
    control_clear();
    EXPECT_EQ(do_sysctl(XEN_SYSCTL_getdomaininfolist), 0);
    EXPECT_EQ(sysctl.u.getdomaininfolist.num_domains, 0);
    sysctl.u.getdomaininfolist.max_domains = 1;
    set_xen_guest_handle(sysctl.u.getdomaininfolist.buffer, BAD_PTR);
    EXPECT_EQ(do_sysctl(XEN_SYSCTL_getdomaininfolist), -XEN_EFAULT);
}

CLAIM(featureset, "get_cpu_featureset: its length, host's and PV's; ENOBUFS with what fits; EINVAL, EFAULT")
{
    static uint32_t words[32], few[2];
    uint32_t n;

    FIRST_DOMAIN_ONLY();
    control_clear();
    EXPECT_EQ(do_sysctl(XEN_SYSCTL_get_cpu_featureset), 0);
    n = sysctl.u.cpu_featureset.nr_features;
    EXPECT(n > 9 && n <= 32);
    sysctl.u.cpu_featureset.index = XEN_SYSCTL_cpu_featureset_pv;
    set_xen_guest_handle(sysctl.u.cpu_featureset.features, words);
    EXPECT_EQ(do_sysctl(XEN_SYSCTL_get_cpu_featureset), 0);
    EXPECT(words[0] & 1u << 6);    /* PAE */
    EXPECT(!(words[0] & 1u << 3)); /* PSE: never for PV guests */
    sysctl.u.cpu_featureset.nr_features = 2;
    set_xen_guest_handle(sysctl.u.cpu_featureset.features, few);
    EXPECT_EQ(do_sysctl(XEN_SYSCTL_get_cpu_featureset), -XEN_ENOBUFS);
    EXPECT_EQ(few[0], words[0]);
    EXPECT_EQ(few[1], words[1]);
    sysctl.u.cpu_featureset.index = 77;
    sysctl.u.cpu_featureset.nr_features = 2;
    EXPECT_EQ(do_sysctl(XEN_SYSCTL_get_cpu_featureset), -XEN_EINVAL);
    sysctl.u.cpu_featureset.index = 0;
    set_xen_guest_handle(sysctl.u.cpu_featureset.features, BAD_PTR);
    EXPECT_EQ(do_sysctl(XEN_SYSCTL_get_cpu_featureset), -XEN_EFAULT);
}

CLAIM(host_policy, "get_cpu_policy: sizes without buffers, leaves in order, ENOBUFS, unknown EINVAL, EFAULT")
{
    static xen_cpuid_leaf_t leaves[512];
    static xen_msr_entry_t msrs[64];

    FIRST_DOMAIN_ONLY();
    control_clear();
    EXPECT_EQ(do_sysctl(XEN_SYSCTL_get_cpu_policy), 0);
    EXPECT(sysctl.u.cpu_policy.nr_leaves > 4 && sysctl.u.cpu_policy.nr_leaves <= 512);
    EXPECT(sysctl.u.cpu_policy.nr_msrs >= 1 && sysctl.u.cpu_policy.nr_msrs <= 64);
    sysctl.u.cpu_policy.index = XEN_SYSCTL_cpu_policy_pv_default;
    set_xen_guest_handle(sysctl.u.cpu_policy.leaves, leaves);
    set_xen_guest_handle(sysctl.u.cpu_policy.msrs, msrs);
    EXPECT_EQ(do_sysctl(XEN_SYSCTL_get_cpu_policy), 0);
    for (unsigned i = 1; i < sysctl.u.cpu_policy.nr_leaves; i++)
        EXPECT(leaves[i].leaf > leaves[i - 1].leaf ||
               (leaves[i].leaf == leaves[i - 1].leaf && leaves[i].subleaf > leaves[i - 1].subleaf));
    sysctl.u.cpu_policy.nr_leaves = 1;
    EXPECT_EQ(do_sysctl(XEN_SYSCTL_get_cpu_policy), -XEN_ENOBUFS);
    sysctl.u.cpu_policy.nr_leaves = 512;
    sysctl.u.cpu_policy.index = 77;
    EXPECT_EQ(do_sysctl(XEN_SYSCTL_get_cpu_policy), -XEN_EINVAL);
    sysctl.u.cpu_policy.index = 0;
    set_xen_guest_handle(sysctl.u.cpu_policy.leaves, BAD_PTR);
    EXPECT_EQ(do_sysctl(XEN_SYSCTL_get_cpu_policy), -XEN_EFAULT);
}

CLAIM(page_offline, "page_offline_op: an end before its start is EINVAL, an unknown command too")
{
    static uint32_t status;

    FIRST_DOMAIN_ONLY();
    control_clear();
    sysctl.u.page_offline.start = 5;
    sysctl.u.page_offline.end = 4;
    EXPECT(do_sysctl(XEN_SYSCTL_page_offline_op) < 0);
    sysctl.u.page_offline.end = 5;
    sysctl.u.page_offline.cmd = 99;
    set_xen_guest_handle(sysctl.u.page_offline.status, &status);
    EXPECT(do_sysctl(XEN_SYSCTL_page_offline_op) < 0);
}

static struct xen_platform_op platform;

static long do_platform(uint32_t cmd)
{
    platform.cmd = cmd;
    platform.interface_version = XENPF_INTERFACE_VERSION;
    return hypercall1(__HYPERVISOR_platform_op, (unsigned long)&platform);
}

CLAIM(platform_cpus, "get_cpuinfo: CPU 0 is online, the highest is told, one that is not there says so")
{
    FIRST_DOMAIN_ONLY();
    memset(&platform, 0, sizeof(platform));
    EXPECT_EQ(do_platform(XENPF_get_cpuinfo), 0);
    EXPECT(platform.u.pcpu_info.flags & XEN_PCPU_FLAGS_ONLINE);
    EXPECT_EQ(platform.u.pcpu_info.apic_id, 0);
    platform.u.pcpu_info.xen_cpuid = platform.u.pcpu_info.max_present + 1;
    EXPECT_EQ(do_platform(XENPF_get_cpuinfo), 0);
    EXPECT_EQ(platform.u.pcpu_info.flags, XEN_PCPU_FLAGS_INVALID);
}

CLAIM(platform_cpu_version,
      "get_cpu_version: vendor and family as CPUID tells; nothing of a CPU that is not there")
{
    FIRST_DOMAIN_ONLY();
    memset(&platform, 0, sizeof(platform));
    EXPECT_EQ(do_platform(XENPF_get_cpu_version), 0);
    EXPECT(platform.u.pcpu_version.family >= 6);
    EXPECT(platform.u.pcpu_version.vendor_id[0] == 'G' || platform.u.pcpu_version.vendor_id[0] == 'A');
    platform.u.pcpu_version.xen_cpuid = platform.u.pcpu_version.max_present + 1;
    EXPECT_EQ(do_platform(XENPF_get_cpu_version), 0);
    EXPECT_EQ(platform.u.pcpu_version.family, 0);
    EXPECT_EQ(platform.u.pcpu_version.vendor_id[0], 0);
}

CLAIM(platform_time, "settime64 moves the wallclock of the shared page; a field that must be zero is EINVAL")
{
    uint64_t sec;

    FIRST_DOMAIN_ONLY();
    memset(&platform, 0, sizeof(platform));
    platform.u.settime64.secs = 2000000000;
    platform.u.settime64.system_time = time_now();
    EXPECT_EQ(do_platform(XENPF_settime64), 0);
    /* The record is of the time at which system time was 0. */
    sec = shared_info->wc_sec + time_now() / 1000000000;
    EXPECT(sec >= 1999999999 && sec <= 2000000030);
    platform.u.settime64.mbz = 1;
    EXPECT_EQ(do_platform(XENPF_settime64), -XEN_EINVAL);
    memset(&platform, 0, sizeof(platform));
    platform.u.settime32.secs = 1900000000;
    platform.u.settime32.system_time = time_now();
    EXPECT_EQ(do_platform(XENPF_settime32), 0);
    sec = shared_info->wc_sec + time_now() / 1000000000;
    EXPECT(sec >= 1899999999 && sec <= 1900000030);
}

CLAIM(platform_firmware, "firmware_info: lists end with ESRCH, unknown kinds are EINVAL")
{
    FIRST_DOMAIN_ONLY();
    memset(&platform, 0, sizeof(platform));
    platform.u.firmware_info.type = XEN_FW_DISK_INFO;
    platform.u.firmware_info.index = 1000;
    EXPECT_EQ(do_platform(XENPF_firmware_info), -XEN_ESRCH);
    platform.u.firmware_info.type = XEN_FW_DISK_MBR_SIGNATURE;
    EXPECT_EQ(do_platform(XENPF_firmware_info), -XEN_ESRCH);
    platform.u.firmware_info.type = XEN_FW_VBEDDC_INFO;
    EXPECT_EQ(do_platform(XENPF_firmware_info), -XEN_ESRCH);
    platform.u.firmware_info.type = XEN_FW_KBD_SHIFT_FLAGS;
    EXPECT_EQ(do_platform(XENPF_firmware_info), -XEN_ESRCH);
    platform.u.firmware_info.index = 0;
    EXPECT_EQ(do_platform(XENPF_firmware_info), 0);
    platform.u.firmware_info.type = 99;
    EXPECT_EQ(do_platform(XENPF_firmware_info), -XEN_EINVAL);
}

CLAIM(platform_sleep, "enter_acpi_sleep: states beyond S5 and unknown flags are EINVAL")
{
    FIRST_DOMAIN_ONLY();
    memset(&platform, 0, sizeof(platform));
    platform.u.enter_acpi_sleep.sleep_state = 6;
    EXPECT_EQ(do_platform(XENPF_enter_acpi_sleep), -XEN_EINVAL);
    platform.u.enter_acpi_sleep.sleep_state = 5;
    platform.u.enter_acpi_sleep.flags = 0x80;
    EXPECT_EQ(do_platform(XENPF_enter_acpi_sleep), -XEN_EINVAL);
}

CLAIM(platform_unknown, "platform operations that there are not: ENOSYS")
{
    FIRST_DOMAIN_ONLY();
    memset(&platform, 0, sizeof(platform));
    EXPECT_EQ(do_platform(9999), -XEN_ENOSYS);
}

CLAIM(mca, "mca: another version EACCES, CPUs counted without a buffer, unknown commands an error")
{
    static struct xen_mc mc;

    FIRST_DOMAIN_ONLY();
    mc.interface_version = 1;
    EXPECT_EQ(hypercall1(__HYPERVISOR_mca, (unsigned long)&mc), -XEN_EACCES);
    EXPECT_EQ(hypercall1(__HYPERVISOR_mca, (unsigned long)BAD_PTR), -XEN_EFAULT);
    mc.interface_version = XEN_MCA_INTERFACE_VERSION;
    mc.cmd = XEN_MC_physcpuinfo;
    EXPECT_EQ(hypercall1(__HYPERVISOR_mca, (unsigned long)&mc), 0);
    EXPECT(mc.u.mc_physcpuinfo.ncpus >= 1);
    mc.cmd = XEN_MC_notifydomain;
    EXPECT(hypercall1(__HYPERVISOR_mca, (unsigned long)&mc) < 0);
}

CLAIM(gsi_setup, "setup_gsi: EINVAL for a line that there is not, EEXIST the second time")
{
    struct physdev_setup_gsi op = {.gsi = 100000, .triggering = 1, .polarity = 1};
    long rc;

    FIRST_DOMAIN_ONLY();
    EXPECT_EQ(hv_physdev_op(PHYSDEVOP_setup_gsi, &op), -XEN_EINVAL);
    op.gsi = 19;
    rc = hv_physdev_op(PHYSDEVOP_setup_gsi, &op);
    EXPECT(rc == 0 || rc == -XEN_EEXIST);
    EXPECT_EQ(hv_physdev_op(PHYSDEVOP_setup_gsi, &op), -XEN_EEXIST);
    EXPECT_EQ(hv_physdev_op(PHYSDEVOP_setup_gsi, BAD_PTR), -XEN_EFAULT);
}

CLAIM(pirq_life, "a GSI is mapped, bound, told about, closed, unmapped; unmapping again is EINVAL")
{
    struct physdev_map_pirq map = {.domid = DOMID_SELF, .type = MAP_PIRQ_TYPE_GSI, .index = 19, .pirq = 19};
    struct physdev_unmap_pirq unmap = {.domid = DOMID_SELF, .pirq = 19};
    struct physdev_setup_gsi setup = {.gsi = 19, .triggering = 1, .polarity = 1};
    struct evtchn_bind_pirq bind = {.pirq = 19};
    struct evtchn_status status = {.dom = DOMID_SELF};
    struct physdev_irq_status_query query = {.irq = 19};
    struct physdev_eoi eoi = {.irq = 19};
    struct evtchn_close close = {0};

    FIRST_DOMAIN_ONLY();
    EXPECT_EQ(hv_physdev_op(PHYSDEVOP_map_pirq, &map), 0);
    EXPECT_EQ(map.pirq, 19);
    hv_physdev_op(PHYSDEVOP_setup_gsi, &setup);
    REQUIRE_OK(hv_event_channel_op(EVTCHNOP_bind_pirq, &bind));
    EXPECT_EQ(hv_event_channel_op(EVTCHNOP_bind_pirq, &bind), -XEN_EEXIST);
    status.port = close.port = bind.port;
    EXPECT_EQ(hv_event_channel_op(EVTCHNOP_status, &status), 0);
    EXPECT_EQ(status.status, EVTCHNSTAT_pirq);
    EXPECT_EQ(status.u.pirq, 19);
    EXPECT_EQ(hv_physdev_op(PHYSDEVOP_irq_status_query, &query), 0);
    EXPECT(query.flags & XENIRQSTAT_needs_eoi);
    EXPECT_EQ(hv_physdev_op(PHYSDEVOP_eoi, &eoi), 0);
    EXPECT_EQ(hv_event_channel_op(EVTCHNOP_close, &close), 0);
    EXPECT_EQ(hv_physdev_op(PHYSDEVOP_unmap_pirq, &unmap), 0);
    EXPECT_EQ(hv_physdev_op(PHYSDEVOP_unmap_pirq, &unmap), -XEN_EINVAL);
    unmap.domid = 0x7000;
    EXPECT_EQ(hv_physdev_op(PHYSDEVOP_unmap_pirq, &unmap), -XEN_ESRCH);
    EXPECT_EQ(hv_physdev_op(PHYSDEVOP_unmap_pirq, BAD_PTR), -XEN_EFAULT);
}

CLAIM(pci_devices, "PCI devices: reported and taken back, in the old forms as well; bad pointers EFAULT")
{
    struct physdev_pci_device_add add = {.bus = 0, .devfn = 0};
    struct physdev_pci_device gone = {.bus = 0, .devfn = 0};
    struct physdev_manage_pci old = {.bus = 0, .devfn = 0};
    struct physdev_manage_pci_ext ext = {.bus = 0, .devfn = 0, .is_extfn = 2};

    FIRST_DOMAIN_ONLY();
    EXPECT_EQ(hv_physdev_op(PHYSDEVOP_pci_device_add, &add), 0);
    EXPECT_EQ(hv_physdev_op(PHYSDEVOP_pci_device_remove, &gone), 0);
    EXPECT_EQ(hv_physdev_op(PHYSDEVOP_manage_pci_add, &old), 0);
    EXPECT_EQ(hv_physdev_op(PHYSDEVOP_manage_pci_remove, &old), 0);
    EXPECT_EQ(hv_physdev_op(PHYSDEVOP_manage_pci_add_ext, &ext), -XEN_EINVAL);
    EXPECT_EQ(hv_physdev_op(PHYSDEVOP_pci_device_add, BAD_PTR), -XEN_EFAULT);
    EXPECT_EQ(hv_physdev_op(PHYSDEVOP_pci_device_remove, BAD_PTR), -XEN_EFAULT);
    EXPECT_EQ(hv_physdev_op(PHYSDEVOP_manage_pci_add, BAD_PTR), -XEN_EFAULT);
    EXPECT_EQ(hv_physdev_op(PHYSDEVOP_manage_pci_remove, BAD_PTR), -XEN_EFAULT);
    EXPECT_EQ(hv_physdev_op(PHYSDEVOP_manage_pci_add_ext, BAD_PTR), -XEN_EFAULT);
}

CLAIM(io_apic, "apic_read: version and pins of the IO-APIC; another address is an error")
{
    struct physdev_apic op = {.apic_physbase = 0xfec00000, .reg = 1};

    FIRST_DOMAIN_ONLY();
    EXPECT_EQ(hv_physdev_op(PHYSDEVOP_apic_read, &op), 0);
    EXPECT((op.value >> 16 & 0xff) >= 15);
    op.apic_physbase = 0x12345000;
    EXPECT(hv_physdev_op(PHYSDEVOP_apic_read, &op) < 0);
    EXPECT_EQ(hv_physdev_op(PHYSDEVOP_apic_read, BAD_PTR), -XEN_EFAULT);
}

CLAIM(free_pirq, "get_free_pirq gives a number that is free; a bad pointer is EFAULT")
{
    struct physdev_get_free_pirq a = {.type = MAP_PIRQ_TYPE_MSI}, b = {.type = MAP_PIRQ_TYPE_MSI};

    FIRST_DOMAIN_ONLY();
    EXPECT_EQ(hv_physdev_op(PHYSDEVOP_get_free_pirq, &a), 0);
    EXPECT_EQ(hv_physdev_op(PHYSDEVOP_get_free_pirq, &b), 0);
    EXPECT_NE(a.pirq, b.pirq);
    EXPECT_EQ(hv_physdev_op(PHYSDEVOP_get_free_pirq, BAD_PTR), -XEN_EFAULT);
}

CLAIM(memory_of_translated, "memory operations for translated guests and others' memory are refused")
{
    struct xen_vnuma_topology_info vnuma = {.domid = DOMID_SELF};
    struct xen_pod_target pod = {.domid = DOMID_SELF};
    struct xen_remove_from_physmap remove = {.domid = DOMID_SELF, .gpfn = 1};
    struct xen_add_to_physmap_batch batch = {
        .domid = DOMID_SELF, .space = XENMAPSPACE_grant_table, .size = 1};

    FIRST_DOMAIN_ONLY();
    EXPECT_EQ(hv_memory_op(XENMEM_get_vnumainfo, &vnuma), -XEN_EOPNOTSUPP);
    EXPECT(hv_memory_op(XENMEM_get_pod_target, &pod) < 0);
    EXPECT(hv_memory_op(XENMEM_set_pod_target, &pod) < 0);
    EXPECT(hv_memory_op(XENMEM_remove_from_physmap, &remove) < 0);
    EXPECT(hv_memory_op(XENMEM_add_to_physmap_batch, &batch) < 0);
}

CLAIM(time_record,
      "register_vcpu_time_memory_area: filled at once; a bad pointer, or the hypervisor's, is EFAULT")
{
    static struct vcpu_time_info record;
    struct vcpu_register_time_memory_area area = {.addr.v = &record};

    FIRST_DOMAIN_ONLY();
    EXPECT_EQ(hv_vcpu_op(VCPUOP_register_vcpu_time_memory_area, 0, BAD_PTR), -XEN_EFAULT);
    EXPECT_EQ(hv_vcpu_op(VCPUOP_register_vcpu_time_memory_area, 0, &area), 0);
    EXPECT(record.tsc_to_system_mul != 0);
    EXPECT_EQ(record.version & 1, 0);
    area.addr.v = HV_PTR;
    EXPECT_EQ(hv_vcpu_op(VCPUOP_register_vcpu_time_memory_area, 0, &area), -XEN_EFAULT);
}

CLAIM(mca_fetch, "mca fetch: nothing was logged; no kind of record asked for is EINVAL")
{
    static struct xen_mc mc;
    static struct mc_info info;

    FIRST_DOMAIN_ONLY();
    mc.interface_version = XEN_MCA_INTERFACE_VERSION;
    mc.cmd = XEN_MC_fetch;
    mc.u.mc_fetch.flags = XEN_MC_NONURGENT;
    set_xen_guest_handle(mc.u.mc_fetch.data, &info);
    EXPECT_EQ(hypercall1(__HYPERVISOR_mca, (unsigned long)&mc), 0);
    EXPECT_EQ(mc.u.mc_fetch.flags, XEN_MC_NODATA);
    mc.u.mc_fetch.flags = 0;
    EXPECT_EQ(hypercall1(__HYPERVISOR_mca, (unsigned long)&mc), -XEN_EINVAL);
}

CLAIM(irq_vector, "alloc_irq_vector succeeds for a line that there is; a bad pointer is EFAULT")
{
    struct physdev_irq op = {.irq = 9};

    FIRST_DOMAIN_ONLY();
    EXPECT_EQ(hv_physdev_op(PHYSDEVOP_alloc_irq_vector, &op), 0);
    EXPECT_EQ(hv_physdev_op(PHYSDEVOP_alloc_irq_vector, BAD_PTR), -XEN_EFAULT);
}

CLAIM(hvm_policies, "feature sets and policies of HVM are there or EOPNOTSUPP, never EINVAL")
{
    static uint32_t words[32];
    long rc;

    FIRST_DOMAIN_ONLY();
    for (unsigned i = XEN_SYSCTL_cpu_featureset_raw; i <= XEN_SYSCTL_cpu_featureset_hvm_max; i++) {
        control_clear();
        sysctl.u.cpu_featureset.index = i;
        sysctl.u.cpu_featureset.nr_features = 32;
        set_xen_guest_handle(sysctl.u.cpu_featureset.features, words);
        rc = do_sysctl(XEN_SYSCTL_get_cpu_featureset);
        EXPECT(rc == 0 || rc == -XEN_EOPNOTSUPP);
    }
}
