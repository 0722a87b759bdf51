/* SPDX-License-Identifier: MIT */
/* Arguments that the memory hypercalls have in common. */
#include "hypercalls/pg_owner.h"

int pg_owner_get(u16 domid, struct pg_owner *o)
{
    struct domain *self = current->domain;

    o->ref = NULL;
    if (likely(domid == DOMID_SELF)) {
        o->mm = mm_of(self);
        return 0;
    }
    if (domid == self->id)
        return -ESRCH;
    if (domid == DOMID_IO) {
        /* What of it may be mapped depends on the tables' owner. */
        o->mm = &mm_owner_io;
        return 0;
    }
    if (domid == DOMID_XEN) {
        o->mm = &mm_owner_xen;
        return self->privileged ? 0 : -EPERM;
    }
    o->ref = domain_get(domid);
    if (!o->ref)
        return -ESRCH;
    if (!self->privileged) {
        domain_put(o->ref);
        return -EPERM;
    }
    o->mm = mm_of(o->ref);
    return 0;
}

int vcpu_bitmap_to_cpus(u64 bitmap, cpumask_t *mask)
{
    struct domain *d = current->domain;

    *mask = (cpumask_t){};
    /* The entry changed before; a vCPU that is loaded elsewhere from now on walks the new tables. */
    smp_mb();
    for (unsigned base = 0; base < d->max_vcpus; base += 64) {
        u64 word;

        if (get_guest_u64(&word, bitmap + base / 8))
            return -EFAULT;
        for (; word; word &= word - 1) {
            unsigned id = base + (unsigned)__builtin_ctzl(word);
            if (id >= d->max_vcpus)
                break;
            unsigned cpu = READ_ONCE(d->vcpu[id]->cpu);
            if (cpumask_test(&d->mm.dirty_cpus, cpu))
                cpumask_set(mask, cpu);
        }
    }
    return 0;
}
