/* SPDX-License-Identifier: MIT */
/* HYPERVISOR_domctl: decoding, privilege, lock; the sub-operations are in domctl_*.c. */
#include "hypercalls/control.h"
#include "hypercalls/hypercalls.h"

/* A device model would serve an HVM domain. */
static long set_target(struct domain *d, struct xen_domctl *op)
{
    struct domain *target = domain_get(op->u.set_target.target);
    long r = !target ? -ESRCH : target == d ? -EINVAL : -EOPNOTSUPP;

    if (target)
        domain_put(target);
    return r;
}

static const struct {
    domctl_fn *fn; /* NULL: refused with... */
    int flags;     /* DOMCTL_*; ... this, or not known if it is 0 */
} ops[] = {
    [XEN_DOMCTL_destroydomain] = {domctl_destroy, 0},
    [XEN_DOMCTL_pausedomain] = {domctl_pause, DOMCTL_NOT_SELF},
    [XEN_DOMCTL_unpausedomain] = {domctl_unpause, 0},
    [XEN_DOMCTL_resumedomain] = {domctl_resume, DOMCTL_NOT_SELF},
    [XEN_DOMCTL_max_vcpus] = {domctl_max_vcpus, DOMCTL_NOT_SELF},
    [XEN_DOMCTL_max_mem] = {domctl_max_mem, 0},
    [XEN_DOMCTL_setdomainhandle] = {domctl_set_handle, 0},
    [XEN_DOMCTL_settimeoffset] = {domctl_set_time_offset, 0},
    [XEN_DOMCTL_settscinfo] = {domctl_set_tsc, DOMCTL_NOT_SELF},
    [XEN_DOMCTL_gettscinfo] = {domctl_get_tsc, DOMCTL_NOT_SELF | DOMCTL_COPY_BACK},
    [XEN_DOMCTL_set_address_size] = {domctl_set_width, 0},
    [XEN_DOMCTL_get_address_size] = {domctl_get_width, DOMCTL_COPY_BACK},

    [XEN_DOMCTL_setvcpucontext] = {domctl_set_context, DOMCTL_NOT_SELF},
    [XEN_DOMCTL_getvcpucontext] = {domctl_get_context, DOMCTL_COPY_BACK},
    [XEN_DOMCTL_getvcpuinfo] = {domctl_vcpu_info, DOMCTL_COPY_BACK},
    [XEN_DOMCTL_setvcpuaffinity] = {domctl_set_affinity, 0},
    [XEN_DOMCTL_getvcpuaffinity] = {domctl_get_affinity, 0},
    [XEN_DOMCTL_setnodeaffinity] = {domctl_set_node_affinity, 0},
    [XEN_DOMCTL_getnodeaffinity] = {domctl_get_node_affinity, 0},
    [XEN_DOMCTL_scheduler_op] = {domctl_scheduler, DOMCTL_COPY_BACK},
    [XEN_DOMCTL_sendtrigger] = {domctl_trigger, 0},

    [XEN_DOMCTL_set_ext_vcpucontext] = {domctl_set_ext_context, 0},
    [XEN_DOMCTL_get_ext_vcpucontext] = {domctl_get_ext_context, DOMCTL_COPY_BACK},
    [XEN_DOMCTL_setvcpuextstate] = {domctl_set_xstate, DOMCTL_NOT_SELF},
    [XEN_DOMCTL_getvcpuextstate] = {domctl_get_xstate, DOMCTL_COPY_ALWAYS},
    [XEN_DOMCTL_set_vcpu_msrs] = {domctl_set_msrs, DOMCTL_NOT_SELF | DOMCTL_COPY_ALWAYS},
    [XEN_DOMCTL_get_vcpu_msrs] = {domctl_get_msrs, DOMCTL_COPY_ALWAYS},

    [XEN_DOMCTL_getpageframeinfo3] = {domctl_page_types, 0},
    [XEN_DOMCTL_hypercall_init] = {domctl_hypercall_page, 0},
    [XEN_DOMCTL_iomem_permission] = {domctl_iomem, 0},
    [XEN_DOMCTL_ioport_permission] = {domctl_ioport, 0},
    [XEN_DOMCTL_irq_permission] = {domctl_irq, 0},

    [XEN_DOMCTL_get_cpu_policy] = {domctl_get_policy, DOMCTL_COPY_BACK},
    [XEN_DOMCTL_set_cpu_policy] = {domctl_set_policy, DOMCTL_NOT_SELF | DOMCTL_COPY_ALWAYS},

    /* As a hypervisor without shadow paging answers: tools take it for "no log of dirty pages". */
    [XEN_DOMCTL_shadow_op] = {NULL, -EINVAL},
    [XEN_DOMCTL_subscribe] = {NULL, -EOPNOTSUPP},
    [XEN_DOMCTL_set_virq_handler] = {NULL, -EOPNOTSUPP},
    [XEN_DOMCTL_setvnumainfo] = {NULL, -EOPNOTSUPP},
    [XEN_DOMCTL_assign_device] = {NULL, -EOPNOTSUPP},
    [XEN_DOMCTL_deassign_device] = {NULL, -EOPNOTSUPP},
    [XEN_DOMCTL_test_assign_device] = {NULL, -EOPNOTSUPP},
    [XEN_DOMCTL_set_target] = {set_target, 0},
    [XEN_DOMCTL_soft_reset] = {NULL, -EOPNOTSUPP},
    [XEN_DOMCTL_get_paging_mempool_size] = {NULL, -EOPNOTSUPP},
    [XEN_DOMCTL_set_paging_mempool_size] = {NULL, -EOPNOTSUPP},
};

