/* SPDX-License-Identifier: MIT */
/*
 * The hypercall boundary. Every handler takes the five argument registers as they are and returns what goes
 * to RAX. It decodes, checks privilege, copies in, calls one function of a room with typed arguments, copies
 * out.
 */
#ifndef HYP_HYPERCALLS_HYPERCALLS_H
#define HYP_HYPERCALLS_HYPERCALLS_H

#include "domain/domain.h"
#include "lib/errno.h"
#include "mm/guest_access.h"

/* A handler leaves the arguments that its hypercall has not without a name. */
typedef long hypercall_fn(u64 a1, u64 a2, u64 a3, u64 a4, u64 a5);

hypercall_fn do_set_trap_table, do_mmu_update, do_set_gdt, do_stack_switch, do_set_callbacks,
    do_fpu_taskswitch, do_platform_op, do_set_debugreg, do_get_debugreg, do_update_descriptor, do_memory_op,
    do_multicall, do_update_va_mapping, do_set_timer_op, do_xen_version, do_console_io, do_grant_table_op,
    do_vm_assist, do_update_va_mapping_otherdomain, do_iret, do_vcpu_op, do_set_segment_base, do_mmuext_op,
    do_sched_op, do_callback_op, do_event_channel_op, do_physdev_op, do_sysctl, do_domctl, do_mca, do_xsm_op,
    do_xenpmu_op;

/* For handlers: operation `op` of hypercall `nr`, or all of it (0), is counted for debug key
 * 'u', and named in the log the first time. -ENOSYS. */
long hypercall_unknown(u64 nr, u64 op);

/* Runs one hypercall of current by number; counts unknown ones. -ENOSYS if there is none. Used by the entry
 * path and by multicall. */
long hypercall_dispatch(u64 nr, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5);

/*
 * Continuation: the handler stores new arguments for the same (or another) hypercall and returns what this
 * gives (pass it up at once). The guest executes the instruction again after softirqs and events had their
 * turn; inside a multicall the entry is rewritten and the batch itself continues. n_args: how many of the
 * arguments are given.
 */
long hypercall_continue(u64 nr, unsigned n_args, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5);
/* Time to stop a long loop: a softirq (or another vCPU's need of the CPU) or an event waits. */
bool hypercall_preempt_needed(void);

/* The domain that a hypercall names, with a reference: *d or -ESRCH; -EPERM for another one than the caller's
 * own if the caller is not privileged. */
int hypercall_domain(u16 domid, struct domain **d);

#endif
