/* SPDX-License-Identifier: MIT */
/* Operations that guests asked for and that are not here: how often, for whoever wonders why a client fails;
 * and hypercalls that are refused with an errno that their callers know how to live with. */
#include "hypercalls/control.h"
#include "hypercalls/hypercalls.h"
#include "lib/printk.h"

#define NR_HYPERCALLS 64
#define NR_OPS        96 /* the last one stands for all from there on */

static u32 counts[NR_HYPERCALLS][NR_OPS];

/* The first of each kind is named in the log: a bounded number of lines in all, whatever guests do. */
long hypercall_unknown(u64 nr, u64 op)
{
    u32 *count = &counts[MIN(nr, NR_HYPERCALLS - 1UL)][MIN(op, NR_OPS - 1UL)];

    if (!__atomic_fetch_add(count, 1, __ATOMIC_RELAXED))
        printk(LOG_DEBUG, "d%u: hypercall %lu, operation %lu is not known\n", current->domain->id, nr, op);
    return -ENOSYS;
}

void hypercall_unknown_dump(void)
{
    for (unsigned nr = 0; nr < NR_HYPERCALLS; nr++)
        for (unsigned op = 0; op < NR_OPS; op++)
            if (counts[nr][op])
                printk(LOG_INFO, "unknown: hypercall %u, operation %u%s: %u times\n", nr, op,
                       op == NR_OPS - 1 ? " or more" : "", counts[nr][op]);
}

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
