/* SPDX-License-Identifier: MIT */
/* What a toolstack does to a domain that it builds: domctl, one operation after the other. */
#include "tests/abi/lib/control.h"

/* Some domain to work on; ends the claim if this is not the first domain. */
#define NEW_DOMAIN(dom, vcpus)       \
    domid_t dom;                     \
    FIRST_DOMAIN_ONLY();             \
    dom = control_new_domain(vcpus); \
    if (dom == DOMID_INVALID)        \
    return

static uint32_t flags_of(domid_t dom)
{
    control_clear();
    EXPECT_EQ(do_domctl(XEN_DOMCTL_getdomaininfo, dom), 0);
    return domctl.u.getdomaininfo.flags;
}

CLAIM(pause_counts, "pauses of the toolstack are counted; one unpause too many is EINVAL")
{
    NEW_DOMAIN(dom, 1);
    EXPECT(flags_of(dom) & XEN_DOMINF_paused);
    EXPECT_EQ(do_domctl(XEN_DOMCTL_pausedomain, dom), 0);
    EXPECT_EQ(do_domctl(XEN_DOMCTL_unpausedomain, dom), 0);
    EXPECT(flags_of(dom) & XEN_DOMINF_paused);
    EXPECT_EQ(do_domctl(XEN_DOMCTL_unpausedomain, dom), 0);
    EXPECT(!(flags_of(dom) & XEN_DOMINF_paused));
    EXPECT_EQ(do_domctl(XEN_DOMCTL_unpausedomain, dom), -XEN_EINVAL);
    EXPECT_EQ(do_domctl(XEN_DOMCTL_pausedomain, dom), 0);
    EXPECT(flags_of(dom) & XEN_DOMINF_paused);
    control_destroy(dom);
}

CLAIM(create_taken, "createdomain with a number that is taken is EEXIST; 0 and too high ones mean: choose")
{
    domid_t other;
    NEW_DOMAIN(dom, 1);
    domctl.u.createdomain.max_vcpus = 1;
    domctl.u.createdomain.max_grant_frames = 4;
    domctl.u.createdomain.max_maptrack_frames = 4;
    domctl.u.createdomain.grant_opts = XEN_DOMCTL_GRANT_version(1);
    EXPECT_EQ(do_domctl(XEN_DOMCTL_createdomain, dom), -XEN_EEXIST);
    EXPECT_EQ(do_domctl(XEN_DOMCTL_createdomain, DOMID_INVALID), 0);
    other = domctl.domain;
    EXPECT(other > 0 && other < DOMID_FIRST_RESERVED && other != dom);
    control_destroy(other);
    control_destroy(dom);
}

CLAIM(create_kinds,
      "createdomain: what is no flag, and a version of the grant table that there is not, is EINVAL")
{
    FIRST_DOMAIN_ONLY();
    for (unsigned i = 0; i < 4; i++) {
        control_clear();
        domctl.u.createdomain.max_vcpus = 1;
        domctl.u.createdomain.max_grant_frames = 4;
        domctl.u.createdomain.max_maptrack_frames = 4;
        domctl.u.createdomain.grant_opts = XEN_DOMCTL_GRANT_version(i == 0 ? 0 : i == 1 ? 3 : 1);
        domctl.u.createdomain.flags = i == 2 ? 1u << 20 : 0;
        domctl.u.createdomain.arch.emulation_flags = i == 3 ? 1u << 20 : 0;
        EXPECT_EQ(do_domctl(XEN_DOMCTL_createdomain, 0), -XEN_EINVAL);
    }
    control_clear();
    domctl.u.createdomain.max_vcpus = 100000;
    domctl.u.createdomain.grant_opts = XEN_DOMCTL_GRANT_version(1);
    EXPECT(do_domctl(XEN_DOMCTL_createdomain, 0) < 0);
    EXPECT_EQ(do_domctl(XEN_DOMCTL_getdomaininfo, 1), -XEN_ESRCH);
}

CLAIM(handle, "setdomainhandle is what getdomaininfo tells")
{
    static const uint8_t wanted[16] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 255};
    NEW_DOMAIN(dom, 1);
    memcpy(domctl.u.setdomainhandle.handle, wanted, sizeof(wanted));
    EXPECT_EQ(do_domctl(XEN_DOMCTL_setdomainhandle, dom), 0);
    control_clear();
    EXPECT_EQ(do_domctl(XEN_DOMCTL_getdomaininfo, dom), 0);
    EXPECT_EQ(memcmp(domctl.u.getdomaininfo.handle, wanted, sizeof(wanted)), 0);
    EXPECT_EQ(domctl.u.getdomaininfo.ssidref, 0);
    control_destroy(dom);
}

CLAIM(fresh_info, "getdomaininfo of a new domain: no page, no vCPU online, paused, its highest vCPU")
{
    NEW_DOMAIN(dom, 3);
    EXPECT_EQ(do_domctl(XEN_DOMCTL_getdomaininfo, dom), 0);
    EXPECT_EQ(domctl.u.getdomaininfo.tot_pages, 0);
    EXPECT_EQ(domctl.u.getdomaininfo.max_pages, 16);
    EXPECT_EQ(domctl.u.getdomaininfo.nr_online_vcpus, 0);
    EXPECT_EQ(domctl.u.getdomaininfo.max_vcpu_id, 2);
    EXPECT_EQ(domctl.u.getdomaininfo.cpupool, 0);
    EXPECT_EQ(domctl.u.getdomaininfo.outstanding_pages, 0);
    EXPECT_EQ(domctl.u.getdomaininfo.shr_pages, 0);
    EXPECT_EQ(domctl.u.getdomaininfo.paged_pages, 0);
    EXPECT_EQ(domctl.u.getdomaininfo.flags & 0xffff, XEN_DOMINF_paused);
    control_destroy(dom);
}

CLAIM(vcpu_fresh, "getvcpuinfo of a vCPU without a context: not online, not running; EINVAL beyond the last")
{
    NEW_DOMAIN(dom, 2);
    domctl.u.getvcpuinfo.vcpu = 1;
    EXPECT_EQ(do_domctl(XEN_DOMCTL_getvcpuinfo, dom), 0);
    EXPECT(!domctl.u.getvcpuinfo.online && !domctl.u.getvcpuinfo.running);
    EXPECT_EQ(domctl.u.getvcpuinfo.cpu_time, 0);
    control_clear();
    domctl.u.getvcpuinfo.vcpu = 2;
    EXPECT_EQ(do_domctl(XEN_DOMCTL_getvcpuinfo, dom), -XEN_EINVAL);
    control_destroy(dom);
}

CLAIM(max_vcpus_self, "max_vcpus: another number than at creation, or for oneself, is EINVAL")
{
    NEW_DOMAIN(dom, 2);
    domctl.u.max_vcpus.max = 1;
    EXPECT_EQ(do_domctl(XEN_DOMCTL_max_vcpus, dom), -XEN_EINVAL);
    domctl.u.max_vcpus.max = 4;
    EXPECT_EQ(do_domctl(XEN_DOMCTL_max_vcpus, 0), -XEN_EINVAL);
    control_destroy(dom);
}

