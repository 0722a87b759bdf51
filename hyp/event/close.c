/* SPDX-License-Identifier: MIT */
/* Closing ports: one, all of a living domain, all of a dying one; the room's part in a domain's life. */
#include "event/ports.h"
#include "event/pirq.h"
#include "cpu/softirq.h"
#include "lib/errno.h"
#include "lib/printk.h"
#include "mm/alloc.h"

/*
 * The lock of d is held, and that of `peer` too when it is not NULL. If the port turns out to be bound to a
 * domain whose lock is not held: -EAGAIN with a reference to that domain in *wanted.
 */
static int close_locked(struct domain *d, u32 port, struct domain *peer, struct domain **wanted)
{
    struct evtchn *chn = evtchn_slot(d->evtchn, port), *rchn;

    if (!chn)
        return -EINVAL;
    switch (chn->state) {
    case EVTCHNSTAT_closed:
        return -EINVAL;
    case EVTCHNSTAT_virq:
        /* A global one may have been moved to another vCPU, but is looked up at vCPU 0. */
        d->vcpu[virq_is_global(chn->virq) ? 0 : chn->vcpu]->virq_to_port[chn->virq] = 0;
        break;
    case EVTCHNSTAT_pirq:
        pirq_unbind(d, chn->pirq, port); /* returns when no handler is at this port any more */
        break;
    case EVTCHNSTAT_interdomain:
        if (chn->peer.dom != d && chn->peer.dom != peer) {
            /* Bound, so not freed: freeing closes its ports first, and that takes our lock. */
            bool alive = domain_ref(chn->peer.dom);

            ASSERT(alive);
            (void)alive;
            *wanted = chn->peer.dom;
            return -EAGAIN;
        }
        ASSERT(chn->peer.dom);
        rchn = evtchn_slot(chn->peer.dom->evtchn, chn->peer.port);
        ASSERT(rchn->state == EVTCHNSTAT_interdomain && rchn->peer.dom == d && rchn->peer.port == port);
        rchn->unbound_for = d->id;
        rchn->state = EVTCHNSTAT_unbound;
        break;
    default:
        break;
    }
    evtchn_port_release(d, port);
    return 0;
}

int evtchn_close(struct domain *d, u32 port)
{
    struct domain *peer = NULL;
    int rc;

    do {
        struct evtchn_domain *other = peer ? peer->evtchn : d->evtchn;
        struct domain *wanted = NULL;
        u64 flags = evtchn_lock_both(d->evtchn, other);

        rc = close_locked(d, port, peer, &wanted);
        evtchn_unlock_both(d->evtchn, other, flags);
        if (peer)
            domain_put(peer);
        peer = wanted;
    } while (peer);
    return rc;
}

#define CLOSE_BATCH 64u

/* Lowest first, until none is left. */
static int close_all(struct domain *d)
{
    struct evtchn_domain *e = d->evtchn;
    unsigned done = 0;

    for (u32 port = 1;; port++) {
        port = (u32)find_next_bit(e->used, e->max_port + 1UL, port);
        if (port > e->max_port)
            return 0;
        if (done++ >= CLOSE_BATCH && softirq_is_pending(this_cpu_id()))
            return -ERESTART;
        (void)evtchn_close(d, port); /* -EINVAL: another vCPU was faster */
    }
}

int evtchn_reset(struct domain *d)
{
    if (d != current->domain && !READ_ONCE(d->controller_pause_count))
        return -EINVAL;
    return close_all(d);
}

static int evtchn_domain_create(struct domain *d, const struct xen_domctl_createdomain *cfg)
{
    struct evtchn_domain *e = hyp_zalloc(sizeof(*e));

    if (!e)
        return -ENOMEM;
    spin_lock_init(&e->lock, LOCK_EVTCHN);
    e->max_port = MIN(cfg->max_evtchn_port, EVTCHN_MAX_PORT);
    e->first_free = 1; /* port 0 means "none" in the ABI */
    d->evtchn = e;
    return 0;
}

static int evtchn_domain_kill(struct domain *d)
{
    struct evtchn_domain *e = d->evtchn;
    u64 flags;

    if (!e)
        return 0;
    flags = spin_lock_irqsave(&e->lock);
    e->dying = true;
    spin_unlock_irqrestore(&e->lock, flags);
    return close_all(d);
}

static void evtchn_domain_free(struct domain *d)
{
    struct evtchn_domain *e = d->evtchn;

    if (!e)
        return;
    ASSERT(!e->in_use);
    for (unsigned i = 0; i < ARRAY_SIZE(e->bucket); i++)
        hyp_free(e->bucket[i]);
    hyp_free(e);
    d->evtchn = NULL;
}

const struct domain_unit evtchn_unit = {
    .domain_create = evtchn_domain_create,
    .domain_kill = evtchn_domain_kill,
    .domain_free = evtchn_domain_free,
};
