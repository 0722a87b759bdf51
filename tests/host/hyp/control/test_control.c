/* SPDX-License-Identifier: MIT */
/* domctl, sysctl, platform_op, vcpu_op and sched_op on the rooms of rooms.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <xen/platform.h>
#include <xen/sched.h>
#include <xen/sysctl.h>
#include "rooms.h"
#include "hypercalls/control.h"
#include "hypercalls/hypercalls.h"

#define OP   AT(struct xen_domctl, 0)
#define SYS  AT(struct xen_sysctl, 0)
#define DATA 0x10000 /* where further arguments lie */

static int setup(void **state)
{
    (void)state;
    rooms_reset();
    return 0;
}

/* Whatever a call did, it has given back references, pauses, memory and the lock. */
static int teardown(void **state)
{
    (void)state;
    assert_int_equal(rooms_refs_given, rooms_refs_put);
    assert_int_equal(rooms_pauses, rooms_unpauses);
    assert_int_equal(rooms_allocs, rooms_guest->cpuid_custom ? 1 : 0);
    assert_true(control_lock());
    control_unlock();
    return 0;
}

static struct xen_domctl *prepare(u32 cmd, u16 domid)
{
    memset(OP, 0, sizeof(*OP));
    OP->cmd = cmd;
    OP->interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    OP->domain = domid;
    return OP;
}

static long domctl(void)
{
    return do_domctl(GUEST(OP), 0, 0, 0, 0);
}

static long simple(u32 cmd, u16 domid)
{
    prepare(cmd, domid);
    return domctl();
}

static void test_order_of_errors(void **state)
{
    (void)state;
    assert_int_equal(do_domctl(BAD_POINTER, 0, 0, 0, 0), -EFAULT);
    rooms_call_from_guest(true);
    prepare(XEN_DOMCTL_pausedomain, 77)->interface_version++;
    assert_int_equal(domctl(), -EACCES);
    assert_int_equal(simple(XEN_DOMCTL_pausedomain, 77), -ESRCH);
    assert_int_equal(simple(XEN_DOMCTL_pausedomain, 0), -EPERM);
    assert_int_equal(simple(XEN_DOMCTL_createdomain, 0), -EPERM);
    assert_int_equal(simple(XEN_DOMCTL_getdomaininfo, 0), -EPERM);
    assert_int_equal(simple(9999, 5), -EPERM);
    rooms_call_from_guest(false);
    assert_int_equal(simple(9999, 5), -ENOSYS);
    assert_int_equal(simple(0, 5), -ENOSYS);
    assert_int_equal(simple(XEN_DOMCTL_gethvmcontext, 5), -ENOSYS);
}

static void test_lock_is_not_waited_for(void **state)
{
    (void)state;
    assert_true(control_lock());
    assert_int_equal(simple(XEN_DOMCTL_pausedomain, 5), __HYPERVISOR_domctl);
    assert_int_equal(rooms_continued, 1);
    assert_int_equal(rooms_guest->controller_pause_count, 0);
    control_unlock();
    assert_int_equal(simple(XEN_DOMCTL_pausedomain, 5), 0);
    assert_int_equal(rooms_guest->controller_pause_count, 1);
}

static void test_not_self(void **state)
{
    static const u32 cmds[] = {XEN_DOMCTL_pausedomain,    XEN_DOMCTL_resumedomain,  XEN_DOMCTL_max_vcpus,
                               XEN_DOMCTL_setvcpucontext, XEN_DOMCTL_settscinfo,    XEN_DOMCTL_gettscinfo,
                               XEN_DOMCTL_set_cpu_policy, XEN_DOMCTL_destroydomain, XEN_DOMCTL_set_vcpu_msrs,
                               XEN_DOMCTL_setvcpuextstate};

    (void)state;
    for (unsigned i = 0; i < ARRAY_SIZE(cmds); i++)
        assert_int_equal(simple(cmds[i], 0), -EINVAL);
    assert_int_equal(simple(XEN_DOMCTL_getvcpucontext, 0), -EINVAL); /* vCPU 0 is the caller */
}

