/* SPDX-License-Identifier: MIT */
/*
 * Physical interrupts of domains.
 *
 * A pirq is free, reserved, in transit (a message is being set up or taken down outside the lock), or mapped
 * to a line. A mapped one may be bound to a port, and a bound one is attached to its line as soon as the line
 * has a trigger mode. The interrupt handler reads what was written before the line was attached and takes no
 * lock: detaching waits for it.
 */
#include "event/pirq.h"
#include "event/ports.h"
#include "cpu/irq.h"
#include "cpu/softirq.h"
#include "lib/errno.h"
#include "mm/alloc.h"

#define NR_ISA_IRQS 16

enum pirq_state { PIRQ_FREE, PIRQ_RESERVED, PIRQ_TRANSIT, PIRQ_MAPPED };

struct pirq {
    struct domain *domain;
    u8 state;
    bool msi;
    bool attached; /* irq_bind() done */
    u32 irq;
    u32 port; /* 0: not bound */
};

struct pirq_table {
    struct pirq pirq[NR_IRQS];
};

/* Guards every table and line_user; interrupts off, because LOCK_EVTCHN is held around some of it. */
static struct spinlock pirq_lock = SPINLOCK_INIT(LOCK_PIRQ);
static struct pirq *line_user[NR_IRQS];

/* NULL: d has no such pirq. */
static struct pirq *pirq_get(struct domain *d, u32 nr)
{
    struct pirq_table *t = d->irq;

    return t && nr < NR_IRQS ? &t->pirq[nr] : NULL;
}

static int pirq_nr(const struct pirq *p)
{
    const struct pirq_table *t = p->domain->irq;

    return (int)(p - t->pirq);
}

/* In interrupt context. */
static void pirq_fire(void *data)
{
    struct pirq *p = data;
    struct domain *d = p->domain;

    evtchn_raise(d, evtchn_slot(d->evtchn, p->port), p->port);
}

static int pirq_find_free(struct domain *d, bool gsi)
{
    struct pirq_table *t = d->irq;

    /* Numbers of GSIs that nobody asked for first; messages from the top, so that they stay out of the way of
     * GSIs. */
    if (gsi)
        for (unsigned i = NR_ISA_IRQS; i < nr_gsis; i++)
            if (t->pirq[i].state == PIRQ_FREE)
                return (int)i;
    for (unsigned i = NR_IRQS - 1; i >= nr_gsis; i--)
        if (t->pirq[i].state == PIRQ_FREE)
            return (int)i;
    return -ENOSPC;
}

static int map_gsi_locked(struct domain *d, unsigned gsi, int *pirq)
{
    struct pirq *user = line_user[gsi], *p;
    int nr = *pirq;

    if (user && user->domain != d)
        return -EEXIST;
    if (nr < 0)
        nr = user ? pirq_nr(user) : pirq_find_free(d, true);
    else if (user && pirq_nr(user) != nr)
        return -EEXIST;
    if (nr < 0)
        return nr;
    p = pirq_get(d, (u32)nr);
    if (!p)
        return -EINVAL;
    if (p->state == PIRQ_TRANSIT || (p->state == PIRQ_MAPPED && p != user))
        return -EEXIST;
    p->state = PIRQ_MAPPED;
    p->irq = gsi;
    line_user[gsi] = p;
    *pirq = nr;
    return 0;
}

int pirq_map_gsi(struct domain *d, int gsi, int *pirq)
{
    u64 flags;
    int rc;

    if (!d->irq)
        return -EPERM;
    if (gsi <= 0 || (unsigned)gsi >= nr_gsis) /* GSI 0 is the hypervisor's timer */
        return -EINVAL;
    flags = spin_lock_irqsave(&pirq_lock);
    rc = map_gsi_locked(d, (unsigned)gsi, pirq);
    spin_unlock_irqrestore(&pirq_lock, flags);
    return rc;
}

/* Puts a pirq that can be mapped into transit: its number or an error. */
static int pirq_claim(struct domain *d, int nr)
{
    u64 flags = spin_lock_irqsave(&pirq_lock);
    struct pirq *p;

    if (nr < 0)
        nr = pirq_find_free(d, false);
    if (nr >= 0) {
        p = pirq_get(d, (u32)nr);
        if (!p)
            nr = -EINVAL;
        else if (p->state == PIRQ_TRANSIT || p->state == PIRQ_MAPPED)
            nr = -EEXIST;
        else
            p->state = PIRQ_TRANSIT;
    }
    spin_unlock_irqrestore(&pirq_lock, flags);
    return nr;
}