static long put_op(u64 arg, const struct xen_domctl *op)
{
    return copy_to_guest(arg, op, sizeof(*op)) ? -EFAULT : 0;
}

/* The domain itself, or the first one behind it. No lock: tools ask often. */
static long get_info(u64 arg, struct xen_domctl *op)
{
    struct domain *d = domain_get(op->domain);

    if (!d) {
        if (op->domain >= DOMID_FIRST_RESERVED)
            return -EINVAL;
        d = domain_get_next(op->domain);
        if (!d)
            return -ESRCH;
    }
    if (!current->domain->privileged) {
        domain_put(d);
        return -EPERM;
    }
    domain_info_fill(d, &op->u.getdomaininfo);
    op->domain = d->id;
    domain_put(d);
    return put_op(arg, op);
}

static long again(u64 arg)
{
    return hypercall_continue(__HYPERVISOR_domctl, 1, arg, 0, 0, 0, 0);
}

static long create(u64 arg, struct xen_domctl *op)
{
    long r;

    if (!current->domain->privileged)
        return -EPERM;
    if (!control_lock())
        return again(arg);
    r = domctl_create(op);
    control_unlock();
    return r ? r : put_op(arg, op);
}

static long run_on(struct domain *d, u64 arg, struct xen_domctl *op)
{
    int flags = op->cmd < ARRAY_SIZE(ops) ? ops[op->cmd].flags : 0;
    domctl_fn *fn = op->cmd < ARRAY_SIZE(ops) ? ops[op->cmd].fn : NULL;
    long r;

    if (!current->domain->privileged)
        return -EPERM;
    if (!fn)
        return flags ? flags : hypercall_unknown(__HYPERVISOR_domctl, op->cmd);
    if ((flags & DOMCTL_NOT_SELF) && d == current->domain)
        return -EINVAL;
    if (!control_lock())
        return again(arg);
    r = fn(d, op);
    control_unlock();
    if (r == -ERESTART)
        return again(arg);
    if ((flags & DOMCTL_COPY_ALWAYS) || (r == 0 && (flags & DOMCTL_COPY_BACK))) {
        long copied = put_op(arg, op);

        r = copied ? copied : r;
    }
    return r;
}

long do_domctl(u64 arg, u64, u64, u64, u64)
{
    struct xen_domctl op;
    struct domain *d;
    long r;

    if (copy_from_guest(&op, arg, sizeof(op)))
        return -EFAULT;
    if (op.interface_version != XEN_DOMCTL_INTERFACE_VERSION)
        return -EACCES;
    if (op.cmd == XEN_DOMCTL_createdomain)
        return create(arg, &op);
    if (op.cmd == XEN_DOMCTL_getdomaininfo)
        return get_info(arg, &op);
    d = domain_get(op.domain);
    if (!d)
        return -ESRCH;
    r = run_on(d, arg, &op);
    domain_put(d);
    return r;
}