static void test_info(void **state)
{
    struct xen_domctl_getdomaininfo *info = &OP->u.getdomaininfo;

    (void)state;
    rooms_guest->vcpu[1]->pause_flags = VPF_DOWN;
    rooms_guest->vcpu[0]->pause_flags = rooms_guest->vcpu[2]->pause_flags = VPF_BLOCKED;
    rooms_guest->mm.tot_pages = 11;
    rooms_guest->mm.max_pages = 22;
    assert_int_equal(simple(XEN_DOMCTL_getdomaininfo, 3), 0); /* the first one from 3 on */
    assert_int_equal(OP->domain, 5);
    assert_int_equal(info->domain, 5);
    assert_int_equal(info->nr_online_vcpus, 2);
    assert_int_equal(info->max_vcpu_id, 2);
    assert_int_equal(info->flags & 0xffff, XEN_DOMINF_blocked);
    assert_int_equal(info->tot_pages, 11);
    assert_int_equal(info->max_pages, 22);
    assert_int_equal(info->cpu_time, 3000);
    assert_int_equal(info->shared_info_frame, 40);
    rooms_guest->is_shut_down = true;
    rooms_guest->shutdown_code = SHUTDOWN_suspend;
    rooms_guest->dying = DOM_DEAD;
    assert_int_equal(simple(XEN_DOMCTL_getdomaininfo, 5), 0);
    assert_int_equal(info->flags, XEN_DOMINF_blocked | XEN_DOMINF_shutdown | XEN_DOMINF_dying |
                                      SHUTDOWN_suspend << XEN_DOMINF_shutdownshift);
    assert_int_equal(simple(XEN_DOMCTL_getdomaininfo, 6), -ESRCH);
    assert_int_equal(simple(XEN_DOMCTL_getdomaininfo, DOMID_SELF), -EINVAL);
}

static long create(u16 domid, void (*spoil)(struct xen_domctl_createdomain *))
{
    struct xen_domctl_createdomain *c = &prepare(XEN_DOMCTL_createdomain, domid)->u.createdomain;

    c->max_vcpus = 2;
    c->grant_opts = XEN_DOMCTL_GRANT_version(1);
    if (spoil)
        spoil(c);
    return domctl();
}

static void ask_hvm(struct xen_domctl_createdomain *c)
{
    c->flags = XEN_DOMCTL_CDF_hvm;
}
static void ask_iommu(struct xen_domctl_createdomain *c)
{
    c->flags = XEN_DOMCTL_CDF_iommu;
}
static void ask_devices(struct xen_domctl_createdomain *c)
{
    c->arch.emulation_flags = 1;
}
static void ask_grant_v2(struct xen_domctl_createdomain *c)
{
    c->grant_opts = XEN_DOMCTL_GRANT_version(2);
}
static void ask_no_grants(struct xen_domctl_createdomain *c)
{
    c->grant_opts = 0;
}
static void ask_no_vcpus(struct xen_domctl_createdomain *c)
{
    c->max_vcpus = 0;
}
static void ask_trace(struct xen_domctl_createdomain *c)
{
    c->vmtrace_size = 4096;
}
static void ask_pool(struct xen_domctl_createdomain *c)
{
    c->cpupool_id = 1;
}

static void test_create(void **state)
{
    (void)state;
    assert_int_equal(create(9, ask_hvm), -EINVAL);
    assert_int_equal(create(9, ask_iommu), -EINVAL);
    assert_int_equal(create(9, ask_devices), -EINVAL);
    assert_int_equal(create(9, ask_grant_v2), -EINVAL);
    assert_int_equal(create(9, ask_no_grants), -EINVAL);
    assert_int_equal(create(9, ask_no_vcpus), -EINVAL);
    assert_int_equal(create(9, ask_trace), -EINVAL);
    assert_int_equal(create(9, ask_pool), -ENOENT);
    assert_int_equal(rooms_created_domid, 0);
    assert_int_equal(create(5, NULL), -EEXIST);
    assert_int_equal(create(9, NULL), 0);
    assert_int_equal(rooms_created_domid, 9);
    assert_int_equal(OP->domain, 5); /* what domain_create() made */
    assert_int_equal(create(0, NULL), 0);
    assert_int_equal(rooms_created_domid, 0xffff);
    assert_int_equal(create(DOMID_INVALID, NULL), 0);
    assert_int_equal(rooms_created_domid, 0xffff);
    assert_true(rooms_locked);
}

