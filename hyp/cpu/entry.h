/* SPDX-License-Identifier: MIT */
/* Between the assembly entry paths and C. Offsets are asserted in traps.c. */
#ifndef HYP_CPU_ENTRY_H
#define HYP_CPU_ENTRY_H

/* entry_vector values beyond the 256 hardware vectors. */
#define ENTRY_SYSCALL  0x100
#define ENTRY_SYSENTER 0x101

/* struct cpu_user_regs */
#define REGS_R11    48
#define REGS_RAX    80
#define REGS_RCX    88
#define REGS_ERROR  120
#define REGS_VECTOR 124
#define REGS_RIP    128
#define REGS_CS     136
#define REGS_RFLAGS 144
#define REGS_RSP    152
#define REGS_SS     160
#define REGS_ES     168
#define REGS_SIZE   200

/* struct cpu_info: REGS_ES to the end of the block. */
#define CPU_INFO_SIZE 216
/* Where hardware starts to push on a trap from the guest: &cpu_info.regs.es, relative to the end of the
 * block. */
#define CPU_INFO_STACK_TOP (CPU_INFO_SIZE - REGS_ES)

/* IST stacks: page of the block, 1-based top. */
#define IST_DF  1
#define IST_NMI 2
#define IST_MC  3
#define IST_DB  4

#ifndef __ASSEMBLER__
#include <xen/xen.h>
#include "lib/types.h"

/* entry.S */
extern const char exception_stubs[], interrupt_stubs[], int80_stub[], iret_instruction[], syscall_stubs[],
    syscall32_stubs[], sysenter_entry[];
extern u64 syscall_stack_top[NR_CPUS];
#define EXCEPTION_STUB_SIZE 32
#define SYSCALL_STUB_SIZE   32

/* What entry.S calls. traps.c: */
void handle_exception(struct cpu_user_regs *regs);
void handle_ist(struct cpu_user_regs *regs);
/* smp.c: a hardware NMI, or panic's stop request; on an IST stack. */
void nmi_handler(void);

/* The domain room sits above this one; the linker joins them. Interrupts are on, but for the last stop before
 * the guest. */
void guest_exception(struct cpu_user_regs *regs, u64 cr2);
void guest_syscall_entry(struct cpu_user_regs *regs);
void guest_sysenter(struct cpu_user_regs *regs);
void exit_work(struct cpu_user_regs *regs);
/* A page fault of the hypervisor itself. True: mended, run the instruction again. */
bool guest_mends_fault(u64 cr2);
/* The guest's frame could not be loaded. */
void guest_iret_failed(struct cpu_user_regs *regs);
void resume_current(void) __noreturn; /* entry.S */
#endif

#endif