CLAIM(max_mem, "max_mem in KiB is a limit of pages, also below what the domain has")
{
    NEW_DOMAIN(dom, 1);
    EXPECT(control_give_page(dom, 0) != 0);
    EXPECT(control_give_page(dom, 1) != 0);
    domctl.u.max_mem.max_memkb = 7;
    EXPECT_EQ(do_domctl(XEN_DOMCTL_max_mem, dom), 0);
    control_clear();
    EXPECT_EQ(do_domctl(XEN_DOMCTL_getdomaininfo, dom), 0);
    EXPECT_EQ(domctl.u.getdomaininfo.max_pages, 1);
    EXPECT_EQ(domctl.u.getdomaininfo.tot_pages, 2);
    EXPECT_EQ(control_give_page(dom, 2), 0);
    control_clear();
    domctl.u.max_mem.max_memkb = 12;
    EXPECT_EQ(do_domctl(XEN_DOMCTL_max_mem, dom), 0);
    EXPECT(control_give_page(dom, 2) != 0);
    control_destroy(dom);
}

CLAIM(address_size, "a PV domain has 64 bits; neither 16 nor 0 can be set")
{
    NEW_DOMAIN(dom, 1);
    EXPECT_EQ(do_domctl(XEN_DOMCTL_get_address_size, dom), 0);
    EXPECT_EQ(domctl.u.address_size.size, 64);
    EXPECT_EQ(do_domctl(XEN_DOMCTL_set_address_size, dom), 0);
    domctl.u.address_size.size = 16;
    EXPECT_EQ(do_domctl(XEN_DOMCTL_set_address_size, dom), -XEN_EINVAL);
    domctl.u.address_size.size = 0;
    EXPECT_EQ(do_domctl(XEN_DOMCTL_set_address_size, dom), -XEN_EINVAL);
    control_destroy(dom);
}

static uint64_t map_hard, map_soft;

static long affinity(uint32_t cmd, domid_t dom, unsigned vcpu, unsigned flags, unsigned bits)
{
    control_clear();
    domctl.u.vcpuaffinity.vcpu = vcpu;
    domctl.u.vcpuaffinity.flags = flags;
    domctl.u.vcpuaffinity.cpumap_hard.nr_bits = domctl.u.vcpuaffinity.cpumap_soft.nr_bits = bits;
    set_xen_guest_handle(domctl.u.vcpuaffinity.cpumap_hard.bitmap, (uint8_t *)&map_hard);
    set_xen_guest_handle(domctl.u.vcpuaffinity.cpumap_soft.bitmap, (uint8_t *)&map_soft);
    return do_domctl(cmd, dom);
}

CLAIM(affinity, "vCPU affinity: all at first, set and read back, what is in force comes back")
{
    NEW_DOMAIN(dom, 1);
    map_hard = map_soft = 0;
    EXPECT_EQ(affinity(XEN_DOMCTL_getvcpuaffinity, dom, 0, XEN_VCPUAFFINITY_HARD | XEN_VCPUAFFINITY_SOFT, 64),
              0);
    EXPECT(map_hard & 1);
    EXPECT(map_soft & 1);
    map_hard = 1;
    map_soft = 1ul << 60 | 1; /* there is no such CPU */
    EXPECT_EQ(affinity(XEN_DOMCTL_setvcpuaffinity, dom, 0, XEN_VCPUAFFINITY_HARD | XEN_VCPUAFFINITY_SOFT, 64),
              0);
    EXPECT_EQ(map_hard, 1);
    EXPECT_EQ(map_soft, 1);
    map_hard = map_soft = 0;
    EXPECT_EQ(affinity(XEN_DOMCTL_getvcpuaffinity, dom, 0, XEN_VCPUAFFINITY_HARD | XEN_VCPUAFFINITY_SOFT, 64),
              0);
    EXPECT_EQ(map_hard, 1);
    EXPECT_EQ(map_soft, 1);
    /* Only the bits that there are room for. */
    map_hard = ~0ul;
    EXPECT_EQ(affinity(XEN_DOMCTL_getvcpuaffinity, dom, 0, XEN_VCPUAFFINITY_HARD, 8), 0);
    EXPECT_EQ(map_hard, ~0ul << 8 | 1);
    control_destroy(dom);
}

CLAIM(affinity_errors, "vCPU affinity: no kind, no map, no such vCPU, no such CPU: EINVAL; bad map: EFAULT")
{
    NEW_DOMAIN(dom, 1);
    map_hard = 1;
    EXPECT_EQ(affinity(XEN_DOMCTL_setvcpuaffinity, dom, 0, 0, 64), -XEN_EINVAL);
    EXPECT_EQ(affinity(XEN_DOMCTL_getvcpuaffinity, dom, 0, 0, 64), -XEN_EINVAL);
    EXPECT_EQ(affinity(XEN_DOMCTL_setvcpuaffinity, dom, 0, XEN_VCPUAFFINITY_FORCE, 64), 0);
    EXPECT_EQ(affinity(XEN_DOMCTL_getvcpuaffinity, dom, 1, XEN_VCPUAFFINITY_HARD, 64), -XEN_EINVAL);
    map_hard = 1ul << 63;
    EXPECT_EQ(affinity(XEN_DOMCTL_setvcpuaffinity, dom, 0, XEN_VCPUAFFINITY_HARD, 64), -XEN_EINVAL);
    map_hard = 0;
    EXPECT_EQ(affinity(XEN_DOMCTL_setvcpuaffinity, dom, 0, XEN_VCPUAFFINITY_HARD, 64), -XEN_EINVAL);
    EXPECT_EQ(affinity(XEN_DOMCTL_getvcpuaffinity, dom, 0, XEN_VCPUAFFINITY_HARD, 64), 0);
    EXPECT(map_hard & 1);
    control_clear();
    domctl.u.vcpuaffinity.flags = XEN_VCPUAFFINITY_HARD;
    domctl.u.vcpuaffinity.cpumap_hard.nr_bits = 64;
    set_xen_guest_handle(domctl.u.vcpuaffinity.cpumap_hard.bitmap, BAD_PTR);
    EXPECT_EQ(do_domctl(XEN_DOMCTL_setvcpuaffinity, dom), -XEN_EFAULT);
    EXPECT_EQ(do_domctl(XEN_DOMCTL_getvcpuaffinity, dom), -XEN_EFAULT);
    set_xen_guest_handle(domctl.u.vcpuaffinity.cpumap_hard.bitmap, NULL);
    EXPECT_EQ(do_domctl(XEN_DOMCTL_getvcpuaffinity, dom), -XEN_EINVAL);
    control_destroy(dom);
}

