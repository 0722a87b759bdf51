/* SPDX-License-Identifier: MIT */
/* Hypercalls that this hypervisor refuses, each with the errno that its callers know how to live with. */
#include "hypercalls/hypercalls.h"

/* Security modules: tools take -ENOSYS, and nothing else, for "none". */
long do_xsm_op(u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    (void)a1, (void)a2, (void)a3, (void)a4, (void)a5;
    return -ENOSYS;
}

/* Virtual performance counters. */
long do_xenpmu_op(u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    (void)a1, (void)a2, (void)a3, (void)a4, (void)a5;
    return -EOPNOTSUPP;
}