static void test_destroy_continues(void **state)
{
    (void)state;
    rooms_kill_restarts = 2;
    assert_int_equal(simple(XEN_DOMCTL_destroydomain, 5), __HYPERVISOR_domctl);
    assert_int_equal(simple(XEN_DOMCTL_destroydomain, 5), __HYPERVISOR_domctl);
    assert_int_equal(simple(XEN_DOMCTL_destroydomain, 5), 0);
    assert_int_equal(rooms_continued, 2);
}

static void test_plain_properties(void **state)
{
    (void)state;
    prepare(XEN_DOMCTL_max_mem, 5)->u.max_mem.max_memkb = 4097;
    assert_int_equal(domctl(), 0);
    assert_int_equal(rooms_guest->mm.max_pages, 1024);
    prepare(XEN_DOMCTL_max_vcpus, 5)->u.max_vcpus.max = 3;
    assert_int_equal(domctl(), 0);
    prepare(XEN_DOMCTL_max_vcpus, 5)->u.max_vcpus.max = 2;
    assert_int_equal(domctl(), -EINVAL);
    prepare(XEN_DOMCTL_set_address_size, 5)->u.address_size.size = 32;
    assert_int_equal(domctl(), -EINVAL);
    OP->u.address_size.size = 64;
    assert_int_equal(domctl(), 0);
    assert_int_equal(simple(XEN_DOMCTL_get_address_size, 5), 0);
    assert_int_equal(OP->u.address_size.size, 64);
    prepare(XEN_DOMCTL_settscinfo, 5)->u.tsc_info.tsc_mode = 1; /* always emulate */
    assert_int_equal(domctl(), -EINVAL);
    OP->u.tsc_info.tsc_mode = 2;
    assert_int_equal(domctl(), 0);
    assert_int_equal(simple(XEN_DOMCTL_gettscinfo, 5), 0);
    assert_int_equal(OP->u.tsc_info.tsc_mode, 2);
    assert_int_equal(OP->u.tsc_info.gtsc_khz, 2000000);
    assert_int_equal(simple(XEN_DOMCTL_unpausedomain, 5), -EINVAL);
    assert_int_equal(simple(XEN_DOMCTL_shadow_op, 5), -EINVAL);
}

static void test_context(void **state)
{
    struct vcpu_guest_context *c = AT(struct vcpu_guest_context, DATA);
    struct vcpu *v = rooms_guest->vcpu[1];

    (void)state;
    v->pause_flags = VPF_DOWN;
    prepare(XEN_DOMCTL_getvcpucontext, 5)->u.vcpucontext.vcpu = 1;
    assert_int_equal(domctl(), -ENODATA);
    prepare(XEN_DOMCTL_setvcpucontext, 5)->u.vcpucontext.vcpu = 3;
    assert_int_equal(domctl(), -EINVAL);
    OP->u.vcpucontext.vcpu = 1;
    OP->u.vcpucontext.ctxt.p = (void *)BAD_POINTER;
    assert_int_equal(domctl(), -EFAULT);
    OP->u.vcpucontext.ctxt.p = c;
    c->user_regs.rip = 0xbad;
    c->flags = VGCF_online;
    assert_int_equal(domctl(), -EINVAL);
    assert_int_equal(v->pause_flags, VPF_DOWN);
    c->user_regs.rip = 0x1234;
    assert_int_equal(domctl(), 0);
    assert_int_equal(v->pause_flags, 0);
    assert_int_equal(rooms_guest->vm_assist, 0); /* only vCPU 0 brings it */
    memset(c, 0, sizeof(*c));
    OP->cmd = XEN_DOMCTL_getvcpucontext;
    assert_int_equal(domctl(), 0);
    assert_int_equal(c->user_regs.rip, 0x1234);
    /* vCPU 0's context brings the domain's vm_assist. */
    OP->cmd = XEN_DOMCTL_setvcpucontext;
    OP->u.vcpucontext.vcpu = 0;
    c->vm_assist = ~0UL;
    assert_int_equal(domctl(), -EINVAL);
    c->vm_assist = 1UL << VMASST_TYPE_4gb_segments | 1UL << VMASST_TYPE_writable_pagetables |
                   1UL << VMASST_TYPE_pae_extended_cr3 | 1UL << VMASST_TYPE_architectural_iopl |
                   1UL << VMASST_TYPE_runstate_update_flag | 1UL << VMASST_TYPE_m2p_strict;
    assert_int_equal(domctl(), 0);
    assert_int_equal(rooms_guest->vm_assist, c->vm_assist);
    /* A later one does not. */
    c->vm_assist = 0;
    assert_int_equal(domctl(), 0);
    assert_int_not_equal(rooms_guest->vm_assist, 0);
    OP->u.vcpucontext.vcpu = 1;
    OP->u.vcpucontext.ctxt.p = NULL;
    assert_int_equal(domctl(), 0);
    assert_false(v->initialised);
    assert_int_equal(v->pause_flags, VPF_DOWN);
}

