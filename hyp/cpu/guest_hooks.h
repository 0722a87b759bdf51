/* SPDX-License-Identifier: MIT */
/* What the entry paths hand to the domain room, which sits above this one. Set once at boot. */
#ifndef HYP_CPU_GUEST_HOOKS_H
#define HYP_CPU_GUEST_HOOKS_H

#include <xen/xen.h>
#include "lib/types.h"

struct guest_hooks {
    /* An exception of the guest; interrupts on. */
    void (*exception)(struct cpu_user_regs *regs, u64 cr2);
    /* SYSCALL and SYSENTER of the guest; interrupts on. */
    void (*syscall)(struct cpu_user_regs *regs);
    void (*sysenter)(struct cpu_user_regs *regs);
    /* Last stop before the guest; interrupts off at entry and at return. */
    void (*exit_work)(struct cpu_user_regs *regs);
    /* A page fault of the hypervisor itself. True: mended, run the instruction again. */
    bool (*hypervisor_fault)(struct cpu_user_regs *regs, u64 cr2);
    /* The guest's frame could not be loaded. */
    void (*iret_failed)(struct cpu_user_regs *guest);
    void (*resume)(void) __attribute__((noreturn));
};
extern const struct guest_hooks *guest_hooks;

/* Platform NMI: on an IST stack (panic's stop request, or unknown). */
void nmi_handler(struct cpu_user_regs *regs);

#endif
