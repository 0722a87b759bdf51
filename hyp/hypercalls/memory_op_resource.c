/* SPDX-License-Identifier: MIT */
/* XENMEM_acquire_resource: frames of another domain's grant table for the tools to map. */
#include "grant/grant.h"
#include "hypercalls/memory_op.h"

#define BATCH 32

/* Up to BATCH frames from `first` on, into the caller's list. */
static long give_frames(struct domain *d, u32 first, u64 list, u32 n)
{
    u64 mfns[BATCH];

    for (u32 i = 0; i < n; i++) {
        mfn_t mfn;
        int rc = grant_table_get_frame(d, first + i, &mfn);

        if (rc)
            return rc;
        mfns[i] = mfn_x(mfn);
    }
    return copy_to_guest(list, mfns, n * sizeof(u64)) ? -EFAULT : 0;
}

static long acquire(struct domain *d, const struct xen_mem_acquire_resource *op, u64 start, u64 arg)
{
    u32 n;

    if (start >= op->nr_frames || op->nr_frames > 0xffffffffu >> MEMOP_CMD_BITS)
        return -EINVAL;
    for (u32 done = (u32)start; done < op->nr_frames; done += n) {
        if (done != start && hypercall_preempt_needed())
            return memory_op_continue(XENMEM_acquire_resource, done, arg);
        n = MIN(op->nr_frames - done, (u32)BATCH);
        long rc = give_frames(d, (u32)op->frame + done, (u64)op->frame_list.p + done * sizeof(u64), n);
        if (rc)
            return rc;
    }
    return 0;
}

long memory_op_acquire_resource(u64 start, u64 arg)
{
    struct xen_mem_acquire_resource op;
    struct domain *d;
    long rc = -EINVAL;

    if (copy_from_guest(&op, arg, sizeof(op)))
        return -EFAULT;
    if (op.pad || op.frame >> 32 || (op.frame + op.nr_frames) >> 32)
        return -EINVAL;
    if (op.domid == DOMID_SELF || op.domid == current->domain->id)
        return -EPERM;
    d = domain_get(op.domid);
    if (!d)
        return -ESRCH;
    if (!current->domain->privileged) {
        rc = -EPERM;
    } else if (op.type != XENMEM_resource_grant_table) {
        rc = -EOPNOTSUPP;
    } else if (op.id == XENMEM_resource_grant_table_id_shared) {
        if (op.frame_list.p) {
            rc = acquire(d, &op, start, arg);
        } else if (!op.nr_frames && !start) {
            op.nr_frames = d->max_grant_frames;
            rc = copy_to_guest(arg, &op, sizeof(op)) ? -EFAULT : 0;
        }
    }
    domain_put(d);
    return rc;
}
