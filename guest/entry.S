/* SPDX-License-Identifier: MIT */
/*
 * First instruction of a guest kernel, and the entry points of its traps.
 *
 * The hypervisor pushes RCX and R11 below the hardware-like frame of each trap. The stubs
 * turn what they find into a struct trap_frame (guest/traps.h), whose upper part is the frame
 * that HYPERVISOR_iret wants: leaving is popping the rest and one hypercall.
 */
#include <xen/xen.h>
#include "guest/layout.h"

    .section .text.entry, "ax", @progbits
    .globl _start
_start:
    cld
    leaq    guest_boot_stack + GUEST_STACK_SIZE(%rip), %rsp
    xorl    %ebp, %ebp
    movq    %rsi, %rdi
    call    guest_start
    ud2
    .quad   guest_elf_notes         /* pulls guest/notes.S out of the archive */

/* A secondary vCPU starts here on its own stack. */
    .globl guest_secondary_entry
guest_secondary_entry:
    cld
    xorl    %ebp, %ebp
    call    smp_secondary_start
    ud2

    .text
/* Stack at a stub: RCX, R11, [error code,] RIP, CS, RFLAGS, RSP, SS. */
.macro stub name, vector, has_error
    .globl \name
\name:
    popq    %rcx
    popq    %r11
    .if \has_error == 0
    pushq   $0
    .endif
    pushq   %rcx
    pushq   %r11
    pushq   %rax
    pushq   $\vector
    jmp     trap_common
.endm

trap_common:
    pushq   %rdi
    pushq   %rsi
    pushq   %rdx
    pushq   %r8
    pushq   %r9
    pushq   %r10
    pushq   %rbx
    pushq   %rbp
    pushq   %r12
    pushq   %r13
    pushq   %r14
    pushq   %r15
    cld
    movq    %rsp, %rdi
    movq    %rsp, %rbx
    andq    $-16, %rsp
    xorl    %ebp, %ebp
    call    trap_dispatch
    movq    %rbx, %rsp
    .globl trap_return
trap_return:
    popq    %r15
    popq    %r14
    popq    %r13
    popq    %r12
    popq    %rbp
    popq    %rbx
    popq    %r10
    popq    %r9
    popq    %r8
    popq    %rdx
    popq    %rsi
    popq    %rdi
    addq    $8, %rsp                /* vector */
    movq    $0, 24(%rsp)            /* error code's slot is the flags of iret */
    movl    $__HYPERVISOR_iret, %eax
    syscall
    ud2

    stub trap_entry_0, 0, 0
    stub trap_entry_1, 1, 0
    stub trap_entry_2, 2, 0
    stub trap_entry_3, 3, 0
    stub trap_entry_4, 4, 0
    stub trap_entry_5, 5, 0
    stub trap_entry_6, 6, 0
    stub trap_entry_7, 7, 0
    stub trap_entry_8, 8, 1
    stub trap_entry_9, 9, 0
    stub trap_entry_10, 10, 1
    stub trap_entry_11, 11, 1
    stub trap_entry_12, 12, 1
    stub trap_entry_13, 13, 1
    stub trap_entry_14, 14, 1
    stub trap_entry_16, 16, 0
    stub trap_entry_17, 17, 1
    stub trap_entry_18, 18, 0
    stub trap_entry_19, 19, 0
    stub trap_entry_int80, 0x80, 0
    stub trap_entry_int81, 0x81, 0
    stub trap_entry_event, TRAP_EVENT, 0
    stub trap_entry_syscall, TRAP_SYSCALL, 0
    stub trap_entry_syscall32, TRAP_SYSCALL32, 0
    stub trap_entry_sysenter, TRAP_SYSENTER, 0
    stub trap_entry_nmi, TRAP_NMI, 0

/* The failsafe frame has DS, ES, FS, GS between R11 and RIP: keep them aside for the report. */
    .globl trap_entry_failsafe
trap_entry_failsafe:
    popq    %rcx
    popq    %r11
    popq    failsafe_selectors(%rip)
    popq    failsafe_selectors + 8(%rip)
    popq    failsafe_selectors + 16(%rip)
    popq    failsafe_selectors + 24(%rip)
    pushq   $0
    pushq   %rcx
    pushq   %r11
    pushq   %rax
    pushq   $TRAP_FAILSAFE
    jmp     trap_common

/*
 * unsigned long user_run(struct iret_context *ctx, unsigned long *kernel_sp)
 *
 * Enters user mode with ctx and stores the stack pointer to come back to in *kernel_sp.
 * user_leave() unwinds to there: the value it is given becomes the result of user_run().
 */
    .globl user_run
user_run:
    pushq   %rbp
    pushq   %rbx
    pushq   %r12
    pushq   %r13
    pushq   %r14
    pushq   %r15
    movq    %rsp, (%rsi)
    movq    %rdi, %rbx
    movl    $FLAT_KERNEL_SS, %edi
    movq    %rsp, %rsi
    movl    $__HYPERVISOR_stack_switch, %eax
    syscall
    pushq   8*8(%rbx)
    pushq   8*7(%rbx)
    pushq   8*6(%rbx)
    pushq   8*5(%rbx)
    pushq   8*4(%rbx)
    pushq   8*3(%rbx)
    pushq   8*2(%rbx)
    pushq   8*1(%rbx)
    pushq   8*0(%rbx)
    movq    8*0(%rbx), %rdi         /* the user function's argument travels in RAX and RDI */
    movl    $__HYPERVISOR_iret, %eax
    syscall
    ud2

/* void user_leave(unsigned long kernel_sp, unsigned long value) */
    .globl user_leave
user_leave:
    movq    %rdi, %rsp
    movq    %rsi, %rax
    popq    %r15
    popq    %r14
    popq    %r13
    popq    %r12
    popq    %rbx
    popq    %rbp
    ret

    .section .note.GNU-stack, "", @progbits