CLAIM(node_affinity, "node affinity: node 0 at first, an empty set is EINVAL")
{
    static uint64_t map;
    NEW_DOMAIN(dom, 1);
    domctl.u.nodeaffinity.nodemap.nr_bits = 64;
    set_xen_guest_handle(domctl.u.nodeaffinity.nodemap.bitmap, (uint8_t *)&map);
    EXPECT_EQ(do_domctl(XEN_DOMCTL_getnodeaffinity, dom), 0);
    EXPECT_EQ(map, 1);
    EXPECT_EQ(do_domctl(XEN_DOMCTL_setnodeaffinity, dom), 0);
    map = 0;
    EXPECT_EQ(do_domctl(XEN_DOMCTL_setnodeaffinity, dom), -XEN_EINVAL);
    set_xen_guest_handle(domctl.u.nodeaffinity.nodemap.bitmap, BAD_PTR);
    EXPECT_EQ(do_domctl(XEN_DOMCTL_setnodeaffinity, dom), -XEN_EFAULT);
    EXPECT_EQ(do_domctl(XEN_DOMCTL_getnodeaffinity, dom), -XEN_EFAULT);
    control_destroy(dom);
}

static long scheduler(domid_t dom, unsigned id, unsigned cmd, unsigned weight)
{
    control_clear();
    domctl.u.scheduler_op.sched_id = id;
    domctl.u.scheduler_op.cmd = cmd;
    domctl.u.scheduler_op.u.credit2.weight = (uint16_t)weight;
    return do_domctl(XEN_DOMCTL_scheduler_op, dom);
}

CLAIM(scheduler, "weight of a domain: 256 at first, set and read back; another scheduler is EINVAL")
{
    NEW_DOMAIN(dom, 1);
    EXPECT_EQ(scheduler(dom, XEN_SCHEDULER_CREDIT2, XEN_DOMCTL_SCHEDOP_getinfo, 0), 0);
    EXPECT_EQ(domctl.u.scheduler_op.u.credit2.weight, 256);
    EXPECT_EQ(domctl.u.scheduler_op.u.credit2.cap, 0);
    EXPECT_EQ(scheduler(dom, XEN_SCHEDULER_CREDIT2, XEN_DOMCTL_SCHEDOP_putinfo, 512), 0);
    EXPECT_EQ(scheduler(dom, XEN_SCHEDULER_CREDIT2, XEN_DOMCTL_SCHEDOP_getinfo, 0), 0);
    EXPECT_EQ(domctl.u.scheduler_op.u.credit2.weight, 512);
    /* Weight 0 leaves it. */
    EXPECT_EQ(scheduler(dom, XEN_SCHEDULER_CREDIT2, XEN_DOMCTL_SCHEDOP_putinfo, 0), 0);
    EXPECT_EQ(scheduler(dom, XEN_SCHEDULER_CREDIT2, XEN_DOMCTL_SCHEDOP_getinfo, 0), 0);
    EXPECT_EQ(domctl.u.scheduler_op.u.credit2.weight, 512);
    EXPECT_EQ(scheduler(dom, XEN_SCHEDULER_CREDIT, XEN_DOMCTL_SCHEDOP_getinfo, 0), -XEN_EINVAL);
    EXPECT_EQ(scheduler(dom, XEN_SCHEDULER_RTDS, XEN_DOMCTL_SCHEDOP_putinfo, 1), -XEN_EINVAL);
    EXPECT_EQ(scheduler(dom, XEN_SCHEDULER_CREDIT2, 99, 1), -XEN_EINVAL);
    control_destroy(dom);
}

static struct vcpu_guest_context context;

static long context_op(uint32_t cmd, domid_t dom, unsigned vcpu, void *buffer)
{
    control_clear();
    domctl.u.vcpucontext.vcpu = vcpu;
    set_xen_guest_handle(domctl.u.vcpucontext.ctxt, buffer);
    return do_domctl(cmd, dom);
}

CLAIM(context_errors,
      "contexts: none yet ENODATA, no such vCPU EINVAL, bad pointer EFAULT, of oneself EINVAL")
{
    NEW_DOMAIN(dom, 1);
    EXPECT_EQ(context_op(XEN_DOMCTL_getvcpucontext, dom, 0, &context), -XEN_ENODATA);
    EXPECT_EQ(context_op(XEN_DOMCTL_getvcpucontext, dom, 1, &context), -XEN_EINVAL);
    EXPECT_EQ(context_op(XEN_DOMCTL_setvcpucontext, dom, 1, &context), -XEN_EINVAL);
    EXPECT_EQ(context_op(XEN_DOMCTL_setvcpucontext, dom, 0, BAD_PTR), -XEN_EFAULT);
    EXPECT_EQ(context_op(XEN_DOMCTL_setvcpucontext, 0, 0, &context), -XEN_EINVAL);
    EXPECT_EQ(context_op(XEN_DOMCTL_getvcpucontext, 0, 0, &context), -XEN_EINVAL);
    /* No context at all: a reset, also of one that has none. */
    EXPECT_EQ(context_op(XEN_DOMCTL_setvcpucontext, dom, 0, NULL), 0);
    control_destroy(dom);
}

CLAIM(context_refused,
      "setvcpucontext: a root that is not the domain's, a callback that is not canonical: EINVAL")
{
    NEW_DOMAIN(dom, 1);
    memset(&context, 0, sizeof(context));
    context.flags = VGCF_in_kernel | VGCF_online;
    context.ctrlreg[3] = xen_pfn_to_cr3(virt_to_mfn(mm_root()));
    EXPECT_EQ(context_op(XEN_DOMCTL_setvcpucontext, dom, 0, &context), -XEN_EINVAL);
    context.ctrlreg[3] = xen_pfn_to_cr3(abi_alien_mfn());
    EXPECT_EQ(context_op(XEN_DOMCTL_setvcpucontext, dom, 0, &context), -XEN_EINVAL);
    context.event_callback_eip = 0x8000000000000000ul;
    EXPECT_EQ(context_op(XEN_DOMCTL_setvcpucontext, dom, 0, &context), -XEN_EINVAL);
    context.event_callback_eip = 0;
    context.gdt_ents = 8192;
    EXPECT_EQ(context_op(XEN_DOMCTL_setvcpucontext, dom, 0, &context), -XEN_EINVAL);
    EXPECT_EQ(context_op(XEN_DOMCTL_getvcpucontext, dom, 0, &context), -XEN_ENODATA);
    control_destroy(dom);
}

/* A root table in a page of dom: all entries empty. */
static xen_pfn_t empty_root(domid_t dom)
{
    char *va = abi_slot();
    xen_pfn_t mfn = control_give_page(dom, 0);

    EXPECT(mfn != 0);
    EXPECT_EQ(hv_update_va_mapping_otherdomain((unsigned long)va, make_pte(mfn, PTE_RW), UVMF_INVLPG, dom),
              0);
    memset(va, 0, 4096);
    EXPECT_EQ(mm_set_pte((unsigned long)va, 0), 0);
    abi_slot_free(va);
    return mfn;
}

