/* SPDX-License-Identifier: MIT */
/*
 * What belongs to the CPU that is running. Guests own both GS bases, so the hypervisor finds its per-CPU
 * block by the stack pointer: every stack (main and IST) of a CPU lies in one naturally aligned block of
 * STACK_SIZE, with struct cpu_info at its very top.
 */
#ifndef HYP_CPU_PERCPU_H
#define HYP_CPU_PERCPU_H

#include <xen/xen.h>
#include "lib/types.h"

struct vcpu;

/*
 * Layout known to entry.S (asserted in traps.c): the register frame of the guest that was
 * interrupted is the first thing below the rest, so that a trap from the guest on the empty main stack builds
 * exactly `regs`.
 */
struct cpu_info {
    struct cpu_user_regs regs; /* es..gs slots are filled at context switch only */
    u32 cpu;                   /* this CPU's number, 0..NR_CPUS-1 */
    u32 pad;
    struct vcpu *vcpu; /* vCPU whose context is loaded (may be the idle vCPU) */
};

#ifdef HYP_HOST_TEST
struct cpu_info *get_cpu_info(void);
#else
static inline struct cpu_info *get_cpu_info(void)
{
    u64 sp;
    __asm__("mov %%rsp, %0" : "=r"(sp));
    return (struct cpu_info *)((sp | (STACK_SIZE - 1)) + 1) - 1;
}
#endif

static inline unsigned this_cpu_id(void)
{
    return get_cpu_info()->cpu;
}
#define current (get_cpu_info()->vcpu)
/* The frame that entry code restores on the way back to the guest. */
static inline struct cpu_user_regs *guest_regs(void)
{
    return &get_cpu_info()->regs;
}

/* Per-CPU variables are arrays: simple, and the whole can be looked at from anywhere. */
#define DEFINE_PER_CPU(type, name) type name[NR_CPUS]
#define this_cpu(name)             (name[this_cpu_id()])

#endif
