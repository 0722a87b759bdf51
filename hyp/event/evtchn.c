/* SPDX-License-Identifier: MIT */
/* Binding, sending on, and asking about ports. Closing is in close.c, delivery in two_level.c. */
#include "event/ports.h"
#include "event/pirq.h"
#include "lib/errno.h"
#include "lib/printk.h"

static int bind_simple(struct evtchn_domain *e, struct evtchn chn, u32 *port)
{
    int rc;

    do {
        u64 flags = spin_lock_irqsave(&e->lock);

        rc = evtchn_port_take(e, chn, port);
        spin_unlock_irqrestore(&e->lock, flags);
    } while (evtchn_try_again(e, &rc));
    return rc;
}

int evtchn_alloc_unbound(struct domain *d, u16 remote, u32 *port)
{
    return bind_simple(d->evtchn, (struct evtchn){.state = EVTCHNSTAT_unbound, .unbound_for = remote}, port);
}

int evtchn_bind_ipi(struct domain *d, u32 vcpu, u32 *port)
{
    if (vcpu >= d->max_vcpus)
        return -ENOENT;
    return bind_simple(d->evtchn, (struct evtchn){.state = EVTCHNSTAT_ipi, .vcpu = (u16)vcpu}, port);
}

/* Both locks held. */
static int connect_locked(struct domain *ld, struct domain *rd, u32 remote_port, u32 *local_port)
{
    struct evtchn *rchn = evtchn_slot(rd->evtchn, remote_port);
    struct evtchn lchn = {.state = EVTCHNSTAT_interdomain, .peer = {rd, remote_port}};
    int rc;

    if (!rchn || rchn->state != EVTCHNSTAT_unbound || rchn->unbound_for != ld->id)
        return -EINVAL;
    rc = evtchn_port_take(ld->evtchn, lchn, local_port);
    if (rc)
        return rc;
    rchn->peer.dom = ld;
    rchn->peer.port = *local_port;
    rchn->state = EVTCHNSTAT_interdomain;
    /* The peer may have sent before we were bound: never lose that, at the price of one event too many. */
    evtchn_raise(ld, &lchn, *local_port);
    return 0;
}

int evtchn_bind_interdomain(struct domain *ld, u16 remote_dom, u32 remote_port, u32 *local_port)
{
    struct domain *rd = domain_get(remote_dom == DOMID_SELF ? ld->id : remote_dom);
    int rc;

    if (!rd)
        return -ESRCH;
    do {
        u64 flags = evtchn_lock_both(ld->evtchn, rd->evtchn);

        rc = connect_locked(ld, rd, remote_port, local_port);
        evtchn_unlock_both(ld->evtchn, rd->evtchn, flags);
    } while (evtchn_try_again(ld->evtchn, &rc));
    domain_put(rd);
    return rc;
}

static int bind_pirq_locked(struct domain *d, u32 pirq, u32 *port)
{
    int rc = evtchn_port_take(d->evtchn, (struct evtchn){.state = EVTCHNSTAT_pirq, .pirq = pirq}, port);

    if (rc)
        return rc;
    /* Last: from here on the interrupt may come. */
    rc = pirq_bind(d, pirq, *port);
    if (rc)
        evtchn_port_release(d, *port);
    return rc;
}

int evtchn_bind_pirq(struct domain *d, u32 pirq, u32 *port)
{
    struct evtchn_domain *e = d->evtchn;
    int rc;

    do {
        u64 irqflags = spin_lock_irqsave(&e->lock);

        rc = bind_pirq_locked(d, pirq, port);
        spin_unlock_irqrestore(&e->lock, irqflags);
    } while (evtchn_try_again(e, &rc));
    return rc;
}

static int bind_vcpu_locked(struct domain *d, struct evtchn *chn, struct vcpu *v)
{
    switch (chn->state) {
    case EVTCHNSTAT_virq:
        if (!virq_is_global(chn->virq))
            return -EINVAL;
        break;
    case EVTCHNSTAT_pirq:
        if (chn->vcpu != v->id)
            pirq_set_affinity(d, chn->pirq, v->cpu);
        break;
    case EVTCHNSTAT_unbound:
    case EVTCHNSTAT_interdomain:
        break;
    default:
        return -EINVAL;
    }
    WRITE_ONCE(chn->vcpu, (u16)v->id);
    return 0;
}

