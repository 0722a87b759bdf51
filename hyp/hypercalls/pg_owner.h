/* SPDX-License-Identifier: MIT */
/* `foreigndom`: whose frames a memory hypercall of current is about. */
#ifndef HYP_HYPERCALLS_PG_OWNER_H
#define HYP_HYPERCALLS_PG_OWNER_H

#include "hypercalls/hypercalls.h"

/* Flag in the count argument of mmu_update and mmuext_op: a continuation. Alone, without a list, it only
 * finishes what is left over. */
#define UPDATE_PREEMPTED 0x80000000u

struct pg_owner {
    struct mm_owner *mm;
    struct domain *ref; /* reference to give back, or NULL */
};

/*
 * DOMID_SELF, DOMID_IO, DOMID_XEN (privileged callers only) or another domain's id (likewise). -ESRCH: no
 * such domain, or the caller's own id, which must be written DOMID_SELF; -EPERM.
 */
int pg_owner_get(u16 domid, struct pg_owner *o);
static inline void pg_owner_put(struct pg_owner *o)
{
    if (o->ref)
        domain_put(o->ref);
}

/* How many requests a batch had done before it was preempted, and how many it has done now: an optional word
 * of the guest, whose failure to be there is the guest's business. */
static inline u32 done_read(u64 pdone)
{
    u32 done = 0;

    if (pdone && copy_from_guest(&done, pdone, sizeof(done)))
        return 0;
    return done;
}
static inline void done_write(u64 pdone, u32 done)
{
    if (pdone && copy_to_guest(pdone, &done, sizeof(done)))
        return;
}

/* CPUs on which the vCPUs of current's domain in the guest's bitmap run. -EFAULT. */
int vcpu_bitmap_to_cpus(u64 bitmap, cpumask_t *mask);

#endif
