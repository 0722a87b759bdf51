/* SPDX-License-Identifier: MIT */
/* What this room needs of those above it: declared here, defined there, joined by the linker. */
#ifndef HYP_DOMAIN_ABOVE_H
#define HYP_DOMAIN_ABOVE_H

#include <xen/xen.h>
#include "lib/types.h"

struct vcpu;

/* hypercalls/dispatch.c: runs the hypercall in the frame. */
void hypercall_entry(struct cpu_user_regs *regs);

/* --- sched/ --- */
/* The idle loop; never returns. Goes over to the guest's exit path when the scheduler has given the CPU to a
 * vCPU. */
void idle_loop(void) __noreturn;
/* The state of v is in struct vcpu now. By context_switch() on the CPU that had it. */
void sched_context_saved(struct vcpu *v);
/* The vCPU may have become runnable (flags cleared, event pending): puts it on a queue, kicks a CPU. Any
 * context, also interrupts. */
void vcpu_wake(struct vcpu *v);
/* A VPF_ flag was set: takes it off the queue, or makes the CPU where it runs schedule. Any context. */
void vcpu_sleep_nosync(struct vcpu *v);

/* --- main.c --- */
/* Some domain shut down or died (VIRQ_DOM_EXC for dom0). */
void domain_exception(void);
/* dom0 has shut down for this reason. */
void machine_shutdown(unsigned reason) __noreturn;

/* entry.S */
void run_on_fresh_stack(void (*fn)(void)) __noreturn;

#endif
