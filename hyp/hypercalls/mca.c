/* SPDX-License-Identifier: MIT */
/*
 * HYPERVISOR_mca: machine checks as dom0 sees them. A machine check that the CPU raises stops the machine
 * (cpu/traps.c), so the log that dom0 can fetch is always empty; it is told which CPUs there are.
 */
#include <xen/xen.h>
#include <xen/arch-x86/xen-mca.h>
#include "cpu/features.h"
#include "cpu/processor.h"
#include "cpu/smp.h"
#include "hypercalls/hypercalls.h"
#include "hypercalls/policy.h"
#include "lib/string.h"

#define VENDOR_OTHER 0 /* as Xen numbers them */
#define VENDOR_INTEL 1
#define VENDOR_AMD   2

static void describe(u32 cpu, xen_mc_logical_cpu_t *c)
{
    u32 words[FEATURE_WORDS];

    memset(c, 0, sizeof(*c));
    c->mc_cpunr = cpu;
    c->mc_coreid = (u16)cpu;
    c->mc_apicid = cpu_ids[cpu].apic_id;
    c->mc_ncores = c->mc_ncores_active = cpu_count;
    c->mc_nthreads = 1;
    c->mc_cpuid_level = (s32)features.max_leaf;
    c->mc_family = features.family;
    c->mc_vendor = features.intel ? VENDOR_INTEL : features.amd ? VENDOR_AMD : VENDOR_OTHER;
    c->mc_model = features.model;
    c->mc_step = features.stepping;
    hyp_strlcpy(c->mc_vendorid, features.vendor, sizeof(c->mc_vendorid));
    for (u32 i = 0; i < 3 && features.max_ext_leaf >= 0x80000004u; i++) {
        struct cpuid_leaf l = cpuid(0x80000002u + i, 0);

        memcpy(c->mc_brandid + i * sizeof(l), &l, sizeof(l));
    }
    policy_features(POLICY_HOST, words);
    memcpy(c->mc_cpu_caps, words, MIN(sizeof(c->mc_cpu_caps), sizeof(words)));
}

static long cpu_list(u64 arg, struct xen_mc *op)
{
    struct xen_mc_physcpuinfo *p = &op->u.mc_physcpuinfo;
    u64 dst = (u64)p->info.p;
    u32 n = dst ? MIN(p->ncpus, cpu_count) : cpu_count;

    if (!n)
        return -EINVAL;
    for (u32 cpu = 0; dst && cpu < n; cpu++) {
        xen_mc_logical_cpu_t c;

        describe(cpu, &c);
        if (copy_to_guest(dst + cpu * sizeof(c), &c, sizeof(c)))
            return -EFAULT;
    }
    p->ncpus = n;
    return copy_to_guest(arg, op, sizeof(*op)) ? -EFAULT : 0;
}

static long fetch(u64 arg, struct xen_mc *op)
{
    struct xen_mc_fetch *f = &op->u.mc_fetch;
    u32 kind = f->flags & ~(u32)XEN_MC_ACK;

    if (kind != XEN_MC_NONURGENT && kind != XEN_MC_URGENT)
        return -EINVAL;
    if (f->flags & XEN_MC_ACK)
        return 0;
    if (!f->data.p)
        return -EINVAL;
    f->flags = XEN_MC_NODATA;
    f->fetch_id = 0;
    return copy_to_guest(arg, op, sizeof(*op)) ? -EFAULT : 0;
}

long do_mca(u64 arg, u64, u64, u64, u64)
{
    struct xen_mc op;

    if (!current->domain->privileged)
        return -EPERM;
    if (copy_from_guest(&op, arg, sizeof(op)))
        return -EFAULT;
    if (op.interface_version != XEN_MCA_INTERFACE_VERSION)
        return -EACCES;
    switch (op.cmd) {
    case XEN_MC_fetch:
        return fetch(arg, &op);
    case XEN_MC_physcpuinfo:
        return cpu_list(arg, &op);
    case XEN_MC_notifydomain:
        return -EINVAL;
    default: /* injection of errors for tests */
        return hypercall_unknown(__HYPERVISOR_mca, op.cmd);
    }
}