static void test_affinity(void **state)
{
    struct xen_domctl_vcpuaffinity *a = &prepare(XEN_DOMCTL_setvcpuaffinity, 5)->u.vcpuaffinity;
    u8 *map = AT(u8, DATA);

    (void)state;
    a->vcpu = 1;
    assert_int_equal(domctl(), -EINVAL); /* no flag */
    a->flags = XEN_VCPUAFFINITY_HARD;
    assert_int_equal(domctl(), -EINVAL); /* no map */
    a->cpumap_hard.bitmap.p = (void *)BAD_POINTER;
    a->cpumap_hard.nr_bits = 8;
    assert_int_equal(domctl(), -EFAULT);
    a->cpumap_hard.bitmap.p = map;
    map[0] = 0xfc; /* none that exists */
    assert_int_equal(domctl(), -EINVAL);
    map[0] = 0xfe;
    map[1] = 0x55;
    assert_int_equal(domctl(), 0);
    assert_int_equal(map[0], 2); /* what is in force */
    assert_int_equal(map[1], 0x55);
    assert_int_equal(rooms_guest->vcpu[1]->sched.affinity_hard[0], 2);
    /* Fewer bits than a byte; more than we have. */
    map[0] = 0xff;
    a->cpumap_hard.nr_bits = 1;
    assert_int_equal(domctl(), 0);
    assert_int_equal(rooms_guest->vcpu[1]->sched.affinity_hard[0], 1);
    a->cpumap_hard.nr_bits = 1024;
    map[0] = 3;
    memset(map + 8, 0xff, 120);
    assert_int_equal(domctl(), 0);
    assert_int_equal(map[127], 0);
    OP->cmd = XEN_DOMCTL_getvcpuaffinity;
    assert_int_equal(domctl(), 0);
    assert_int_equal(map[0], 3);
    a->vcpu = 3;
    assert_int_equal(domctl(), -EINVAL);
}

