/* SPDX-License-Identifier: MIT */
/* HYPERVISOR_event_channel_op. */
#include <xen/event_channel.h>
#include "hypercalls/hypercalls.h"
#include "event/evtchn.h"

#define COPY_IN(op, arg)                               \
    do {                                               \
        if (copy_from_guest(&(op), (arg), sizeof(op))) \
            return -EFAULT;                            \
    } while (0)

/* Gives the guest its answer with the new port in it; takes the port back when the guest cannot have it. */
static long answer_port(struct domain *d, int rc, u32 port, u64 arg, const void *op, size_t size)
{
    if (rc)
        return rc;
    if (!copy_to_guest(arg, op, size))
        return 0;
    (void)evtchn_close(d, port);
    return -EFAULT;
}

static long alloc_unbound(u64 arg)
{
    struct evtchn_alloc_unbound op;
    struct domain *d;
    long rc;

    COPY_IN(op, arg);
    rc = hypercall_domain(op.dom, true, &d);
    if (rc)
        return rc;
    if (op.remote_dom == DOMID_SELF)
        op.remote_dom = current->domain->id;
    rc = evtchn_alloc_unbound(d, op.remote_dom, &op.port);
    rc = answer_port(d, (int)rc, op.port, arg, &op, sizeof(op));
    domain_put(d);
    return rc;
}

static long bind_interdomain(struct domain *d, u64 arg)
{
    struct evtchn_bind_interdomain op;
    int rc;

    COPY_IN(op, arg);
    rc = evtchn_bind_interdomain(d, op.remote_dom, op.remote_port, &op.local_port);
    return answer_port(d, rc, op.local_port, arg, &op, sizeof(op));
}

static long bind_virq(struct domain *d, u64 arg)
{
    struct evtchn_bind_virq op;
    int rc;

    COPY_IN(op, arg);
    rc = evtchn_bind_virq(d, op.virq, op.vcpu, &op.port);
    return answer_port(d, rc, op.port, arg, &op, sizeof(op));
}

static long bind_ipi(struct domain *d, u64 arg)
{
    struct evtchn_bind_ipi op;
    int rc;

    COPY_IN(op, arg);
    rc = evtchn_bind_ipi(d, op.vcpu, &op.port);
    return answer_port(d, rc, op.port, arg, &op, sizeof(op));
}

static long bind_pirq(struct domain *d, u64 arg)
{
    struct evtchn_bind_pirq op;
    int rc;

    COPY_IN(op, arg);
    rc = evtchn_bind_pirq(d, op.pirq, &op.port);
    return answer_port(d, rc, op.port, arg, &op, sizeof(op));
}

static long status(u64 arg)
{
    struct evtchn_status op;
    struct domain *d;
    int rc;

    COPY_IN(op, arg);
    rc = hypercall_domain(op.dom, true, &d);
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

    COPY_IN(op, arg);
    rc = hypercall_domain(op.dom, true, &d);
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

        COPY_IN(op, arg);
        return evtchn_bind_vcpu(d, op.port, op.vcpu);
    }
    case EVTCHNOP_alloc_unbound:
        return alloc_unbound(arg);
    case EVTCHNOP_bind_interdomain:
        return bind_interdomain(d, arg);
    case EVTCHNOP_bind_virq:
        return bind_virq(d, arg);
    case EVTCHNOP_bind_ipi:
        return bind_ipi(d, arg);
    case EVTCHNOP_bind_pirq:
        return bind_pirq(d, arg);
    case EVTCHNOP_status:
        return status(arg);
    case EVTCHNOP_reset:
        return reset(arg);
    default: /* among them the FIFO queues: guests then stay with two levels */
        return hypercall_unknown(__HYPERVISOR_event_channel_op, (u32)cmd);
    }
}
