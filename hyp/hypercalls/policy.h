/* SPDX-License-Identifier: MIT */
/* CPUID and MSR policies on their way to and from tools; shared by domctl and sysctl. */
#ifndef HYP_HYPERCALLS_POLICY_H
#define HYP_HYPERCALLS_POLICY_H

#include "domain/cpuid.h"

#define POLICY_MSRS_MAX 2 /* PLATFORM_INFO, ARCH_CAPABILITIES */
/* What the size query says at least: libxenctrl fills a buffer of that size with all leaves that its own idea
 * of a policy has, about 125. */
#define POLICY_LEAVES_MAX 160

/*
 * The leaves of `d`, or of `kind` when d is NULL, to an array of *n entries at guest address `dst`; *n
 * becomes how many were written. With dst 0: only how many there can be. -ENOBUFS: too small an array,
 * -EFAULT, -ENOMEM.
 */
long policy_leaves_to_guest(const struct domain *d, enum policy_kind kind, u64 dst, u32 *n);
/* The MSRs of a policy; the same for all: neither register has anything in it. */
long policy_msrs_to_guest(u64 dst, u32 *n);

/* Words of Xen's feature numbering, as "featureset" queries list them. */
#define FEATURE_WORDS 13
void policy_features(enum policy_kind kind, u32 words[FEATURE_WORDS]);

#endif