static void test_policy(void **state)
{
    struct xen_domctl_cpu_policy *p = &prepare(XEN_DOMCTL_get_cpu_policy, 5)->u.cpu_policy;
    xen_cpuid_leaf_t *leaf = AT(xen_cpuid_leaf_t, DATA);
    u32 room;

    (void)state;
    assert_int_equal(domctl(), 0);
    room = p->nr_leaves;
    assert_true(room >= 5);
    assert_int_equal(p->nr_msrs, 2);
    p->leaves.p = leaf;
    p->nr_leaves = 4;
    assert_int_equal(domctl(), -ENOBUFS);
    p->nr_leaves = room;
    assert_int_equal(domctl(), 0);
    assert_int_equal(p->nr_leaves, 5);
    /* A bit too many is taken away, a limit too high is refused and named. */
    leaf[1].c = 0xf3;
    OP->cmd = XEN_DOMCTL_set_cpu_policy;
    p->nr_msrs = 0;
    assert_int_equal(domctl(), 0);
    OP->cmd = XEN_DOMCTL_get_cpu_policy;
    p->msrs.p = NULL;
    assert_int_equal(domctl(), 0);
    assert_int_equal(leaf[1].c, 0x03);
    OP->cmd = XEN_DOMCTL_set_cpu_policy;
    p->nr_msrs = 0;
    leaf[3].a = 0x8000001f;
    assert_int_equal(domctl(), -EINVAL);
    assert_int_equal(p->err_leaf, 0x80000000u);
    assert_int_equal(p->err_msr, ~0u);
    leaf[3].a = 0x80000008;
    p->nr_msrs = 1;
    p->msrs.p = AT(xen_msr_entry_t, DATA + 0x8000);
    *p->msrs.p = (xen_msr_entry_t){.idx = 0xce, .val = 1};
    assert_int_equal(domctl(), -EINVAL);
    assert_int_equal(p->err_msr, 0xce);
    p->nr_leaves = 100000;
    assert_int_equal(domctl(), -E2BIG);
    p->nr_leaves = 1;
    rooms_guest->creation_finished = true;
    assert_int_equal(domctl(), -EEXIST);
}

static void test_xstate(void **state)
{
    struct xen_domctl_vcpuextstate *e = &prepare(XEN_DOMCTL_getvcpuextstate, 5)->u.vcpuextstate;
    u64 *head = AT(u64, DATA);

    (void)state;
    assert_int_equal(domctl(), 0);
    assert_int_equal(e->size, 16 + 832);
    assert_int_equal(e->xfeature_mask, 7);
    e->buffer.p = head;
    e->size--;
    assert_int_equal(domctl(), -EINVAL);
    e->size = 5000;
    assert_int_equal(domctl(), 0);
    assert_int_equal(e->size, 16 + 832);
    assert_int_equal(head[0], 1);
    assert_int_equal(head[1], 7);
    OP->cmd = XEN_DOMCTL_setvcpuextstate;
    assert_int_equal(domctl(), 0);
    head[0] = 8;
    assert_int_equal(domctl(), -EINVAL);
    e->size = 15;
    assert_int_equal(domctl(), -EINVAL);
    e->size = 16;
    assert_int_equal(domctl(), -EINVAL);
    head[0] = head[1] = 0;
    assert_int_equal(domctl(), 0);
    e->size = 1 << 30;
    assert_int_equal(domctl(), -EINVAL);
    e->vcpu = 3;
    assert_int_equal(domctl(), -ESRCH);
}

static void test_page_types(void **state)
{
    struct xen_domctl_getpageframeinfo3 *p = &prepare(XEN_DOMCTL_getpageframeinfo3, 5)->u.getpageframeinfo3;
    u64 *array = AT(u64, DATA);

    (void)state;
    p->num = 1025;
    assert_int_equal(domctl(), -E2BIG);
    p->num = 3;
    p->array.p = (void *)array;
    array[0] = 31; /* somebody else's */
    array[1] = ~0UL;
    array[2] = 33;
    assert_int_equal(domctl(), 0);
    assert_int_equal(array[0], XEN_DOMCTL_PFINFO_XTAB);
    assert_int_equal(array[1], XEN_DOMCTL_PFINFO_XTAB);
    assert_int_equal(array[2], XEN_DOMCTL_PFINFO_NOTAB);
    prepare(XEN_DOMCTL_hypercall_init, 5)->u.hypercall_init.gmfn = 33;
    assert_int_equal(domctl(), -EPERM);
    OP->u.hypercall_init.gmfn = 31;
    assert_int_equal(domctl(), -EINVAL);
    OP->u.hypercall_init.gmfn = ~0UL;
    assert_int_equal(domctl(), -EINVAL);
    OP->u.hypercall_init.gmfn = 34;
    assert_int_equal(domctl(), 0);
}