CLAIM(context_life, "a context comes back as it was set, with what is the hypervisor's put right")
{
    xen_pfn_t root;
    NEW_DOMAIN(dom, 1);
    root = empty_root(dom);
    memset(&context, 0, sizeof(context));
    context.flags = VGCF_in_kernel;
    context.ctrlreg[3] = xen_pfn_to_cr3(root);
    context.ctrlreg[4] = 1u << 2 | 1u << 3; /* TSD, DE */
    context.user_regs.rip = 0x123456;
    context.user_regs.rsp = 0x789000;
    context.user_regs.rflags = 0x202;
    context.user_regs.cs = 0xe030;
    context.user_regs.ss = 0xe028;
    context.user_regs.r15 = 15;
    context.kernel_sp = 0x777000;
    context.kernel_ss = 0xe02b;
    context.event_callback_eip = 0x1000;
    context.failsafe_callback_eip = 0x2000;
    context.syscall_callback_eip = 0x3000;
    context.gs_base_kernel = 0x4000;
    context.fs_base = 0x5000;
    context.debugreg[0] = 0x6000;
    context.trap_ctxt[3] = (struct trap_info){.vector = 3, .flags = 3, .cs = 0xe033, .address = 0x7000};
    EXPECT_EQ(context_op(XEN_DOMCTL_setvcpucontext, dom, 0, &context), 0);
    memset(&context, 0xff, sizeof(context));
    EXPECT_EQ(context_op(XEN_DOMCTL_getvcpucontext, dom, 0, &context), 0);
    EXPECT_EQ(context.ctrlreg[3], xen_pfn_to_cr3(root));
    EXPECT_EQ(context.ctrlreg[4] & 0xc, 0xc);
    EXPECT_EQ(context.ctrlreg[4] & 0x620, 0x620); /* what the hypervisor has on and shows */
    EXPECT_EQ(context.user_regs.rip, 0x123456);
    EXPECT_EQ(context.user_regs.rsp, 0x789000);
    EXPECT_EQ(context.user_regs.r15, 15);
    EXPECT_EQ(context.user_regs.cs & 3, 3);
    EXPECT_EQ(context.user_regs.ss & 3, 3);
    EXPECT_EQ(context.user_regs.rflags & 0x200, 0x200);
    EXPECT_EQ(context.kernel_sp, 0x777000);
    EXPECT_EQ(context.event_callback_eip, 0x1000);
    EXPECT_EQ(context.failsafe_callback_eip, 0x2000);
    EXPECT_EQ(context.syscall_callback_eip, 0x3000);
    EXPECT_EQ(context.gs_base_kernel, 0x4000);
    EXPECT_EQ(context.fs_base, 0x5000);
    EXPECT_EQ(context.debugreg[0], 0x6000);
    EXPECT_EQ(context.trap_ctxt[3].address, 0x7000);
    EXPECT(!(context.flags & VGCF_online));
    EXPECT(context.flags & VGCF_in_kernel);
    /* Once there is one, registers can be changed, tables cannot. */
    context.user_regs.rip = 0x222222;
    context.flags |= VGCF_online;
    EXPECT_EQ(context_op(XEN_DOMCTL_setvcpucontext, dom, 0, &context), 0);
    EXPECT_EQ(context_op(XEN_DOMCTL_getvcpucontext, dom, 0, &context), 0);
    EXPECT_EQ(context.user_regs.rip, 0x222222);
    EXPECT(context.flags & VGCF_online);
    context.ctrlreg[3] = xen_pfn_to_cr3(control_give_page(dom, 1));
    EXPECT_EQ(context_op(XEN_DOMCTL_setvcpucontext, dom, 0, &context), -XEN_EOPNOTSUPP);
    context.ctrlreg[3] = xen_pfn_to_cr3(root);
    context.ldt_base = 0x10000;
    context.ldt_ents = 1;
    EXPECT_EQ(context_op(XEN_DOMCTL_setvcpucontext, dom, 0, &context), -XEN_EOPNOTSUPP);
    /* A reset drops everything. */
    EXPECT_EQ(context_op(XEN_DOMCTL_setvcpucontext, dom, 0, NULL), 0);
    EXPECT_EQ(context_op(XEN_DOMCTL_getvcpucontext, dom, 0, &context), -XEN_ENODATA);
    control_destroy(dom);
}

CLAIM(page_types, "getpageframeinfo3: plain, a pinned root, alien and shared frames")
{
    static uint64_t list[4];
    struct mmuext_op pin = {.cmd = MMUEXT_PIN_L4_TABLE};
    NEW_DOMAIN(dom, 1);
    list[0] = control_give_page(dom, 1);
    list[1] = pin.arg1.mfn = empty_root(dom);
    list[2] = virt_to_mfn(mm_root());
    EXPECT_EQ(do_domctl(XEN_DOMCTL_getdomaininfo, dom), 0);
    list[3] = domctl.u.getdomaininfo.shared_info_frame;
    EXPECT_EQ(hv_mmuext_op(&pin, 1, NULL, dom), 0);
    control_clear();
    domctl.u.getpageframeinfo3.num = 4;
    set_xen_guest_handle(domctl.u.getpageframeinfo3.array, list);
    EXPECT_EQ(do_domctl(XEN_DOMCTL_getpageframeinfo3, dom), 0);
    EXPECT_EQ(list[0], XEN_DOMCTL_PFINFO_NOTAB);
    EXPECT_EQ(list[1], XEN_DOMCTL_PFINFO_L4TAB | XEN_DOMCTL_PFINFO_LPINTAB);
    EXPECT_EQ(list[2], XEN_DOMCTL_PFINFO_XTAB);
    EXPECT_EQ(list[3], XEN_DOMCTL_PFINFO_XTAB);
    pin.cmd = MMUEXT_UNPIN_TABLE;
    EXPECT_EQ(hv_mmuext_op(&pin, 1, NULL, dom), 0);
    domctl.u.getpageframeinfo3.num = 1025;
    EXPECT_EQ(do_domctl(XEN_DOMCTL_getpageframeinfo3, dom), -XEN_E2BIG);
    domctl.u.getpageframeinfo3.num = 1;
    set_xen_guest_handle(domctl.u.getpageframeinfo3.array, BAD_PTR);
    EXPECT_EQ(do_domctl(XEN_DOMCTL_getpageframeinfo3, dom), -XEN_EFAULT);
    control_destroy(dom);
}

