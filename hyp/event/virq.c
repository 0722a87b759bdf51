/* SPDX-License-Identifier: MIT */
/* Virtual interrupts: events that the hypervisor itself raises. */
#include "event/ports.h"
#include "lib/errno.h"
#include "lib/printk.h"

_Static_assert(NR_VIRQS <= ARRAY_SIZE(((struct vcpu *)0)->virq_to_port), "a slot for every VIRQ");

bool virq_is_global(u32 virq)
{
    return virq != VIRQ_TIMER && virq != VIRQ_DEBUG && virq != VIRQ_XENOPROF && virq != VIRQ_XENPMU;
}

static int bind_virq_locked(struct domain *d, u32 virq, struct vcpu *v, u32 *port)
{
    struct evtchn chn = {.state = EVTCHNSTAT_virq, .vcpu = (u16)v->id, .virq = virq};
    int rc = v->virq_to_port[virq] ? -EEXIST : evtchn_port_take(d->evtchn, chn, port);

    if (!rc)
        v->virq_to_port[virq] = (u16)*port;
    return rc;
}

int evtchn_bind_virq(struct domain *d, u32 virq, u32 vcpu, u32 *port)
{
    struct evtchn_domain *e = d->evtchn;
    int rc;

    if (virq >= NR_VIRQS || (virq_is_global(virq) && vcpu != 0))
        return -EINVAL;
    if (vcpu >= d->max_vcpus)
        return -ENOENT;
    do {
        u64 flags = spin_lock_irqsave(&e->lock);
        rc = bind_virq_locked(d, virq, d->vcpu[vcpu], port);
        spin_unlock_irqrestore(&e->lock, flags);
    } while (evtchn_try_again(e, &rc));
    return rc;
}

static void raise_virq(struct domain *d, struct vcpu *v, u32 virq)
{
    struct evtchn_domain *e = d->evtchn;
    u64 flags;
    u32 port;

    if (!e)
        return;
    flags = spin_lock_irqsave(&e->lock);
    port = v->virq_to_port[virq];
    if (port)
        evtchn_raise(d, evtchn_slot(e, port), port);
    spin_unlock_irqrestore(&e->lock, flags);
}

void send_guest_vcpu_virq(struct vcpu *v, u32 virq)
{
    ASSERT(virq < NR_VIRQS && !virq_is_global(virq));
    raise_virq(v->domain, v, virq);
}

void send_guest_global_virq(struct domain *d, u32 virq)
{
    ASSERT(virq < NR_VIRQS && virq_is_global(virq));
    if (d && d->max_vcpus)
        raise_virq(d, d->vcpu[0], virq);
}

void send_dom0_virq(u32 virq)
{
    send_guest_global_virq(READ_ONCE(dom0), virq);
}