int evtchn_bind_vcpu(struct domain *d, u32 port, u32 vcpu)
{
    struct evtchn_domain *e = d->evtchn;
    struct evtchn *chn = evtchn_slot(e, port);
    u64 flags;
    int rc;

    if (vcpu >= d->max_vcpus)
        return -ENOENT;
    if (!chn)
        return -EINVAL;
    flags = spin_lock_irqsave(&e->lock);
    rc = bind_vcpu_locked(d, chn, d->vcpu[vcpu]);
    spin_unlock_irqrestore(&e->lock, flags);
    return rc;
}

int evtchn_send(struct domain *d, u32 port)
{
    struct evtchn_domain *e = d->evtchn;
    const struct evtchn *chn = evtchn_slot(e, port);
    u64 flags;
    int rc = 0;

    if (unlikely(!chn))
        return -EINVAL;
    flags = spin_lock_irqsave(&e->lock);
    switch (chn->state) {
    case EVTCHNSTAT_interdomain: {
        /* Our lock keeps the binding: the peer cannot close its end, let alone go, without it. */
        struct domain *rd = chn->peer.dom;

        evtchn_raise(rd, evtchn_slot(rd->evtchn, chn->peer.port), chn->peer.port);
        break;
    }
    case EVTCHNSTAT_ipi:
        evtchn_raise(d, chn, port);
        break;
    case EVTCHNSTAT_unbound: /* the peer has closed, or nobody came yet: nothing to tell the sender */
        break;
    default:
        rc = -EINVAL;
        break;
    }
    spin_unlock_irqrestore(&e->lock, flags);
    return rc;
}

int evtchn_unmask(struct domain *d, u32 port)
{
    struct evtchn_domain *e = d->evtchn;
    const struct evtchn *chn = evtchn_slot(e, port);
    u64 flags;

    if (!chn)
        return -EINVAL;
    flags = spin_lock_irqsave(&e->lock);
    evtchn_raise_if_pending(d, chn, port);
    spin_unlock_irqrestore(&e->lock, flags);
    return 0;
}

int evtchn_status(struct domain *d, struct evtchn_status *s)
{
    struct evtchn_domain *e = d->evtchn;
    const struct evtchn *chn;
    u64 flags;

    if (s->port > e->max_port)
        return -EINVAL;
    s->status = EVTCHNSTAT_closed;
    s->vcpu = 0;
    chn = evtchn_slot(e, s->port);
    if (!chn)
        return 0;
    flags = spin_lock_irqsave(&e->lock);
    s->status = chn->state;
    s->vcpu = chn->vcpu;
    switch (chn->state) {
    case EVTCHNSTAT_unbound:
        s->u.unbound.dom = chn->unbound_for;
        break;
    case EVTCHNSTAT_interdomain:
        s->u.interdomain.dom = chn->peer.dom->id;
        s->u.interdomain.port = chn->peer.port;
        break;
    case EVTCHNSTAT_pirq:
        s->u.pirq = chn->pirq;
        break;
    case EVTCHNSTAT_virq:
        s->u.virq = chn->virq;
        break;
    default:
        break;
    }
    spin_unlock_irqrestore(&e->lock, flags);
    return 0;
}

void evtchn_dump(struct domain *d)
{
    static const char *const names[] = {"closed", "unbound", "interdomain", "pirq", "virq", "ipi"};
    struct evtchn_domain *e = d->evtchn;
    u32 buckets = 0;

    if (!e)
        return;
    for (u32 i = 0; i <= e->max_port / EVTCHN_BUCKET; i++)
        buckets += READ_ONCE(e->bucket[i]) != NULL;
    printk(LOG_INFO, "d%u: %u ports in use, highest allowed %u, room for %u\n", d->id, READ_ONCE(e->in_use),
           e->max_port, buckets * EVTCHN_BUCKET);
    for (u32 port = 1; port <= e->max_port; port++) {
        struct evtchn_status s = {.port = port};

        if (!test_bit(e->used, port) || evtchn_status(d, &s) || s.status == EVTCHNSTAT_closed)
            continue;
        printk(LOG_INFO, "  %4u %s vcpu %u pending %u masked %u\n", port, names[s.status], s.vcpu,
               test_bit(d->shared_info->evtchn_pending, port), test_bit(d->shared_info->evtchn_mask, port));
    }
}