static void test_hardware_is_not_given_away(void **state)
{
    struct xen_domctl_iomem_permission *p = &prepare(XEN_DOMCTL_iomem_permission, 5)->u.iomem_permission;

    (void)state;
    assert_int_equal(domctl(), -EINVAL); /* no frames */
    p->first_mfn = ~0UL;
    p->nr_mfns = 2;
    assert_int_equal(domctl(), -EINVAL);
    p->first_mfn = 0xfeb00;
    assert_int_equal(domctl(), 0);
    p->allow_access = 1;
    assert_int_equal(domctl(), -EOPNOTSUPP);
}

static struct xen_sysctl *prepare_sys(u32 cmd)
{
    memset(SYS, 0, sizeof(*SYS));
    SYS->cmd = cmd;
    SYS->interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    return SYS;
}

static long do_sys(void)
{
    return do_sysctl(GUEST(SYS), 0, 0, 0, 0);
}

static void test_sysctl(void **state)
{
    (void)state;
    assert_int_equal(do_sysctl(BAD_POINTER, 0, 0, 0, 0), -EFAULT);
    prepare_sys(XEN_SYSCTL_physinfo)->interface_version--;
    rooms_call_from_guest(true);
    assert_int_equal(do_sys(), -EACCES);
    prepare_sys(XEN_SYSCTL_physinfo);
    assert_int_equal(do_sys(), -EPERM);
    rooms_call_from_guest(false);
    assert_int_equal(do_sys(), 0);
    assert_int_equal(SYS->u.physinfo.nr_cpus, 2);
    assert_int_equal(SYS->u.physinfo.free_pages, 1000);
    assert_true(SYS->u.physinfo.capabilities & XEN_SYSCTL_PHYSCAP_pv);
    assert_false(SYS->u.physinfo.capabilities & XEN_SYSCTL_PHYSCAP_hvm);
    prepare_sys(28);
    assert_int_equal(do_sys(), -ENOSYS);
    prepare_sys(XEN_SYSCTL_cpupool_op)->u.cpupool_op.op = XEN_SYSCTL_CPUPOOL_OP_INFO;
    SYS->u.cpupool_op.cpupool_id = 1;
    assert_int_equal(do_sys(), -ENOENT);
}

static void test_domain_list(void **state)
{
    struct xen_sysctl_getdomaininfolist *l = &prepare_sys(XEN_SYSCTL_getdomaininfolist)->u.getdomaininfolist;
    struct xen_domctl_getdomaininfo *info = AT(struct xen_domctl_getdomaininfo, DATA);

    (void)state;
    l->max_domains = 8;
    l->buffer.p = info;
    assert_int_equal(do_sys(), 0);
    assert_int_equal(l->num_domains, 2);
    assert_int_equal(info[1].domain, 5);
    l->max_domains = 1;
    l->first_domain = 1;
    assert_int_equal(do_sys(), 0);
    assert_int_equal(l->num_domains, 1);
    assert_int_equal(info[0].domain, 5);
    l->buffer.p = (void *)BAD_POINTER;
    assert_int_equal(do_sys(), -EFAULT);
}

static void test_console_ring(void **state)
{
    struct xen_sysctl_readconsole *r = &prepare_sys(XEN_SYSCTL_readconsole)->u.readconsole;
    char *text = AT(char, DATA);

    (void)state;
    r->count = 6;
    r->buffer.p = text;
    r->incremental = 1;
    assert_int_equal(do_sys(), 0);
    assert_int_equal(r->count, 6);
    assert_memory_equal(text, "a line", 6);
    r->count = 100;
    assert_int_equal(do_sys(), 0);
    assert_int_equal(r->count, 19);
    assert_int_equal(r->index, 25);
}

