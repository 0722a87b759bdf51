/* SPDX-License-Identifier: MIT */
/* HYPERVISOR_event_channel_op. */
#include <xen/event_channel.h>
#include "hypercalls/hypercalls.h"
#include "event/evtchn.h"

union new_port_op {
    struct evtchn_alloc_unbound unbound;
    struct evtchn_bind_interdomain interdomain;
    struct evtchn_bind_virq virq;
    struct evtchn_bind_ipi ipi;
    struct evtchn_bind_pirq pirq;
};

static int make_port(struct domain *d, u32 cmd, union new_port_op *op, u32 **port)
{
    switch (cmd) {
    case EVTCHNOP_alloc_unbound:
        if (op->unbound.remote_dom == DOMID_SELF)
            op->unbound.remote_dom = current->domain->id;
        *port = &op->unbound.port;
        return evtchn_alloc_unbound(d, op->unbound.remote_dom, *port);
    case EVTCHNOP_bind_interdomain:
        *port = &op->interdomain.local_port;
        return evtchn_bind_interdomain(d, op->interdomain.remote_dom, op->interdomain.remote_port, *port);
    case EVTCHNOP_bind_virq:
        *port = &op->virq.port;
        return evtchn_bind_virq(d, op->virq.virq, op->virq.vcpu, *port);
    case EVTCHNOP_bind_ipi:
        *port = &op->ipi.port;
        return evtchn_bind_ipi(d, op->ipi.vcpu, *port);
    default:
        *port = &op->pirq.port;
        return evtchn_bind_pirq(d, op->pirq.pirq, *port);
    }
}

/* The guest gets its answer with the new port in it; the port is taken back when the guest cannot have it. */
static long new_port(u32 cmd, u64 arg, size_t size)
{
    union new_port_op op;
    struct domain *d;
    u32 *port;
    int rc;

    if (copy_from_guest(&op, arg, size))
        return -EFAULT;
    rc = hypercall_domain(cmd == EVTCHNOP_alloc_unbound ? op.unbound.dom : DOMID_SELF, &d);
    if (rc)
        return rc;
    rc = make_port(d, cmd, &op, &port);
    if (!rc && copy_to_guest(arg, &op, size)) {
        (void)evtchn_close(d, *port);
        rc = -EFAULT;
    }
    domain_put(d);
    return rc;
}

static long status(u64 arg)
{
    struct evtchn_status op;
    struct domain *d;
    int rc;

    if (copy_from_guest(&op, arg, sizeof(op)))
        return -EFAULT;
    rc = hypercall_domain(op.dom, &d);
    if (rc)
        return rc;
    rc = evtchn_status(d, &op);
    domain_put(d);
    if (!rc && copy_to_guest(arg, &op, sizeof(op)))
        rc = -EFAULT;
    return rc;
}

static long reset(u64 arg)
{
    struct evtchn_reset op;
    struct domain *d;
    int rc;

    if (copy_from_guest(&op, arg, sizeof(op)))
        return -EFAULT;
    rc = hypercall_domain(op.dom, &d);
    if (rc)
        return rc;
    rc = evtchn_reset(d);
    domain_put(d);
    /* What was closed stays closed: the same call goes on with the rest. */
    if (rc == -ERESTART)
        return hypercall_continue(__HYPERVISOR_event_channel_op, 2, EVTCHNOP_reset, arg, 0, 0, 0);
    return rc;
}

long do_event_channel_op(u64 cmd, u64 arg, u64, u64, u64)
{
    struct domain *d = current->domain;
    u32 port;

    _Static_assert(sizeof(struct evtchn_send) == sizeof(port) &&
                       sizeof(struct evtchn_unmask) == sizeof(port) &&
                       sizeof(struct evtchn_close) == sizeof(port),
                   "the three that name a port and nothing else");
    switch ((u32)cmd) {
    case EVTCHNOP_send:
        return get_guest_u32(&port, arg) ? -EFAULT : evtchn_send(d, port);
    case EVTCHNOP_unmask:
        return get_guest_u32(&port, arg) ? -EFAULT : evtchn_unmask(d, port);
    case EVTCHNOP_close:
        return get_guest_u32(&port, arg) ? -EFAULT : evtchn_close(d, port);
    case EVTCHNOP_bind_vcpu: {
        struct evtchn_bind_vcpu op;

        if (copy_from_guest(&op, arg, sizeof(op)))
            return -EFAULT;
        return evtchn_bind_vcpu(d, op.port, op.vcpu);
    }
    case EVTCHNOP_alloc_unbound:
        return new_port((u32)cmd, arg, sizeof(struct evtchn_alloc_unbound));
    case EVTCHNOP_bind_interdomain:
        return new_port((u32)cmd, arg, sizeof(struct evtchn_bind_interdomain));
    case EVTCHNOP_bind_virq:
        return new_port((u32)cmd, arg, sizeof(struct evtchn_bind_virq));
    case EVTCHNOP_bind_ipi:
        return new_port((u32)cmd, arg, sizeof(struct evtchn_bind_ipi));
    case EVTCHNOP_bind_pirq:
        return new_port((u32)cmd, arg, sizeof(struct evtchn_bind_pirq));
    case EVTCHNOP_status:
        return status(arg);
    case EVTCHNOP_reset:
        return reset(arg);
    default: /* among them the FIFO queues: guests then stay with two levels */
        return hypercall_unknown(__HYPERVISOR_event_channel_op, (u32)cmd);
    }
}
