/* SPDX-License-Identifier: MIT */
/*
 * The PV CPUID policy: what a guest kernel is told. Host leaves pass through masks; docs/abi-coverage.md
 * section "CPUID" says why each feature is hidden. A domain may have a list of leaves set by the toolstack
 * instead, which was checked to be a subset.
 */
#ifndef HYP_DOMAIN_CPUID_H
#define HYP_DOMAIN_CPUID_H

#include <xen/arch-x86/xen.h>
#include "cpu/processor.h"
#include "domain/domain.h"

struct xen_cpuid_leaf_list {
    unsigned count;
    xen_cpuid_leaf_t leaf[];
};

enum policy_kind { POLICY_HOST, POLICY_PV };

/* One leaf of a policy, independent of any vCPU (APIC id 0, XSAVE size for all components). */
void policy_cpuid(enum policy_kind kind, u32 leaf, u32 sub, struct cpuid_leaf *out);
/* All leaves of a policy as the domctl/sysctl interface lists them. Returns how many there are; at most `max`
 * are stored. */
unsigned policy_leaves(enum policy_kind kind, xen_cpuid_leaf_t *buf, unsigned max);
/* The same for a domain (its own list or POLICY_PV). */
unsigned domain_policy_leaves(const struct domain *d, xen_cpuid_leaf_t *buf, unsigned max);

#endif
