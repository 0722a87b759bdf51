/* SPDX-License-Identifier: MIT */
/* Batches of hypercalls. */
#include "hypercalls/hypercalls.h"

/* The entry is executed again from the start of the batch's continuation: with what is left of it. */
static int rewrite_entry(struct vcpu *v, u64 addr, struct multicall_entry *e)
{
    e->op = v->continuation.nr;
    for (unsigned i = 0; i < v->continuation.n_args; i++)
        e->args[i] = v->continuation.args[i];
    return copy_to_guest(addr, e, sizeof(*e));
}

long do_multicall(u64 list, u64 count, u64, u64, u64)
{
    struct vcpu *v = current;
    u32 nr = (u32)count;

    if (v->in_multicall)
        return -EINVAL;
    for (u32 i = 0; i < nr; i++) {
        struct multicall_entry e;
        u64 addr = list + (u64)i * sizeof(e);

        if (i && hypercall_preempt_needed())
            return hypercall_continue(__HYPERVISOR_multicall, 2, addr, nr - i, 0, 0, 0);
        if (copy_from_guest(&e, addr, sizeof(e)))
            return -EFAULT;
        v->in_multicall = true;
        v->hypercall_preempted = false;
        e.result =
            (unsigned long)hypercall_dispatch(e.op, e.args[0], e.args[1], e.args[2], e.args[3], e.args[4]);
        v->in_multicall = false;
        if (v->hypercall_preempted) {
            v->hypercall_preempted = false;
            if (rewrite_entry(v, addr, &e))
                return -EFAULT;
            return hypercall_continue(__HYPERVISOR_multicall, 2, addr, nr - i, 0, 0, 0);
        }
        /* HYPERVISOR_iret to user mode: the list is out of reach, and RAX is the guest's. */
        if (!v->kernel_mode)
            return (long)guest_regs()->rax;
        if (copy_to_guest(addr + offsetof(struct multicall_entry, result), &e.result, sizeof(e.result)))
            return -EFAULT;
    }
    return 0;
}
