/* SPDX-License-Identifier: MIT */
/* The seams to the scheduler, event and hypercall rooms, which sit above this one. Filled by main.c. */
#ifndef HYP_DOMAIN_HYPERCALL_ENTRY_H
#define HYP_DOMAIN_HYPERCALL_ENTRY_H

#include <xen/xen.h>

/* Set once at boot: runs the hypercall in the frame. */
extern void (*hypercall_entry)(struct cpu_user_regs *regs);
/* Set once at boot by the scheduler: the idle loop, on a fresh stack. Does not return. */
extern void (*enter_idle_hook)(void);
/* Set once at boot by the scheduler: the state of prev is in memory. */
struct vcpu;
extern void (*context_saved_hook)(struct vcpu *prev);
/* Set once at boot: a vCPU's pause flags changed so that it may run, or must not. */
extern void (*vcpu_wake_hook)(struct vcpu *v);
extern void (*vcpu_sleep_hook)(struct vcpu *v);
/* Set once at boot: some domain shut down or died (VIRQ_DOM_EXC for dom0). */
extern void (*domain_exception_hook)(void);
/* Set once at boot: dom0 has shut down for this reason. Does not return. */
extern void (*machine_shutdown_hook)(unsigned reason) __attribute__((noreturn));
void enter_idle(void) __attribute__((noreturn));
void guest_entry_init(void);
/* entry.S */
void run_on_fresh_stack(void (*fn)(void)) __attribute__((noreturn));

#endif
