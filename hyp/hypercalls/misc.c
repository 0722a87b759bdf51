/* SPDX-License-Identifier: MIT */
/* Hypercalls that this hypervisor refuses, each with the errno that its callers know how to live with. */
#include "hypercalls/hypercalls.h"

/* Security modules: tools take -ENOSYS, and nothing else, for "none". */
long do_xsm_op(u64, u64, u64, u64, u64)
{
    return -ENOSYS;
}

/* Virtual performance counters. */
long do_xenpmu_op(u64, u64, u64, u64, u64)
{
    return -EOPNOTSUPP;
}