static void pirq_end_transit(struct pirq *p, enum pirq_state state, unsigned irq)
{
    u64 flags = spin_lock_irqsave(&pirq_lock);

    p->state = (u8)state;
    p->irq = irq;
    p->msi = state == PIRQ_MAPPED;
    if (state == PIRQ_MAPPED)
        line_user[irq] = p;
    spin_unlock_irqrestore(&pirq_lock, flags);
}

int pirq_map_msi(struct domain *d, const struct physdev_map_pirq *map, int *pirq)
{
    bool multi = map->type == MAP_PIRQ_TYPE_MULTI_MSI;
    u16 seg = map->type == MAP_PIRQ_TYPE_MSI ? 0 : (u16)((u32)map->bus >> 16);
    struct pirq *p;
    unsigned irq;
    int nr, rc;

    if (!d->irq)
        return -EPERM;
    if (multi && map->table_base)
        return -EINVAL;
    if (!multi && map->index != -1) /* the number of the line is ours to choose */
        return -EINVAL;
    if (multi && (map->entry_nr <= 0 || map->entry_nr > 32))
        return -EDOM;
    if (multi && map->entry_nr != 1)
        return -EOPNOTSUPP;
    if (map->table_base && (map->entry_nr < 0 || map->entry_nr > 2047))
        return -EINVAL;

    nr = pirq_claim(d, *pirq);
    if (nr < 0)
        return nr;
    p = pirq_get(d, (u32)nr);
    /* Configuration space is reached through ports: there is one segment. */
    rc = seg ? -ENODEV
             : msi_map((u8)map->bus, (u8)map->devfn, map->table_base ? (unsigned)map->entry_nr : 0,
                       map->table_base, &irq);
    if (rc) {
        pirq_end_transit(p, PIRQ_FREE, 0);
        return rc;
    }
    pirq_end_transit(p, PIRQ_MAPPED, irq);
    *pirq = nr;
    return 0;
}

int pirq_reserve(struct domain *d, int type)
{
    u64 flags;
    int nr;

    if (!d->irq)
        return -EPERM;
    flags = spin_lock_irqsave(&pirq_lock);
    nr = pirq_find_free(d, type == MAP_PIRQ_TYPE_GSI);
    if (nr >= 0)
        pirq_get(d, (u32)nr)->state = PIRQ_RESERVED;
    spin_unlock_irqrestore(&pirq_lock, flags);
    return nr;
}

/* Lock held, port known. */
static int pirq_attach(struct pirq *p)
{
    const struct irq_desc *desc = irq_desc(p->irq);
    int rc;

    if (!p->msi && desc && !desc->vector) {
        if (p->irq >= NR_ISA_IRQS)
            return 0; /* pirq_setup_gsi() will attach it */
        /* A device that no table describes sits on an ISA line: edge, active high. */
        rc = irq_setup_gsi(p->irq, false, false);
        if (rc && rc != -EEXIST)
            return rc;
    }
    rc = irq_bind(p->irq, pirq_fire, p);
    if (!rc)
        p->attached = true;
    return rc;
}

static void pirq_detach(struct pirq *p)
{
    if (p->attached)
        irq_unbind(p->irq);
    p->attached = false;
    p->port = 0;
}

int pirq_setup_gsi(int gsi, bool level, bool active_low)
{
    u64 flags;
    int rc;

    if (gsi < 0 || (unsigned)gsi >= nr_gsis)
        return -EINVAL;
    flags = spin_lock_irqsave(&pirq_lock);
    rc = irq_setup_gsi((unsigned)gsi, level, active_low);
    if (!rc) {
        struct pirq *p = line_user[gsi];

        if (p && p->port && !p->attached)
            rc = pirq_attach(p);
    }
    spin_unlock_irqrestore(&pirq_lock, flags);
    return rc;
}