static void test_featureset(void **state)
{
    struct xen_sysctl_cpu_featureset *f = &prepare_sys(XEN_SYSCTL_get_cpu_featureset)->u.cpu_featureset;
    u32 *words = AT(u32, DATA);

    (void)state;
    assert_int_equal(do_sys(), 0);
    assert_int_equal(f->nr_features, 13);
    f->features.p = words;
    f->index = XEN_SYSCTL_cpu_featureset_host;
    f->nr_features = 2;
    assert_int_equal(do_sys(), -ENOBUFS);
    assert_int_equal(words[0], 0xff);
    f->index = XEN_SYSCTL_cpu_featureset_pv;
    f->nr_features = 20;
    assert_int_equal(do_sys(), 0);
    assert_int_equal(f->nr_features, 13);
    assert_int_equal(words[0], 0x0f);
    f->index = XEN_SYSCTL_cpu_featureset_hvm;
    assert_int_equal(do_sys(), -EOPNOTSUPP);
    f->index = 6;
    assert_int_equal(do_sys(), -EINVAL);
}

static void test_vcpu_op(void **state)
{
    struct vcpu_set_singleshot_timer *set = AT(struct vcpu_set_singleshot_timer, DATA);
    u64 *period = AT(u64, DATA);

    (void)state;
    rooms_call_from_guest(true);
    rooms_guest->vcpu[1]->pause_flags = rooms_guest->vcpu[2]->pause_flags = VPF_DOWN;
    assert_int_equal(do_vcpu_op(VCPUOP_is_up, 3, 0, 0, 0), -ENOENT);
    assert_int_equal(do_vcpu_op(VCPUOP_is_up, ~0UL, 0, 0, 0), -ENOENT);
    assert_int_equal(do_vcpu_op(VCPUOP_is_up, 0, 0, 0, 0), 1);
    assert_int_equal(do_vcpu_op(VCPUOP_is_up, 1, 0, 0, 0), 0);
    assert_int_equal(do_vcpu_op(VCPUOP_up, 1, 0, 0, 0), -EINVAL);
    assert_int_equal(do_vcpu_op(VCPUOP_initialise, 1, BAD_POINTER, 0, 0), -EFAULT);
    assert_int_equal(do_vcpu_op(VCPUOP_initialise, 1, GUEST(arena), 0, 0), 0);
    assert_int_equal(do_vcpu_op(VCPUOP_initialise, 1, GUEST(arena), 0, 0), -EEXIST);
    assert_int_equal(do_vcpu_op(VCPUOP_up, 1, 0, 0, 0), 0);
    assert_int_equal(do_vcpu_op(VCPUOP_up, 1, 0, 0, 0), 0);
    assert_int_equal(do_vcpu_op(VCPUOP_set_singleshot_timer, 1, GUEST(set), 0, 0), -EINVAL);
    assert_int_equal(do_vcpu_op(VCPUOP_set_singleshot_timer, 0, GUEST(set), 0, 0), 0);
    *period = 999999;
    assert_int_equal(do_vcpu_op(VCPUOP_set_periodic_timer, 0, GUEST(period), 0, 0), -EINVAL);
    *period = 1000000;
    assert_int_equal(do_vcpu_op(VCPUOP_set_periodic_timer, 0, GUEST(period), 0, 0), 0);
    assert_int_equal(do_vcpu_op(VCPUOP_send_nmi, 0, 1, 0, 0), -EINVAL);
    assert_int_equal(do_vcpu_op(99, 0, 0, 0, 0), -ENOSYS);
    assert_int_equal(do_vcpu_op(VCPUOP_down, 0, 0, 0, 0), 0);
    assert_false(rooms_guest->is_shut_down);
    assert_int_equal(do_vcpu_op(VCPUOP_down, 1, 0, 0, 0), 0);
    assert_true(rooms_guest->is_shut_down);
    assert_int_equal(rooms_guest->shutdown_code, SHUTDOWN_poweroff);
}

