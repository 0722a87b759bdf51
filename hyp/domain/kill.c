/* SPDX-License-Identifier: MIT */
/*
 * The end of a domain, in steps that can be interrupted: stop its vCPUs, let every room give up what it
 * holds, drop roots and descriptor tables, release all memory. What others still map stays until they let go;
 * the struct goes with the last frame.
 */
#include "domain/life.h"
#include "cpu/percpu.h"
#include "cpu/softirq.h"
#include "domain/above.h"
#include "lib/errno.h"
#include "mm/alloc.h"
#include "mm/pagetable.h"

enum stage { STAGE_STOP, STAGE_UNITS, STAGE_VCPUS, STAGE_SHARED, STAGE_MEMORY, STAGE_DONE };

int kill_units(struct domain *d)
{
    unsigned n = 0;

    while (domain_units[n])
        n++;
    while (n--) {
        int rc = domain_units[n]->domain_kill ? domain_units[n]->domain_kill(d) : 0;

        if (rc)
            return rc;
    }
    return 0;
}

/* From here on nobody writes there: vcpu_info of each vCPU is the dummy. */
static void drop_shared_info(struct domain *d)
{
    struct vcpu *v;

    for_each_vcpu (d, v)
        WRITE_ONCE(v->info, &dummy_vcpu_info);
    free_shared_page(d->shared_info);
    d->shared_info = NULL;
}

static int run_stage(struct domain *d)
{
    struct vcpu *v;

    switch (d->destroy_stage) {
    case STAGE_STOP:
        domain_pause(d);
        return 0;
    case STAGE_UNITS:
        return kill_units(d);
    case STAGE_VCPUS:
        for_each_vcpu (d, v)
            vcpu_reset(v);
        return 0;
    case STAGE_SHARED:
        drop_shared_info(d);
        return 0;
    case STAGE_MEMORY:
        return mm_relinquish(&d->mm);
    default:
        return 0;
    }
}

/* Drops the list's reference, once, when the domain is dead and no frame refers to it. */
static void reap_if_drained(struct domain *d)
{
    bool reap;

    spin_lock(&d->lock);
    /* Under the lock: whoever took the last frame off the list is done with it. */
    spin_lock(&d->mm.page_lock);
    reap = d->dying == DOM_DEAD && !d->reaped && !mm_owner_has_frames(&d->mm);
    spin_unlock(&d->mm.page_lock);
    if (reap)
        d->reaped = true;
    spin_unlock(&d->lock);
    if (!reap)
        return;
    domain_put(d);
    domain_exception();
}

int domain_kill(struct domain *d)
{
    int rc;

    if (d == current->domain || d->privileged)
        return -EINVAL;
    spin_lock(&d->lock);
    d->dying = d->dying == DOM_ALIVE ? DOM_DYING : d->dying;
    WRITE_ONCE(d->mm.dying, true);
    spin_unlock(&d->lock);
    while (d->destroy_stage < STAGE_DONE) {
        rc = run_stage(d);
        if (rc)
            return rc;
        d->destroy_stage++;
    }
    spin_lock(&d->lock);
    d->dying = DOM_DEAD;
    spin_unlock(&d->lock);
    domain_exception();
    reap_if_drained(d);
    return 0;
}

/* Locks of the memory room may be held: only note it. */
void mm_owner_drained(struct mm_owner *)
{
    softirq_raise(SOFTIRQ_REAP);
}

static void reap(void)
{
    struct domain *d;

    for_each_domain (d)
        reap_if_drained(d);
}

void kill_init(void)
{
    softirq_register(SOFTIRQ_REAP, reap);
}