int pirq_unmap(struct domain *d, int pirq)
{
    struct pirq *p = pirq < 0 ? NULL : pirq_get(d, (u32)pirq);
    unsigned irq;
    u64 flags;

    if (!d->irq)
        return -EPERM;
    if (!p)
        return -EINVAL;
    flags = spin_lock_irqsave(&pirq_lock);
    if (p->state != PIRQ_MAPPED) {
        spin_unlock_irqrestore(&pirq_lock, flags);
        return -EINVAL;
    }
    pirq_detach(p);
    irq = p->irq;
    line_user[irq] = NULL;
    p->state = PIRQ_TRANSIT;
    spin_unlock_irqrestore(&pirq_lock, flags);
    if (p->msi)
        msi_unmap(irq);
    pirq_end_transit(p, PIRQ_FREE, 0);
    return 0;
}

int pirq_bind(struct domain *d, u32 pirq, u32 port)
{
    struct pirq *p = pirq_get(d, pirq);
    u64 flags;
    int rc;

    if (!p)
        return pirq < NR_IRQS ? -EPERM : -EINVAL;
    flags = spin_lock_irqsave(&pirq_lock);
    if (p->state != PIRQ_MAPPED) {
        rc = -EINVAL;
    } else if (p->port) {
        rc = -EEXIST;
    } else {
        p->port = port;
        rc = pirq_attach(p);
        if (rc)
            p->port = 0;
    }
    spin_unlock_irqrestore(&pirq_lock, flags);
    return rc;
}

/* With the lock held; NULL and no lock: d has no such pirq. */
static struct pirq *lock_pirq(struct domain *d, u32 nr, u64 *flags)
{
    struct pirq *p = pirq_get(d, nr);

    if (p)
        *flags = spin_lock_irqsave(&pirq_lock);
    return p;
}

void pirq_unbind(struct domain *d, u32 pirq, u32 port)
{
    u64 flags;
    struct pirq *p = lock_pirq(d, pirq, &flags);

    if (!p)
        return;
    if (p->state == PIRQ_MAPPED && p->port == port)
        pirq_detach(p);
    spin_unlock_irqrestore(&pirq_lock, flags);
}

void pirq_set_affinity(struct domain *d, u32 pirq, unsigned cpu)
{
    u64 flags;
    struct pirq *p = lock_pirq(d, pirq, &flags);

    if (!p)
        return;
    if (p->attached)
        irq_set_affinity(p->irq, cpu);
    spin_unlock_irqrestore(&pirq_lock, flags);
}

int pirq_status(struct domain *d, u32 pirq, u32 *status)
{
    u64 flags;
    struct pirq *p = lock_pirq(d, pirq, &flags);

    if (!p)
        return -EINVAL;
    /* While the trigger mode is not known an EOI too many is the safe side. */
    *status = !p->attached || irq_needs_eoi(p->irq) ? XENIRQSTAT_needs_eoi : 0;
    spin_unlock_irqrestore(&pirq_lock, flags);
    return 0;
}

int pirq_eoi(struct domain *d, u32 pirq)
{
    u64 flags;
    struct pirq *p = lock_pirq(d, pirq, &flags);

    if (!p)
        return -EINVAL;
    if (p->attached)
        irq_guest_eoi(p->irq);
    spin_unlock_irqrestore(&pirq_lock, flags);
    return 0;
}

static int pirq_domain_create(struct domain *d, const struct xen_domctl_createdomain *)
{
    struct pirq_table *t;

    if (!d->privileged)
        return 0;
    t = hyp_zalloc(sizeof(*t));
    if (!t)
        return -ENOMEM;
    for (unsigned i = 0; i < NR_IRQS; i++)
        t->pirq[i].domain = d;
    d->irq = t;
    return 0;
}

static int pirq_domain_kill(struct domain *d)
{
    if (!d->irq)
        return 0;
    for (int i = 0; i < NR_IRQS; i++) {
        if (pirq_get(d, (u32)i)->state != PIRQ_MAPPED)
            continue;
        (void)pirq_unmap(d, i); /* nobody else acts for a dying domain: it is mapped */
        if (softirq_is_pending(this_cpu_id()))
            return -ERESTART;
    }
    return 0;
}

static void pirq_domain_free(struct domain *d)
{
    hyp_free(d->irq);
    d->irq = NULL;
}

const struct domain_unit pirq_unit = {
    .domain_create = pirq_domain_create,
    .domain_kill = pirq_domain_kill,
    .domain_free = pirq_domain_free,
};
