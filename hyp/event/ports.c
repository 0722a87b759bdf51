/* SPDX-License-Identifier: MIT */
/* Which ports of a domain are taken, and the memory behind them. */
#include "event/ports.h"
#include "cpu/processor.h"
#include "lib/errno.h"
#include "lib/printk.h"
#include "mm/alloc.h"

/* The lowest free port, or something beyond max_port. */
static u32 lowest_free(const struct evtchn_domain *e)
{
    return (u32)find_next_zero_bit(e->used, e->max_port + 1UL, e->first_free);
}

int evtchn_port_take(struct evtchn_domain *e, struct evtchn chn, u32 *port)
{
    u32 p = lowest_free(e);
    struct evtchn *slot;

    if (e->dying)
        return -EINVAL;
    if (p > e->max_port)
        return -ENOSPC;
    slot = evtchn_slot(e, p);
    if (!slot)
        return -EAGAIN;
    ASSERT(slot->state == EVTCHNSTAT_closed);
    *slot = chn;
    set_bit(e->used, p);
    e->first_free = p + 1;
    e->in_use++;
    *port = p;
    return 0;
}

void evtchn_port_release(struct domain *d, u32 port)
{
    struct evtchn_domain *e = d->evtchn;
    struct evtchn *chn = evtchn_slot(e, port);

    *chn = (struct evtchn){.state = EVTCHNSTAT_closed};
    /* The next owner of the number must not start with an event of the last one. */
    if (d->shared_info)
        atomic_test_and_clear_bit(d->shared_info->evtchn_pending, port);
    clear_bit(e->used, port);
    e->first_free = MIN(e->first_free, port);
    e->in_use--;
}

static int evtchn_grow(struct evtchn_domain *e)
{
    struct evtchn *b = hyp_zalloc(EVTCHN_BUCKET * sizeof(*b));
    int rc = 0;

    if (!b)
        return -ENOMEM;

    u64 flags = spin_lock_irqsave(&e->lock);
    u32 p = lowest_free(e);

    if (p > e->max_port) {
        rc = -ENOSPC;
    } else if (!e->bucket[p / EVTCHN_BUCKET]) {
        /* Cleared memory first, then the pointer: handlers look without the lock. */
        __atomic_store_n(&e->bucket[p / EVTCHN_BUCKET], b, __ATOMIC_RELEASE);
        b = NULL;
    }
    spin_unlock_irqrestore(&e->lock, flags);
    hyp_free(b);
    return rc;
}

bool evtchn_try_again(struct evtchn_domain *e, int *rc)
{
    if (likely(*rc != -EAGAIN))
        return false;
    *rc = evtchn_grow(e);
    return *rc == 0;
}

u64 evtchn_lock_both(struct evtchn_domain *a, struct evtchn_domain *b)
{
    u64 flags = local_irq_save();

    spin_lock_pair(&a->lock, &b->lock);
    return flags;
}

void evtchn_unlock_both(struct evtchn_domain *a, struct evtchn_domain *b, u64 flags)
{
    spin_unlock_pair(&a->lock, &b->lock);
    local_irq_restore(flags);
}

bool evtchn_port_valid(struct domain *d, u32 port)
{
    return evtchn_slot(d->evtchn, port) != NULL;
}