CLAIM(hypercall_page, "hypercall_init writes a page of the domain; EINVAL for others', EPERM for a table")
{
    struct mmuext_op pin = {.cmd = MMUEXT_PIN_L4_TABLE};
    char *va = abi_slot();
    xen_pfn_t mfn;
    NEW_DOMAIN(dom, 1);
    mfn = control_give_page(dom, 1);
    domctl.u.hypercall_init.gmfn = mfn;
    EXPECT_EQ(do_domctl(XEN_DOMCTL_hypercall_init, dom), 0);
    EXPECT_EQ(hv_update_va_mapping_otherdomain((unsigned long)va, make_pte(mfn, PTE_RO), UVMF_INVLPG, dom),
              0);
    for (unsigned i = 0; i < 16; i++)
        EXPECT_NE((unsigned char)va[i * 32], 0);
    EXPECT_EQ(mm_set_pte((unsigned long)va, 0), 0);
    control_clear();
    domctl.u.hypercall_init.gmfn = virt_to_mfn(mm_root());
    EXPECT_EQ(do_domctl(XEN_DOMCTL_hypercall_init, dom), -XEN_EINVAL);
    domctl.u.hypercall_init.gmfn = 1ul << 40;
    EXPECT_EQ(do_domctl(XEN_DOMCTL_hypercall_init, dom), -XEN_EINVAL);
    domctl.u.hypercall_init.gmfn = pin.arg1.mfn = empty_root(dom);
    EXPECT_EQ(hv_mmuext_op(&pin, 1, NULL, dom), 0);
    control_clear();
    domctl.u.hypercall_init.gmfn = pin.arg1.mfn;
    EXPECT_EQ(do_domctl(XEN_DOMCTL_hypercall_init, dom), -XEN_EPERM);
    control_destroy(dom);
    abi_slot_free(va);
}

CLAIM(time_offset, "settimeoffset moves the wallclock of the domain's shared page")
{
    char *va = abi_slot();
    const struct shared_info *shared = (const void *)va;
    NEW_DOMAIN(dom, 1);
    EXPECT_EQ(do_domctl(XEN_DOMCTL_getdomaininfo, dom), 0);
    EXPECT_EQ(hv_update_va_mapping_otherdomain((unsigned long)va,
                                               make_pte(domctl.u.getdomaininfo.shared_info_frame, PTE_RO),
                                               UVMF_INVLPG, dom),
              0);
    control_clear();
    domctl.u.settimeoffset.time_offset_seconds = 1000;
    EXPECT_EQ(do_domctl(XEN_DOMCTL_settimeoffset, dom), 0);
    EXPECT_EQ(shared->wc_sec - shared_info->wc_sec, 1000);
    EXPECT_EQ(mm_set_pte((unsigned long)va, 0), 0);
    control_destroy(dom);
    abi_slot_free(va);
}

CLAIM(tsc_mode, "settscinfo: mode 2 is kept, an unknown one is EINVAL, of oneself EINVAL")
{
    NEW_DOMAIN(dom, 1);
    domctl.u.tsc_info.tsc_mode = 2;
    EXPECT_EQ(do_domctl(XEN_DOMCTL_settscinfo, dom), 0);
    control_clear();
    EXPECT_EQ(do_domctl(XEN_DOMCTL_gettscinfo, dom), 0);
    EXPECT_EQ(domctl.u.tsc_info.tsc_mode, 2);
    domctl.u.tsc_info.tsc_mode = 9;
    EXPECT_EQ(do_domctl(XEN_DOMCTL_settscinfo, dom), -XEN_EINVAL);
    EXPECT_EQ(do_domctl(XEN_DOMCTL_settscinfo, 0), -XEN_EINVAL);
    EXPECT_EQ(do_domctl(XEN_DOMCTL_gettscinfo, 0), -XEN_EINVAL);
    control_destroy(dom);
}

CLAIM(trigger, "sendtrigger: an NMI to a vCPU; the buttons of a PC EINVAL, others ENOSYS, no such vCPU ESRCH")
{
    NEW_DOMAIN(dom, 1);
    domctl.u.sendtrigger.trigger = XEN_DOMCTL_SENDTRIGGER_NMI;
    EXPECT_EQ(do_domctl(XEN_DOMCTL_sendtrigger, dom), 0);
    domctl.u.sendtrigger.trigger = XEN_DOMCTL_SENDTRIGGER_POWER;
    EXPECT_EQ(do_domctl(XEN_DOMCTL_sendtrigger, dom), -XEN_EINVAL);
    domctl.u.sendtrigger.trigger = XEN_DOMCTL_SENDTRIGGER_SLEEP;
    EXPECT_EQ(do_domctl(XEN_DOMCTL_sendtrigger, dom), -XEN_EINVAL);
    domctl.u.sendtrigger.trigger = 99;
    EXPECT_EQ(do_domctl(XEN_DOMCTL_sendtrigger, dom), -XEN_ENOSYS);
    domctl.u.sendtrigger.vcpu = 1;
    EXPECT_EQ(do_domctl(XEN_DOMCTL_sendtrigger, dom), -XEN_ESRCH);
    control_destroy(dom);
}

CLAIM(resume, "resumedomain of one that is not shut down does nothing; of oneself EINVAL")
{
    NEW_DOMAIN(dom, 1);
    EXPECT_EQ(do_domctl(XEN_DOMCTL_resumedomain, dom), 0);
    EXPECT_EQ(do_domctl(XEN_DOMCTL_resumedomain, 0), -XEN_EINVAL);
    control_destroy(dom);
}

CLAIM(remote_shutdown, "remote_shutdown is seen in getdomaininfo, resumedomain takes it back")
{
    struct sched_remote_shutdown r = {.reason = SHUTDOWN_crash};
    NEW_DOMAIN(dom, 1);
    r.domain_id = dom;
    EXPECT_EQ(hypercall2(__HYPERVISOR_sched_op, SCHEDOP_remote_shutdown, (unsigned long)&r), 0);
    EXPECT_EQ(do_domctl(XEN_DOMCTL_getdomaininfo, dom), 0);
    EXPECT(domctl.u.getdomaininfo.flags & XEN_DOMINF_shutdown);
    EXPECT_EQ(domctl.u.getdomaininfo.flags >> XEN_DOMINF_shutdownshift & XEN_DOMINF_shutdownmask,
              SHUTDOWN_crash);
    EXPECT_EQ(do_domctl(XEN_DOMCTL_resumedomain, dom), 0);
    EXPECT_EQ(do_domctl(XEN_DOMCTL_getdomaininfo, dom), 0);
    EXPECT(!(domctl.u.getdomaininfo.flags & XEN_DOMINF_shutdown));
    control_destroy(dom);
    EXPECT_EQ(hypercall2(__HYPERVISOR_sched_op, SCHEDOP_remote_shutdown, (unsigned long)&r), -XEN_ESRCH);
}