static void test_poll(void **state)
{
    struct sched_poll *poll = AT(struct sched_poll, DATA);
    u32 *ports = AT(u32, DATA + 64);
    struct vcpu *v = rooms_guest->vcpu[0];

    (void)state;
    rooms_call_from_guest(true);
    assert_int_equal(do_sched_op(SCHEDOP_poll, BAD_POINTER, 0, 0, 0), -EFAULT);
    poll->nr_ports = 129;
    assert_int_equal(do_sched_op(SCHEDOP_poll, GUEST(poll), 0, 0, 0), -EINVAL);
    poll->nr_ports = 1;
    poll->ports.p = (void *)BAD_POINTER;
    assert_int_equal(do_sched_op(SCHEDOP_poll, GUEST(poll), 0, 0, 0), -EFAULT);
    assert_int_equal(v->pause_flags, 0);
    poll->ports.p = ports;
    ports[0] = 100;
    assert_int_equal(do_sched_op(SCHEDOP_poll, GUEST(poll), 0, 0, 0), -EINVAL);
    assert_int_equal(v->pause_flags, 0);
    ports[0] = 7;
    assert_int_equal(do_sched_op(SCHEDOP_poll, GUEST(poll), 0, 0, 0), 0);
    assert_int_equal(v->pause_flags, 0);
    ports[0] = 8;
    assert_int_equal(do_sched_op(SCHEDOP_poll, GUEST(poll), 0, 0, 0), 0);
    assert_int_equal(v->pause_flags, VPF_POLLING);
    assert_int_equal(v->poll_port, 8);
    v->pause_flags = 0;
    poll->nr_ports = 2;
    ports[1] = 9;
    assert_int_equal(do_sched_op(SCHEDOP_poll, GUEST(poll), 0, 0, 0), 0);
    assert_int_equal(v->poll_port, 0);
}

static u64 seed = 1;

static u32 rnd(void)
{
    seed = seed * 6364136223846793005UL + 1442695040888963407UL;
    return (u32)(seed >> 33);
}

/* Fields that look like what belongs there: small numbers, pointers into the arena, or anything. */
static u64 likely_word(void)
{
    switch (rnd() % 6) {
    case 0:
        return rnd() % 4;
    case 1:
        return GUEST(arena) + rnd() % ARENA_SIZE;
    case 2:
        return rnd() % 1100;
    case 3:
        return ~0UL;
    case 4:
        return 0;
    default:
        return (u64)rnd() << 32 | rnd();
    }
}

static void fill(void *p, size_t n)
{
    for (size_t i = 0; i + 8 <= n; i += 8)
        *(u64 *)((u8 *)p + i) = likely_word();
}

/* Any operation with any argument: the sanitizers watch, and teardown() counts. */
static void test_random_operations(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 60000; i++) {
        if (i % 500 == 0) {
            long owned = rooms_guest->cpuid_custom ? 1 : 0;

            assert_int_equal(rooms_allocs, owned);
            assert_int_equal(rooms_refs_given, rooms_refs_put);
            assert_int_equal(rooms_pauses, rooms_unpauses);
            rooms_reset();
        }
        rooms_call_from_guest(rnd() % 8 == 0);
        fill(OP, sizeof(*OP));
        fill(arena + DATA, 256);
        switch (rnd() % 4) {
        case 0:
            OP->interface_version = XEN_SYSCTL_INTERFACE_VERSION;
            SYS->cmd = rnd() % 32;
            if (SYS->cmd ==
                XEN_SYSCTL_pcitopoinfo) /* bounded by the caller's number alone, and by preemption */
                SYS->u.pcitopoinfo.num_devs %= 100;
            (void)do_sys();
            break;
        case 1:
            (void)do_vcpu_op(rnd() % 16, rnd() % 4, likely_word(), 0, 0);
            break;
        default:
            OP->interface_version = XEN_DOMCTL_INTERFACE_VERSION;
            OP->cmd = rnd() % 90;
            OP->domain = rnd() % 4 ? 5 : 0;
            (void)domctl();
            break;
        }
    }
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_order_of_errors),
        T(test_lock_is_not_waited_for),
        T(test_not_self),
        T(test_info),
        T(test_create),
        T(test_destroy_continues),
        T(test_plain_properties),
        T(test_context),
        T(test_affinity),
        T(test_policy),
        T(test_xstate),
        T(test_page_types),
        T(test_hardware_is_not_given_away),
        T(test_sysctl),
        T(test_domain_list),
        T(test_console_ring),
        T(test_featureset),
        T(test_vcpu_op),
        T(test_poll),
        T(test_random_operations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
