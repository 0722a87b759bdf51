/* SPDX-License-Identifier: MIT */
/* The table of hypercalls, and continuations. */
#include "hypercalls/hypercalls.h"
#include <xen/arch-x86/xen-mca.h>
#include "cpu/percpu.h"
#include "cpu/softirq.h"
#include "domain/above.h"

static hypercall_fn *const table[] = {
    [__HYPERVISOR_set_trap_table] = do_set_trap_table,
    [__HYPERVISOR_mmu_update] = do_mmu_update,
    [__HYPERVISOR_set_gdt] = do_set_gdt,
    [__HYPERVISOR_stack_switch] = do_stack_switch,
    [__HYPERVISOR_set_callbacks] = do_set_callbacks,
    [__HYPERVISOR_fpu_taskswitch] = do_fpu_taskswitch,
    [__HYPERVISOR_platform_op] = do_platform_op,
    [__HYPERVISOR_set_debugreg] = do_set_debugreg,
    [__HYPERVISOR_get_debugreg] = do_get_debugreg,
    [__HYPERVISOR_update_descriptor] = do_update_descriptor,
    [__HYPERVISOR_memory_op] = do_memory_op,
    [__HYPERVISOR_multicall] = do_multicall,
    [__HYPERVISOR_update_va_mapping] = do_update_va_mapping,
    [__HYPERVISOR_set_timer_op] = do_set_timer_op,
    [__HYPERVISOR_xen_version] = do_xen_version,
    [__HYPERVISOR_console_io] = do_console_io,
    [__HYPERVISOR_grant_table_op] = do_grant_table_op,
    [__HYPERVISOR_vm_assist] = do_vm_assist,
    [__HYPERVISOR_update_va_mapping_otherdomain] = do_update_va_mapping_otherdomain,
    [__HYPERVISOR_iret] = do_iret,
    [__HYPERVISOR_vcpu_op] = do_vcpu_op,
    [__HYPERVISOR_set_segment_base] = do_set_segment_base,
    [__HYPERVISOR_mmuext_op] = do_mmuext_op,
    [__HYPERVISOR_xsm_op] = do_xsm_op,
    [__HYPERVISOR_sched_op] = do_sched_op,
    [__HYPERVISOR_callback_op] = do_callback_op,
    [__HYPERVISOR_event_channel_op] = do_event_channel_op,
    [__HYPERVISOR_physdev_op] = do_physdev_op,
    [__HYPERVISOR_sysctl] = do_sysctl,
    [__HYPERVISOR_domctl] = do_domctl,
    [__HYPERVISOR_mca] = do_mca,
    [__HYPERVISOR_xenpmu_op] = do_xenpmu_op,
};

long hypercall_dispatch(u64 nr, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    if (unlikely(nr >= ARRAY_SIZE(table) || !table[nr]))
        return hypercall_unknown(nr, 0);
    return table[nr](a1, a2, a3, a4, a5);
}

void hypercall_entry(struct cpu_user_regs *regs)
{
    struct vcpu *v = current;
    long rc;

    v->hypercall_preempted = false;
    rc = hypercall_dispatch(regs->rax, regs->rdi, regs->rsi, regs->rdx, regs->r10, regs->r8);
    if (likely(!v->hypercall_preempted))
        regs->rax = (u64)rc;
}

bool hypercall_preempt_needed(void)
{
    return softirq_is_pending(this_cpu_id()) || vcpu_event_pending(current);
}

long hypercall_continue(u64 nr, unsigned n_args, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    struct vcpu *v = current;
    struct cpu_user_regs *regs = guest_regs();
    const u64 args[5] = {a1, a2, a3, a4, a5};
    u64 *const slots[5] = {&regs->rdi, &regs->rsi, &regs->rdx, &regs->r10, &regs->r8};

    v->hypercall_preempted = true;
    if (v->in_multicall) {
        v->continuation.nr = nr;
        for (unsigned i = 0; i < n_args; i++)
            v->continuation.args[i] = args[i];
        v->continuation.n_args = n_args;
        return 0;
    }
    for (unsigned i = 0; i < n_args; i++)
        *slots[i] = args[i];
    regs->rax = nr;
    /* Back to the SYSCALL instruction, two bytes. */
    regs->rip -= 2;
    return (long)nr;
}

int hypercall_domain(u16 domid, struct domain **d)
{
    *d = domain_get_any(domid);
    if (!*d)
        return -ESRCH;
    if (*d != current->domain && !current->domain->privileged) {
        domain_put(*d);
        *d = NULL;
        return -EPERM;
    }
    return 0;
}