CLAIM(permissions,
      "access to devices: an empty or wrapping range is EINVAL, taking away what is not there succeeds")
{
    NEW_DOMAIN(dom, 1);
    domctl.u.iomem_permission.first_mfn = ~0ul;
    domctl.u.iomem_permission.nr_mfns = 2;
    EXPECT_EQ(do_domctl(XEN_DOMCTL_iomem_permission, dom), -XEN_EINVAL);
    domctl.u.iomem_permission.first_mfn = 0xb8;
    domctl.u.iomem_permission.nr_mfns = 1;
    EXPECT_EQ(do_domctl(XEN_DOMCTL_iomem_permission, dom), 0);
    control_clear();
    domctl.u.ioport_permission.first_port = 0xffff;
    domctl.u.ioport_permission.nr_ports = 2;
    EXPECT_EQ(do_domctl(XEN_DOMCTL_ioport_permission, dom), -XEN_EINVAL);
    domctl.u.ioport_permission.nr_ports = 0;
    EXPECT_EQ(do_domctl(XEN_DOMCTL_ioport_permission, dom), -XEN_EINVAL);
    domctl.u.ioport_permission.first_port = 0x378;
    domctl.u.ioport_permission.nr_ports = 8;
    EXPECT_EQ(do_domctl(XEN_DOMCTL_ioport_permission, dom), 0);
    control_clear();
    domctl.u.irq_permission.pirq = 0x7fffffff;
    EXPECT_EQ(do_domctl(XEN_DOMCTL_irq_permission, dom), -XEN_EINVAL);
    control_destroy(dom);
}

CLAIM(ext_context, "extended context: of a new vCPU; no such vCPU, and of oneself: ESRCH")
{
    NEW_DOMAIN(dom, 1);
    domctl.u.ext_vcpucontext.size = sizeof(domctl.u.ext_vcpucontext);
    EXPECT_EQ(do_domctl(XEN_DOMCTL_get_ext_vcpucontext, dom), 0);
    EXPECT_EQ(domctl.u.ext_vcpucontext.vcpu, 0);
    EXPECT_EQ(do_domctl(XEN_DOMCTL_set_ext_vcpucontext, dom), 0);
    domctl.u.ext_vcpucontext.sysenter_callback_eip = 0x8000000000000000ul;
    EXPECT_EQ(do_domctl(XEN_DOMCTL_set_ext_vcpucontext, dom), -XEN_EINVAL);
    control_clear();
    domctl.u.ext_vcpucontext.vcpu = 1;
    EXPECT_EQ(do_domctl(XEN_DOMCTL_get_ext_vcpucontext, dom), -XEN_ESRCH);
    EXPECT_EQ(do_domctl(XEN_DOMCTL_set_ext_vcpucontext, dom), -XEN_ESRCH);
    domctl.u.ext_vcpucontext.vcpu = 0;
    EXPECT_EQ(do_domctl(XEN_DOMCTL_set_ext_vcpucontext, 0), -XEN_ESRCH);
    control_destroy(dom);
}

CLAIM(xstate, "extended state: its size, itself, and back; too short EINVAL, no such vCPU ESRCH")
{
    static uint64_t state[1024];
    uint64_t size;
    NEW_DOMAIN(dom, 1);
    EXPECT_EQ(do_domctl(XEN_DOMCTL_getvcpuextstate, dom), 0);
    size = domctl.u.vcpuextstate.size;
    EXPECT(size >= 16 && size <= sizeof(state));
    domctl.u.vcpuextstate.size = size;
    set_xen_guest_handle(domctl.u.vcpuextstate.buffer, state);
    EXPECT_EQ(do_domctl(XEN_DOMCTL_getvcpuextstate, dom), 0);
    size = domctl.u.vcpuextstate.size;
    EXPECT_EQ(do_domctl(XEN_DOMCTL_setvcpuextstate, dom), 0);
    domctl.u.vcpuextstate.size = 8;
    EXPECT_EQ(do_domctl(XEN_DOMCTL_setvcpuextstate, dom), -XEN_EINVAL);
    domctl.u.vcpuextstate.size = size;
    set_xen_guest_handle(domctl.u.vcpuextstate.buffer, BAD_PTR);
    EXPECT_EQ(do_domctl(XEN_DOMCTL_setvcpuextstate, dom), -XEN_EFAULT);
    domctl.u.vcpuextstate.vcpu = 1;
    EXPECT_EQ(do_domctl(XEN_DOMCTL_getvcpuextstate, dom), -XEN_ESRCH);
    EXPECT_EQ(do_domctl(XEN_DOMCTL_setvcpuextstate, dom), -XEN_ESRCH);
    control_destroy(dom);
}

CLAIM(vcpu_msrs, "MSRs of a vCPU: how many there can be, an unknown one is EINVAL, no such vCPU ESRCH")
{
    static xen_domctl_vcpu_msr_t msrs[16];
    NEW_DOMAIN(dom, 1);
    EXPECT_EQ(do_domctl(XEN_DOMCTL_get_vcpu_msrs, dom), 0);
    EXPECT(domctl.u.vcpu_msrs.msr_count >= 1 && domctl.u.vcpu_msrs.msr_count <= 16);
    set_xen_guest_handle(domctl.u.vcpu_msrs.msrs, msrs);
    EXPECT_EQ(do_domctl(XEN_DOMCTL_get_vcpu_msrs, dom), 0);
    msrs[0] = (xen_domctl_vcpu_msr_t){.index = 0x12345678};
    domctl.u.vcpu_msrs.msr_count = 1;
    EXPECT_EQ(do_domctl(XEN_DOMCTL_set_vcpu_msrs, dom), -XEN_EINVAL);
    domctl.u.vcpu_msrs.msr_count = 0;
    EXPECT_EQ(do_domctl(XEN_DOMCTL_set_vcpu_msrs, dom), 0);
    domctl.u.vcpu_msrs.vcpu = 1;
    EXPECT_EQ(do_domctl(XEN_DOMCTL_get_vcpu_msrs, dom), -XEN_ESRCH);
    EXPECT_EQ(do_domctl(XEN_DOMCTL_set_vcpu_msrs, dom), -XEN_ESRCH);
    control_destroy(dom);
}

static xen_cpuid_leaf_t leaves[512];
static xen_msr_entry_t msr_entries[64];

static long policy(uint32_t cmd, domid_t dom, uint32_t n_leaves, uint32_t n_msrs)
{
    control_clear();
    domctl.u.cpu_policy.nr_leaves = n_leaves;
    domctl.u.cpu_policy.nr_msrs = n_msrs;
    set_xen_guest_handle(domctl.u.cpu_policy.leaves, leaves);
    set_xen_guest_handle(domctl.u.cpu_policy.msrs, msr_entries);
    return do_domctl(cmd, dom);
}

CLAIM(cpu_policy,
      "the CPUID policy of a domain can be read, is accepted as it is, and is ENOBUFS without room")
{
    uint32_t n_leaves, n_msrs;
    NEW_DOMAIN(dom, 1);
    EXPECT_EQ(policy(XEN_DOMCTL_get_cpu_policy, dom, ARRAY_SIZE(leaves), ARRAY_SIZE(msr_entries)), 0);
    n_leaves = domctl.u.cpu_policy.nr_leaves;
    n_msrs = domctl.u.cpu_policy.nr_msrs;
    EXPECT(n_leaves > 4 && n_leaves <= ARRAY_SIZE(leaves));
    EXPECT_EQ(leaves[0].leaf, 0);
    EXPECT_EQ(policy(XEN_DOMCTL_set_cpu_policy, dom, n_leaves, n_msrs), 0);
    EXPECT_EQ(policy(XEN_DOMCTL_get_cpu_policy, dom, 1, ARRAY_SIZE(msr_entries)), -XEN_ENOBUFS);
    EXPECT_EQ(policy(XEN_DOMCTL_get_cpu_policy, dom, ARRAY_SIZE(leaves), 0), -XEN_ENOBUFS);
    control_destroy(dom);
}

