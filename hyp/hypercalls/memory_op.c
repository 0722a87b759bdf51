/* SPDX-License-Identifier: MIT */
/* HYPERVISOR_memory_op: dispatch, and the operations that only ask. */
#include "hypercalls/memory_op.h"

static long ask_domain(unsigned cmd, u64 arg)
{
    struct xen_memory_domain op;
    struct domain *d;
    long rc;

    if (copy_from_guest(&op, arg, sizeof(op)))
        return -EFAULT;
    rc = hypercall_domain(op.domid, &d);
    if (rc)
        return rc;
    if (cmd == XENMEM_current_reservation) {
        rc = (long)READ_ONCE(d->mm.tot_pages);
    } else if (cmd == XENMEM_maximum_reservation) {
        rc = (long)READ_ONCE(d->mm.max_pages);
    } else {
        /* The guest keeps it there for the tools, one behind the last. */
        struct shared_info *s = READ_ONCE(d->shared_info);
        u64 n = s ? READ_ONCE(s->arch.max_pfn) : 0;
        rc = n ? (long)(n - 1) : 0;
    }
    domain_put(d);
    return rc;
}

/* What concerns translated guests, sharing, paging and devices of other domains: refused as Xen does for a PV
 * domain. */
static long refuse(unsigned cmd)
{
    switch (cmd) {
    case XENMEM_add_to_physmap:
    case XENMEM_add_to_physmap_batch:
    case XENMEM_remove_from_physmap:
        return -EACCES;
    case XENMEM_set_pod_target:
    case XENMEM_get_pod_target:
        return -EINVAL;
    case XENMEM_get_vnumainfo:
    case XENMEM_reserved_device_memory_map:
        return -EOPNOTSUPP;
    default:
        return hypercall_unknown(__HYPERVISOR_memory_op, cmd);
    }
}

static long dispatch(unsigned cmd, u64 arg)
{
    switch (cmd) {
    case XENMEM_exchange:
        return memory_op_exchange(arg);
    case XENMEM_maximum_ram_page:
        return (long)(max_mfn + 1);
    case XENMEM_current_reservation:
    case XENMEM_maximum_reservation:
    case XENMEM_maximum_gpfn:
        return ask_domain(cmd, arg);
    case XENMEM_machphys_mfn_list:
        return memory_op_machphys_mfn_list(arg);
    case XENMEM_machphys_mapping:
        return memory_op_machphys_mapping(arg);
    case XENMEM_memory_map:
        return memory_op_memory_map(arg);
    case XENMEM_machine_memory_map:
        return memory_op_machine_memory_map(arg);
    case XENMEM_set_memory_map:
        return memory_op_set_memory_map(arg);
    case XENMEM_get_sharing_freed_pages:
    case XENMEM_get_sharing_shared_pages:
        return 0; /* nothing is ever shared */
    case XENMEM_claim_pages:
        return memory_op_claim(arg);
    default:
        return refuse(cmd);
    }
}

long do_memory_op(u64 cmd_arg, u64 arg, u64, u64, u64)
{
    unsigned cmd = (unsigned)(cmd_arg & MEMOP_CMD_MASK);
    u64 start = cmd_arg >> MEMOP_CMD_BITS;

    switch (cmd) {
    case XENMEM_increase_reservation:
    case XENMEM_decrease_reservation:
    case XENMEM_populate_physmap:
        return memory_op_reservation(cmd, start, arg);
    case XENMEM_acquire_resource:
        return memory_op_acquire_resource(start, arg);
    default:
        return start ? -EINVAL : dispatch(cmd, arg);
    }
}
