/* SPDX-License-Identifier: MIT */
#ifndef GUEST_TRAPS_H
#define GUEST_TRAPS_H

/*
 * Exceptions, system calls and the other callbacks of a PV kernel.
 *
 * A trap is offered, in this order, to the hook of its vector, to the exception table, and to
 * the default action: events run their handlers, everything else prints the registers and
 * crashes the domain.
 */

#include <stdbool.h>
#include <stdint.h>
#include <xen/xen.h>
#include "guest/layout.h"
#include "guest/vcpu.h"

enum {
    VEC_DE = 0,
    VEC_DB = 1,
    VEC_NMI = 2,
    VEC_BP = 3,
    VEC_OF = 4,
    VEC_BR = 5,
    VEC_UD = 6,
    VEC_NM = 7,
    VEC_DF = 8,
    VEC_TS = 10,
    VEC_NP = 11,
    VEC_SS = 12,
    VEC_GP = 13,
    VEC_PF = 14,
    VEC_MF = 16,
    VEC_AC = 17,
    VEC_MC = 18,
    VEC_XM = 19
};

/* Register state at a trap; the members from rax on are the frame of HYPERVISOR_iret. */
struct trap_frame {
    uint64_t r15, r14, r13, r12, rbp, rbx, r10, r9, r8, rdx, rsi, rdi;
    uint64_t vector;
    uint64_t rax, r11, rcx;
    uint64_t error; /* 0 when the vector has no error code */
    uint64_t rip;
    uint64_t cs; /* bit 32: upcall mask at the time of the trap */
    uint64_t rflags, rsp, ss;
};

static inline bool frame_from_user(const struct trap_frame *f)
{
    return (f->cs & 3) == 3;
}

/* Returns true when the trap is dealt with; the (possibly changed) frame is then returned to. */
typedef bool (*trap_hook_t)(struct trap_frame *f);

/* vector < TRAP_NR; hook NULL removes. Returns the hook before. Not for concurrent use. */
trap_hook_t trap_set_hook(unsigned vector, trap_hook_t hook);

/* Registers the trap table and the callbacks of the boot vCPU. */
void traps_init(void);

/* Registers the callbacks that each vCPU has of its own. */
void traps_init_vcpu(void);

/* Copies this library's trap table (terminated by an entry with address 0), NR <= 256 entries. */
extern const struct trap_info guest_trap_table[];

void trap_print(const struct trap_frame *f);

/*
 * Exception table: an instruction between these two macros may fault; execution then goes on at
 * the label behind it, and fault_take() tells what happened.
 */
#define EXTABLE(from, to) \
    ".pushsection .ex_table, \"a\"\n\t.p2align 3\n\t.quad " #from ", " #to "\n\t.popsection\n\t"
#define PROBE(insn) "771: " insn "\n772:\n\t" EXTABLE(771b, 772b)

/* The fault caught last on this vCPU, forgotten by this call. */
static inline struct fault fault_take(void)
{
    struct fault f = this_vcpu()->fault;

    this_vcpu()->fault.seen = false;
    return f;
}

/*
 * Reads and writes that may fault: true on success. A write that "succeeds" went through the
 * hypervisor's page-table write emulation if the page is a page table.
 */
bool probe_read64(const volatile void *p, uint64_t *value);
bool probe_write64(volatile void *p, uint64_t value);

/*
 * Runs fn(arg) in user mode on the stack that ends at stack_top, with the user page tables set by
 * MMUEXT_NEW_USER_BASEPTR. Comes back when the function returns (its result) or when a hook calls
 * user_exit(). Code and stack must be mapped in the user page tables.
 */
unsigned long user_call(unsigned long (*fn)(unsigned long), unsigned long arg, void *stack_top);

/* From a hook of a trap that came from user mode: ends user_call() with value. */
void user_exit(unsigned long value) __attribute__((noreturn));

/* Call from user mode: the system call that ends user_call(). Number in RAX, value in RDI. */
#define USER_SYSCALL_EXIT 0x1e0

extern uint64_t failsafe_selectors[4]; /* DS, ES, FS, GS of the last failsafe callback */

/* Entered from entry.S. */
void trap_dispatch(struct trap_frame *f);

#endif