CLAIM(cpu_policy_refused, "a CPUID policy with a limit beyond the machine's is EINVAL and names the leaf")
{
    uint32_t n_leaves, n_msrs;
    NEW_DOMAIN(dom, 1);
    EXPECT_EQ(policy(XEN_DOMCTL_get_cpu_policy, dom, ARRAY_SIZE(leaves), ARRAY_SIZE(msr_entries)), 0);
    n_leaves = domctl.u.cpu_policy.nr_leaves;
    n_msrs = domctl.u.cpu_policy.nr_msrs;
    leaves[0].a = 0x1234;
    EXPECT_EQ(policy(XEN_DOMCTL_set_cpu_policy, dom, n_leaves, n_msrs), -XEN_EINVAL);
    EXPECT_EQ(domctl.u.cpu_policy.err_leaf, 0);
    EXPECT_EQ(policy(XEN_DOMCTL_set_cpu_policy, 0, 0, 0), -XEN_EINVAL);
    control_destroy(dom);
}

CLAIM(policy_of_the_running, "a CPUID policy cannot be set once the domain has run; reading goes on")
{
    NEW_DOMAIN(dom, 1);
    EXPECT_EQ(policy(XEN_DOMCTL_get_cpu_policy, dom, ARRAY_SIZE(leaves), ARRAY_SIZE(msr_entries)), 0);
    EXPECT_EQ(do_domctl(XEN_DOMCTL_unpausedomain, dom), 0);
    EXPECT_EQ(policy(XEN_DOMCTL_set_cpu_policy, dom, 0, 0), -XEN_EEXIST);
    EXPECT_EQ(policy(XEN_DOMCTL_get_cpu_policy, dom, ARRAY_SIZE(leaves), ARRAY_SIZE(msr_entries)), 0);
    control_destroy(dom);
}

CLAIM(shadow, "shadow_op: no log of dirty pages for a domain without a vCPU, unknown modes EINVAL")
{
    NEW_DOMAIN(dom, 1);
    domctl.u.shadow_op.op = 0x7777;
    EXPECT_EQ(do_domctl(XEN_DOMCTL_shadow_op, dom), -XEN_EINVAL);
    EXPECT_EQ(do_domctl(XEN_DOMCTL_shadow_op, 0), -XEN_EINVAL);
    control_destroy(dom);
}

CLAIM(set_target, "set_target: nobody ESRCH, itself EINVAL, a PV domain EOPNOTSUPP")
{
    NEW_DOMAIN(dom, 1);
    domctl.u.set_target.target = 0x7000;
    EXPECT_EQ(do_domctl(XEN_DOMCTL_set_target, dom), -XEN_ESRCH);
    domctl.u.set_target.target = dom;
    EXPECT_EQ(do_domctl(XEN_DOMCTL_set_target, dom), -XEN_EINVAL);
    domctl.u.set_target.target = 0;
    EXPECT_EQ(do_domctl(XEN_DOMCTL_set_target, dom), -XEN_EOPNOTSUPP);
    control_destroy(dom);
}

CLAIM(claim_pages,
      "claim_pages: within the limit and memory there is; flags EINVAL, too many ENOMEM or EINVAL")
{
    struct xen_memory_reservation r = {.nr_extents = 8};
    NEW_DOMAIN(dom, 1);
    r.domid = dom;
    EXPECT_EQ(hv_memory_op(XENMEM_claim_pages, &r), 0);
    EXPECT_EQ(do_domctl(XEN_DOMCTL_getdomaininfo, dom), 0);
    EXPECT_EQ(domctl.u.getdomaininfo.outstanding_pages, 8);
    EXPECT(control_give_page(dom, 0) != 0);
    EXPECT_EQ(do_domctl(XEN_DOMCTL_getdomaininfo, dom), 0);
    EXPECT_EQ(domctl.u.getdomaininfo.outstanding_pages, 7);
    /* A second claim is none, giving it back always goes. */
    EXPECT_EQ(hv_memory_op(XENMEM_claim_pages, &r), -XEN_EINVAL);
    r.nr_extents = 0;
    EXPECT_EQ(hv_memory_op(XENMEM_claim_pages, &r), 0);
    r.nr_extents = 17; /* beyond max_mem */
    EXPECT_EQ(hv_memory_op(XENMEM_claim_pages, &r), -XEN_EINVAL);
    r.nr_extents = 1;
    r.extent_order = 1;
    EXPECT_EQ(hv_memory_op(XENMEM_claim_pages, &r), -XEN_EINVAL);
    r.extent_order = 0;
    r.mem_flags = 8;
    EXPECT_EQ(hv_memory_op(XENMEM_claim_pages, &r), -XEN_EINVAL);
    control_destroy(dom);
}

CLAIM(set_memory_map,
      "set_memory_map: for a domain, not with too many entries (EINVAL), not from a bad place (EFAULT)")
{
    static struct e820entry_of_ours {
        uint64_t addr, size;
        uint32_t type;
    } __attribute__((packed)) map[1] = {{0, 1 << 20, 1}};
    struct xen_foreign_memory_map f = {.map.nr_entries = 1};
    NEW_DOMAIN(dom, 1);
    f.domid = dom;
    set_xen_guest_handle(f.map.buffer, map);
    EXPECT_EQ(hv_memory_op(XENMEM_set_memory_map, &f), 0);
    f.map.nr_entries = 100000;
    EXPECT_EQ(hv_memory_op(XENMEM_set_memory_map, &f), -XEN_EINVAL);
    f.map.nr_entries = 1;
    set_xen_guest_handle(f.map.buffer, BAD_PTR);
    EXPECT_EQ(hv_memory_op(XENMEM_set_memory_map, &f), -XEN_EFAULT);
    f.domid = 0x7000;
    EXPECT_EQ(hv_memory_op(XENMEM_set_memory_map, &f), -XEN_ESRCH);
    control_destroy(dom);
}

