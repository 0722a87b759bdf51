/* SPDX-License-Identifier: MIT */
#include "hypercalls/policy.h"
#include "hypercalls/hypercalls.h"
#include "mm/alloc.h"

#define MSR_PLATFORM_INFO     0xce
#define MSR_ARCH_CAPABILITIES 0x10a

static unsigned leaves_of(const struct domain *d, enum policy_kind kind, xen_cpuid_leaf_t *buf, unsigned max)
{
    return d ? domain_policy_leaves(d, buf, max) : policy_leaves(kind, buf, max);
}

long policy_leaves_to_guest(const struct domain *d, enum policy_kind kind, u64 dst, u32 *n)
{
    unsigned count = leaves_of(d, kind, NULL, 0);
    xen_cpuid_leaf_t *buf;
    long r = 0;

    if (!dst) {
        *n = MAX(count, (unsigned)POLICY_LEAVES_MAX);
        return 0;
    }
    if (*n < count)
        return -ENOBUFS;
    buf = hyp_zalloc(count * sizeof(*buf));
    if (!buf)
        return -ENOMEM;
    count = MIN(count, leaves_of(d, kind, buf, count));
    if (copy_to_guest(dst, buf, count * sizeof(*buf)))
        r = -EFAULT;
    else
        *n = count;
    hyp_free(buf);
    return r;
}

long policy_msrs_to_guest(u64 dst, u32 *n)
{
    static const xen_msr_entry_t msrs[POLICY_MSRS_MAX] = {{.idx = MSR_PLATFORM_INFO},
                                                          {.idx = MSR_ARCH_CAPABILITIES}};

    if (dst) {
        if (*n < POLICY_MSRS_MAX)
            return -ENOBUFS;
        if (copy_to_guest(dst, msrs, sizeof(msrs)))
            return -EFAULT;
    }
    *n = POLICY_MSRS_MAX;
    return 0;
}

void policy_features(enum policy_kind kind, u32 words[FEATURE_WORDS])
{
    struct cpuid_leaf l1, l7, l7_1, d1, e1, e7, e8, e21;

    policy_cpuid(kind, 1, 0, &l1);
    policy_cpuid(kind, 7, 0, &l7);
    policy_cpuid(kind, 7, 1, &l7_1);
    policy_cpuid(kind, 0xd, 1, &d1);
    policy_cpuid(kind, 0x80000001, 0, &e1);
    policy_cpuid(kind, 0x80000007, 0, &e7);
    policy_cpuid(kind, 0x80000008, 0, &e8);
    policy_cpuid(kind, 0x80000021, 0, &e21);
    const u32 in_order[FEATURE_WORDS] = {l1.d, l1.c, e1.d, e1.c,   d1.a,  l7.b,  l7.c,
                                         e7.d, e8.b, l7.d, l7_1.a, e21.a, l7_1.b};
    for (unsigned i = 0; i < FEATURE_WORDS; i++)
        words[i] = in_order[i];
}
