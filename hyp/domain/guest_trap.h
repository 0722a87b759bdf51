/* SPDX-License-Identifier: MIT */
/* Traps of a guest: into its handlers, or emulated. All work on current and its live frame. */
#ifndef HYP_DOMAIN_GUEST_TRAP_H
#define HYP_DOMAIN_GUEST_TRAP_H

#include <xen/xen.h>
#include "domain/domain.h"

/* Delivers a vector to the guest's handler; no handler or an unusable stack crashes the domain. */
void inject_trap(struct cpu_user_regs *regs, u8 vector, u32 error_code);
void inject_page_fault(struct cpu_user_regs *regs, u64 addr, u32 error_code);
/* Delivers an event upcall, NMI... if one is due; called on the way out. */
void deliver_pending(struct cpu_user_regs *regs);
/* HYPERVISOR_iret. */
void do_guest_iret(struct cpu_user_regs *regs);
/* SYSCALL from user mode, SYSENTER. */
void guest_syscall(struct cpu_user_regs *regs);
void guest_sysenter(struct cpu_user_regs *regs);
/* The frame of current could not be loaded by IRETQ (bad selector, address): failsafe callback. */
void guest_iret_failed(struct cpu_user_regs *regs);

/* Puts the live data selectors into the frame. */
void save_selectors(struct cpu_user_regs *regs);

/* #GP / #UD of guest kernel or user. True: emulated, resume. False: reflect. */
bool emulate_privileged(struct cpu_user_regs *regs);
bool emulate_forced_cpuid(struct cpu_user_regs *regs);
/* #PF on a write to an L1 table. */
bool emulate_pt_write(struct cpu_user_regs *regs, u64 addr);

/* CPUID, MSRs and ports as the guest sees them. */
struct cpuid_leaf;
void guest_cpuid(struct vcpu *v, u32 leaf, u32 sub, struct cpuid_leaf *out);
int guest_rdmsr(struct vcpu *v, u32 msr, u64 *val); /* -EPERM: #GP */
int guest_wrmsr(struct vcpu *v, u32 msr, u64 val);
u32 guest_port_read(struct vcpu *v, u16 port, unsigned size);
void guest_port_write(struct vcpu *v, u16 port, unsigned size, u32 val);
/* Whether v's virtual IOPL lets it use ports and CLI: its kernel counts as ring 1, or as ring 0 if the domain
 * has asked for the IOPL of the architecture. */
static inline bool guest_has_iopl(const struct vcpu *v)
{
    unsigned ring = !v->kernel_mode                                                ? 3
                    : v->domain->vm_assist & 1UL << VMASST_TYPE_architectural_iopl ? 0
                                                                                   : 1;

    return v->iopl >= ring;
}
bool guest_port_allowed(struct vcpu *v, u16 port, unsigned size);

#endif