CLAIM(acquire_resource,
      "acquire_resource: the frames of a grant table; unknown kinds EOPNOTSUPP, bad ids EINVAL")
{
    static xen_pfn_t frames[2];
    struct xen_mem_acquire_resource r = {.type = XENMEM_resource_grant_table,
                                         .id = XENMEM_resource_grant_table_id_shared};
    char *va = abi_slot();
    NEW_DOMAIN(dom, 1);
    r.domid = dom;
    EXPECT_EQ(hv_memory_op(XENMEM_acquire_resource, &r), 0);
    EXPECT_EQ(r.nr_frames, 4); /* how many there can be */
    r.nr_frames = 1;
    set_xen_guest_handle(r.frame_list, frames);
    EXPECT_EQ(hv_memory_op(XENMEM_acquire_resource, &r), 0);
    EXPECT(frames[0] != 0);
    EXPECT_EQ(
        hv_update_va_mapping_otherdomain((unsigned long)va, make_pte(frames[0], PTE_RW), UVMF_INVLPG, dom),
        0);
    EXPECT(probe_write64(va, 0));
    EXPECT_EQ(mm_set_pte((unsigned long)va, 0), 0);
    r.type = 77;
    EXPECT_EQ(hv_memory_op(XENMEM_acquire_resource, &r), -XEN_EOPNOTSUPP);
    r.type = XENMEM_resource_grant_table;
    r.id = 77;
    EXPECT_EQ(hv_memory_op(XENMEM_acquire_resource, &r), -XEN_EINVAL);
    r.id = XENMEM_resource_grant_table_id_shared;
    r.pad = 1;
    EXPECT_EQ(hv_memory_op(XENMEM_acquire_resource, &r), -XEN_EINVAL);
    r.pad = 0;
    r.frame = 4;
    EXPECT_EQ(hv_memory_op(XENMEM_acquire_resource, &r), -XEN_EINVAL);
    r.frame = 0;
    r.domid = 0x7000;
    EXPECT_EQ(hv_memory_op(XENMEM_acquire_resource, &r), -XEN_ESRCH);
    r.domid = dom;
    set_xen_guest_handle(r.frame_list, BAD_PTR);
    EXPECT_EQ(hv_memory_op(XENMEM_acquire_resource, &r), -XEN_EFAULT);
    control_destroy(dom);
    abi_slot_free(va);
}

CLAIM(foreign_events,
      "ports of a domain under construction: allocated for it, asked for, bound to, reset when paused")
{
    struct evtchn_alloc_unbound a = {.remote_dom = DOMID_SELF};
    struct evtchn_bind_interdomain b = {0};
    struct evtchn_status s = {0};
    struct evtchn_reset reset = {0};
    struct evtchn_close c = {0};
    NEW_DOMAIN(dom, 1);
    a.dom = b.remote_dom = s.dom = reset.dom = dom;
    EXPECT_EQ(hypercall2(__HYPERVISOR_event_channel_op, EVTCHNOP_alloc_unbound, (unsigned long)&a), 0);
    EXPECT_EQ(a.port, 1);
    s.port = b.remote_port = a.port;
    EXPECT_EQ(hypercall2(__HYPERVISOR_event_channel_op, EVTCHNOP_status, (unsigned long)&s), 0);
    EXPECT_EQ(s.status, EVTCHNSTAT_unbound);
    EXPECT_EQ(s.u.unbound.dom, 0);
    EXPECT_EQ(hypercall2(__HYPERVISOR_event_channel_op, EVTCHNOP_bind_interdomain, (unsigned long)&b), 0);
    EXPECT_EQ(hypercall2(__HYPERVISOR_event_channel_op, EVTCHNOP_status, (unsigned long)&s), 0);
    EXPECT_EQ(s.status, EVTCHNSTAT_interdomain);
    EXPECT_EQ(s.u.interdomain.port, b.local_port);
    EXPECT_EQ(hypercall2(__HYPERVISOR_event_channel_op, EVTCHNOP_reset, (unsigned long)&reset), 0);
    EXPECT_EQ(hypercall2(__HYPERVISOR_event_channel_op, EVTCHNOP_status, (unsigned long)&s), 0);
    EXPECT_EQ(s.status, EVTCHNSTAT_closed);
    c.port = b.local_port;
    EXPECT_EQ(hypercall2(__HYPERVISOR_event_channel_op, EVTCHNOP_close, (unsigned long)&c), 0);
    control_destroy(dom);
}

CLAIM(foreign_grant_table, "the grant table of a domain under construction: its size, and set up for it")
{
    static xen_pfn_t frame;
    struct gnttab_query_size q = {0};
    struct gnttab_setup_table t = {.nr_frames = 1};
    struct gnttab_get_version v = {0};
    NEW_DOMAIN(dom, 1);
    q.dom = t.dom = v.dom = dom;
    EXPECT_EQ(hypercall3(__HYPERVISOR_grant_table_op, GNTTABOP_query_size, (unsigned long)&q, 1), 0);
    EXPECT_EQ(q.status, GNTST_okay);
    EXPECT_EQ(q.max_nr_frames, 4);
    set_xen_guest_handle(t.frame_list, &frame);
    EXPECT_EQ(hypercall3(__HYPERVISOR_grant_table_op, GNTTABOP_setup_table, (unsigned long)&t, 1), 0);
    EXPECT_EQ(t.status, GNTST_okay);
    EXPECT(frame != 0);
    EXPECT_EQ(hypercall3(__HYPERVISOR_grant_table_op, GNTTABOP_get_version, (unsigned long)&v, 1), 0);
    EXPECT_EQ(v.version, 1);
    t.nr_frames = 5;
    EXPECT_EQ(hypercall3(__HYPERVISOR_grant_table_op, GNTTABOP_setup_table, (unsigned long)&t, 1), 0);
    EXPECT_EQ(t.status, GNTST_general_error);
    control_destroy(dom);
}

CLAIM(dying_stays, "a domain whose page is mapped stays dying, is still listed, and is gone with the mapping")
{
    char *va = abi_slot();
    xen_pfn_t mfn;
    NEW_DOMAIN(dom, 1);
    mfn = control_give_page(dom, 0);
    EXPECT_EQ(hv_update_va_mapping_otherdomain((unsigned long)va, make_pte(mfn, PTE_RW), UVMF_INVLPG, dom),
              0);
    EXPECT_EQ(do_domctl(XEN_DOMCTL_destroydomain, dom), 0);
    EXPECT_EQ(do_domctl(XEN_DOMCTL_getdomaininfo, dom), 0);
    EXPECT(domctl.u.getdomaininfo.flags & XEN_DOMINF_dying);
    EXPECT(probe_write64(va, 1));
    EXPECT_EQ(control_give_page(dom, 1), 0);
    EXPECT_EQ(mm_set_pte((unsigned long)va, 0), 0);
    EXPECT_EQ(do_domctl(XEN_DOMCTL_getdomaininfo, dom), -XEN_ESRCH);
    abi_slot_free(va);
}

CLAIM(read_only_argument, "an answer that cannot be written is EFAULT")
{
    struct xen_domctl *op = abi_page();

    FIRST_DOMAIN_ONLY();
    memset(op, 0, sizeof(*op));
    op->cmd = XEN_DOMCTL_get_address_size;
    op->interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    EXPECT_EQ(mm_set_pte((unsigned long)op, make_pte(virt_to_mfn(op), PTE_RO)), 0);
    EXPECT_EQ(hypercall1(__HYPERVISOR_domctl, (unsigned long)op), -XEN_EFAULT);
    EXPECT_EQ(mm_set_pte((unsigned long)op, make_pte(virt_to_mfn(op), PTE_RW)), 0);
    page_free(op, 0);
}
