/* SPDX-License-Identifier: MIT */
/* domctl: the CPUID policy of a domain. */
#include "hypercalls/control.h"
#include "hypercalls/hypercalls.h"
#include "hypercalls/policy.h"
#include "mm/alloc.h"

/* More than any CPU lists; what a caller may make us hold. */
#define LEAVES_MAX 512

long domctl_get_policy(struct domain *d, struct xen_domctl *op)
{
    struct xen_domctl_cpu_policy *p = &op->u.cpu_policy;
    long r = policy_leaves_to_guest(d, POLICY_PV, (u64)p->leaves.p, &p->nr_leaves);

    return r ? r : policy_msrs_to_guest((u64)p->msrs.p, &p->nr_msrs);
}

/* A limit (highest leaf or subleaf) beyond what we have cannot be honoured. */
static bool limit_too_high(const xen_cpuid_leaf_t *l)
{
    struct cpuid_leaf ours;

    if (l->leaf != 0 && l->leaf != 0x80000000u && !(l->leaf == 7 && l->subleaf == 0))
        return false;
    policy_cpuid(POLICY_PV, l->leaf, 0, &ours);
    return l->a > ours.a;
}

/*
 * Feature bits that we do not offer are taken away, not refused: tools set some (HTT, CMP_LEGACY) from the
 * host's CPUID for guests that can see that anyway.
 */
static void clamp(xen_cpuid_leaf_t *l)
{
    struct cpuid_leaf ours;

    policy_cpuid(POLICY_PV, l->leaf, l->subleaf == XEN_CPUID_NO_SUBLEAF ? 0 : l->subleaf, &ours);
    switch (l->leaf) {
    case 1:
    case 0x80000001u:
        l->c &= ours.c;
        l->d &= ours.d;
        break;
    case 7:
        l->b &= ours.b;
        l->c &= ours.c;
        l->d &= ours.d;
        l->a = l->subleaf == 0 || l->subleaf == XEN_CPUID_NO_SUBLEAF ? l->a : l->a & ours.a;
        break;
    case 0xd: /* sizes and offsets are the hardware's */
        if (l->subleaf == 0) {
            l->a &= ours.a;
            l->d &= ours.d;
            l->c = ours.c;
        } else {
            *l = (xen_cpuid_leaf_t){
                .leaf = l->leaf, .subleaf = l->subleaf, .a = ours.a, .b = ours.b, .c = ours.c, .d = ours.d};
        }
        break;
    case 0x80000007u:
        l->d &= ours.d;
        break;
    case 0x80000008u:
        l->b &= ours.b;
        break;
    default:
        break;
    }
}

/* Replaces or adds one leaf. */
static bool put_leaf(struct xen_cpuid_leaf_list *list, unsigned room, const xen_cpuid_leaf_t *l)
{
    unsigned i = 0;

    while (i < list->count && (list->leaf[i].leaf != l->leaf || list->leaf[i].subleaf != l->subleaf))
        i++;
    if (i == room)
        return false;
    list->leaf[i] = *l;
    if (i == list->count)
        list->count++;
    return true;
}

/* The leaves in force now, with the given ones in their place. */
static long merge_leaves(const struct domain *d, struct xen_domctl_cpu_policy *p,
                         struct xen_cpuid_leaf_list *list, unsigned room)
{
    list->count = MIN(room, domain_policy_leaves(d, list->leaf, room));
    for (u32 i = 0; i < p->nr_leaves; i++) {
        xen_cpuid_leaf_t l;

        if (copy_from_guest(&l, (u64)p->leaves.p + i * sizeof(l), sizeof(l)))
            return -EFAULT;
        if (limit_too_high(&l)) {
            p->err_leaf = l.leaf;
            p->err_subleaf = l.subleaf;
            return -EINVAL;
        }
        clamp(&l);
        if (!put_leaf(list, room, &l))
            return -E2BIG;
    }
    return 0;
}

/* Nothing can be set in the registers that a policy has. */
static long check_msrs(struct xen_domctl_cpu_policy *p)
{
    for (u32 i = 0; i < p->nr_msrs; i++) {
        xen_msr_entry_t m;

        if (copy_from_guest(&m, (u64)p->msrs.p + i * sizeof(m), sizeof(m)))
            return -EFAULT;
        if (m.val || m.flags) {
            p->err_msr = m.idx;
            return -EINVAL;
        }
    }
    return 0;
}

long domctl_set_policy(struct domain *d, struct xen_domctl *op)
{
    struct xen_domctl_cpu_policy *p = &op->u.cpu_policy;
    struct xen_cpuid_leaf_list *list;
    void *old;
    long r;

    p->err_leaf = p->err_subleaf = p->err_msr = ~0u;
    if (d->creation_finished)
        return -EEXIST;
    if (p->nr_leaves > LEAVES_MAX || p->nr_msrs > POLICY_MSRS_MAX)
        return -E2BIG;
    list = hyp_zalloc(sizeof(*list) + LEAVES_MAX * sizeof(list->leaf[0]));
    if (!list)
        return -ENOMEM;
    r = merge_leaves(d, p, list, LEAVES_MAX);
    if (!r)
        r = check_msrs(p);
    if (r) {
        hyp_free(list);
        return r;
    }
    domain_pause(d);
    old = d->cpuid_custom;
    d->cpuid_custom = list;
    domain_unpause(d);
    hyp_free(old);
    return 0;
}
