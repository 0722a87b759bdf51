/* SPDX-License-Identifier: MIT */
/* HYPERVISOR_sysctl: decoding, privilege, lock; what tools ask most. The machine's description is in
 * sysctl_info.c,
 * the scheduler in sysctl_sched.c. */
#include "hypercalls/sysctl.h"
#include "cpu/console.h"
#include "cpu/smp.h"
#include "hypercalls/control.h"
#include "hypercalls/hypercalls.h"
#include "hypercalls/policy.h"
#include "mm/alloc.h"
#include "sched/sched.h"

#define CHUNK 512

/* The whole ring, or what came after `index`; at most `count` bytes. */
static long read_console(struct xen_sysctl *op)
{
    struct xen_sysctl_readconsole *r = &op->u.readconsole;
    u32 index = r->incremental ? r->index : 0, done = 0;

    while (done < r->count) {
        char chunk[CHUNK];
        size_t want = MIN(r->count - done, sizeof(chunk)), n = console_ring_read(chunk, want, &index, false);

        if (!n)
            break;
        if (copy_to_guest((u64)r->buffer.p + done, chunk, n))
            return -EFAULT;
        done += (u32)n;
    }
    if (r->clear) {
        char none;

        console_ring_read(&none, 0, &index, true);
    }
    r->count = done;
    r->index = index;
    return 0;
}

static long domain_list(struct xen_sysctl *op)
{
    struct xen_sysctl_getdomaininfolist *l = &op->u.getdomaininfolist;
    unsigned next = l->first_domain;
    u32 n = 0;

    while (n < l->max_domains) {
        struct xen_domctl_getdomaininfo info;
        struct domain *d = domain_get_next(next);

        if (!d)
            break;
        domain_info_fill(d, &info);
        next = d->id + 1u;
        domain_put(d);
        if (copy_to_guest((u64)l->buffer.p + n * sizeof(info), &info, sizeof(info)))
            return -EFAULT;
        n++;
    }
    l->num_domains = n;
    return 0;
}

static long cpu_times(struct xen_sysctl *op)
{
    struct xen_sysctl_getcpuinfo *c = &op->u.getcpuinfo;
    u32 n = MIN(c->max_cpus, cpu_count);

    for (u32 i = 0; i < n; i++) {
        struct xen_sysctl_cpuinfo info = {.idletime = sched_idle_time(i)};

        if (copy_to_guest((u64)c->info.p + i * sizeof(info), &info, sizeof(info)))
            return -EFAULT;
    }
    c->nr_cpus = n;
    return 0;
}

static long free_memory(struct xen_sysctl *op)
{
    /* One node, one kind of memory: no difference is made by address width. */
    op->u.availheap.avail_bytes = free_page_count() << PAGE_SHIFT;
    return 0;
}

/* A policy by its number among the first `n` of one of the interface's two lists: up to `host` the machine's
 * own, some of the others HVM's. */
static long kind_of(u32 index, u32 host, u64 hvm, u32 n, enum policy_kind *kind)
{
    *kind = index <= host ? POLICY_HOST : POLICY_PV;
    if (index >= n)
        return -EINVAL;
    return hvm >> index & 1 ? -EOPNOTSUPP : 0;
}

static long cpu_policy(struct xen_sysctl *op)
{
    struct xen_sysctl_cpu_policy *p = &op->u.cpu_policy;
    enum policy_kind kind;
    long r = p->_rsvd
                 ? -EINVAL
                 : kind_of(p->index, XEN_SYSCTL_cpu_policy_host,
                           1UL << XEN_SYSCTL_cpu_policy_hvm_max | 1UL << XEN_SYSCTL_cpu_policy_hvm_default,
                           XEN_SYSCTL_cpu_policy_hvm_default + 1, &kind);

    if (!r)
        r = policy_leaves_to_guest(NULL, kind, (u64)p->leaves.p, &p->nr_leaves);
    return r ? r : policy_msrs_to_guest((u64)p->msrs.p, &p->nr_msrs);
}

static long cpu_features(struct xen_sysctl *op)
{
    struct xen_sysctl_cpu_featureset *f = &op->u.cpu_featureset;
    u32 words[FEATURE_WORDS], n = MIN(f->nr_features, FEATURE_WORDS);
    enum policy_kind kind;
    long r;

    if (!f->features.p) {
        f->nr_features = FEATURE_WORDS;
        return 0;
    }
    r = kind_of(f->index, XEN_SYSCTL_cpu_featureset_host,
                1UL << XEN_SYSCTL_cpu_featureset_hvm | 1UL << XEN_SYSCTL_cpu_featureset_hvm_max,
                XEN_SYSCTL_cpu_featureset_hvm_max + 1, &kind);
    if (r)
        return r;
    policy_features(kind, words);
    if (copy_to_guest((u64)f->features.p, words, n * sizeof(words[0])))
        return -EFAULT;
    f->nr_features = n;
    return n < FEATURE_WORDS ? -ENOBUFS : 0;
}

static sysctl_fn *const ops[] = {
    [XEN_SYSCTL_readconsole] = read_console,     [XEN_SYSCTL_physinfo] = sysctl_physinfo,
    [XEN_SYSCTL_sched_id] = sysctl_sched_id,     [XEN_SYSCTL_getdomaininfolist] = domain_list,
    [XEN_SYSCTL_debug_keys] = sysctl_debug_keys, [XEN_SYSCTL_getcpuinfo] = cpu_times,
    [XEN_SYSCTL_availheap] = free_memory,        [XEN_SYSCTL_cputopoinfo] = sysctl_cpu_topology,
    [XEN_SYSCTL_numainfo] = sysctl_numa,         [XEN_SYSCTL_pcitopoinfo] = sysctl_pci_topology,
    [XEN_SYSCTL_cpupool_op] = sysctl_cpu_pool,   [XEN_SYSCTL_scheduler_op] = sysctl_scheduler,
    [XEN_SYSCTL_get_cpu_policy] = cpu_policy,    [XEN_SYSCTL_get_cpu_featureset] = cpu_features,
};

long do_sysctl(u64 arg, u64, u64, u64, u64)
{
    struct xen_sysctl op;
    long r;

    if (copy_from_guest(&op, arg, sizeof(op)))
        return -EFAULT;
    if (op.interface_version != XEN_SYSCTL_INTERFACE_VERSION)
        return -EACCES;
    if (!current->domain->privileged)
        return -EPERM;
    if (op.cmd >= ARRAY_SIZE(ops) || !ops[op.cmd])
        return hypercall_unknown(__HYPERVISOR_sysctl, op.cmd);
    if (!control_lock())
        return hypercall_continue(__HYPERVISOR_sysctl, 1, arg, 0, 0, 0, 0);
    r = ops[op.cmd](&op);
    control_unlock();
    /* -ENOBUFS comes with what did fit. */
    if ((r == 0 || r == -ENOBUFS) && copy_to_guest(arg, &op, sizeof(op)))
        return -EFAULT;
    return r;
}
