/* SPDX-License-Identifier: MIT */
/*
 * Every way into the hypervisor and the way back to the guest.
 *
 * A guest owns all registers and both GS bases. The hypervisor finds its CPU by the stack pointer: traps switch to the
 * main stack through the TSS; SYSCALL does not switch stacks, so each CPU has a stub of its own that knows its stack.
 * NMI, #DF, #MC and #DB use IST stacks: they can arrive in the first instruction after SYSCALL, on the guest's stack
 * pointer (#DB through a watched operand of MOV SS).
 */
#include "config.h"
#include "cpu/entry.h"

    .text

/* In the order of struct cpu_user_regs; error code and vector are there already. */
.macro SAVE_REGS
    push %rdi
    push %rsi
    push %rdx
    push %rcx
    push %rax
    push %r8
    push %r9
    push %r10
    push %r11
    push %rbx
    push %rbp
    push %r12
    push %r13
    push %r14
    push %r15
.endm

/* Leaves rsp at the error code slot. */
.macro RESTORE_REGS
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbp
    pop %rbx
    pop %r11
    pop %r10
    pop %r9
    pop %r8
    pop %rax
    pop %rcx
    pop %rdx
    pop %rsi
    pop %rdi
.endm

/* The guest decides AC; with SMAP it must be clear while we run. A nop where the CPU has no SMAP (patched at boot). */
.macro CLEAR_AC
661:
    .byte 0x0f, 0x1f, 0x00
    .pushsection .clac_sites, "a"
    .quad 661b
    .popsection
.endm

/* One stub a vector, EXCEPTION_STUB_SIZE bytes each. */
    .balign 32
    .globl exception_stubs
exception_stubs:
    .set vec, 0
    .rept 32
    .balign 32
    .if !((1 << vec) & ((1 << 8) | (1 << 10) | (1 << 11) | (1 << 12) | (1 << 13) | (1 << 14) | (1 << 17) | (1 << 21)))
    pushq $0
    .endif
    movl $vec, 4(%rsp)
    .if vec == 1 || vec == 2 || vec == 8 || vec == 18
    jmp ist_common
    .else
    jmp exception_common
    .endif
    .set vec, vec + 1
    .endr

    .balign 32
    .globl interrupt_stubs
interrupt_stubs:
    .set vec, 32
    .rept 224
    .balign 16
    pushq $0
    movl $vec, 4(%rsp)
    .byte 0xe9                    /* near jump, so that every stub has the same size */
    .long interrupt_common - . - 4
    .set vec, vec + 1
    .endr

    .balign 16
    .globl int80_stub
int80_stub:
    pushq $0
    movl $0x80, 4(%rsp)
    jmp exception_common

exception_common:
    SAVE_REGS
    cld
    CLEAR_AC
    mov %rsp, %rdi
    xor %ebp, %ebp
    call handle_exception
return_common:
    testb $3, REGS_CS(%rsp)
    jnz ret_to_guest
    RESTORE_REGS
    add $8, %rsp
    iretq

interrupt_common:
    SAVE_REGS
    cld
    CLEAR_AC
    mov %rsp, %rdi
    xor %ebp, %ebp
    call irq_dispatch
    jmp return_common

/*
 * On an IST stack. From the hypervisor: handled right here. A #DB from the guest continues on the main stack like any
 * trap, since it may be delivered to the guest.
 */
ist_common:
    SAVE_REGS
    cld
    CLEAR_AC
    cmpl $1, REGS_VECTOR(%rsp)
    jne 1f
    testb $3, REGS_CS(%rsp)
    jnz 2f
1:
    mov %rsp, %rdi
    xor %ebp, %ebp
    call handle_ist
    RESTORE_REGS
    add $8, %rsp
    iretq
2:
    mov %rsp, %rsi
    mov %rsp, %rdi
    or $(STACK_SIZE - 1), %rdi
    sub $(CPU_INFO_SIZE - 1), %rdi
    mov $(REGS_ES / 8), %ecx
    mov %rdi, %rdx
    rep movsq
    mov %rdx, %rsp
    mov %rsp, %rdi
    xor %ebp, %ebp
    call handle_exception
    jmp return_common

/* --- SYSCALL: one stub a CPU ---------------------------------------------------------------------------------- */
.macro SYSCALL_STUBS cs
    .set cpu, 0
    .rept NR_CPUS
    .balign 32
    mov %rsp, syscall_scratch + cpu * 8(%rip)
    mov syscall_stack_top + cpu * 8(%rip), %rsp
    pushq $GUEST_DS
    pushq syscall_scratch + cpu * 8(%rip)
    jmp syscall_common_\cs
    .set cpu, cpu + 1
    .endr
.endm

    .balign 32
    .globl syscall_stubs
syscall_stubs:
    SYSCALL_STUBS 64
    .balign 32
    .globl syscall32_stubs
syscall32_stubs:
    SYSCALL_STUBS 32

syscall_common_32:
    push %r11
    pushq $GUEST_CS32
    jmp 1f
    .balign 16
syscall_common_64:
    push %r11
    pushq $GUEST_CS64
1:
    push %rcx
    pushq $0
    movl $ENTRY_SYSCALL, 4(%rsp)
    SAVE_REGS
    sti
    mov %rsp, %rdi
    xor %ebp, %ebp
    call guest_syscall_entry
    jmp ret_to_guest

/* SYSENTER gives no return address: the frame has a null RIP and RSP. The stack is the one of MSR_SYSENTER_ESP. */
    .balign 16
    .globl sysenter_entry
sysenter_entry:
    pushq $GUEST_DS
    pushq $0
    pushfq
    orl $0x200, (%rsp)
    andl $~0x4000, (%rsp)
    pushq $3
    pushq $0
    pushq $0
    movl $ENTRY_SYSENTER, 4(%rsp)
    SAVE_REGS
    pushq $2
    popfq
    sti
    mov %rsp, %rdi
    xor %ebp, %ebp
    call guest_sysenter

/* --- back to the guest: rsp is the frame of `current` ---------------------------------------------------------- */
    .balign 16
ret_to_guest:
    cli
    mov %rsp, %rdi
    call exit_work
    /* SYSRET only where it does exactly what IRET would: flat selectors, RCX and R11 as it leaves them, and a canonical return
     * address (a non-canonical one would fault in ring 0 on the guest's stack). */
    mov REGS_RIP(%rsp), %rcx
    cmp REGS_RCX(%rsp), %rcx
    jne 1f
    mov REGS_RFLAGS(%rsp), %r11
    cmp REGS_R11(%rsp), %r11
    jne 1f
    cmpw $GUEST_CS64, REGS_CS(%rsp)
    jne 1f
    cmpw $GUEST_DS, REGS_SS(%rsp)
    jne 1f
    test $0x10100, %r11d          /* RF, TF: SYSRET drops or mistimes them */
    jnz 1f
    mov %rcx, %rax
    shl $16, %rax
    sar $16, %rax
    cmp %rcx, %rax
    jne 1f
    RESTORE_REGS
    mov REGS_RSP - REGS_ERROR(%rsp), %rsp
    sysretq
1:
    RESTORE_REGS
    add $8, %rsp
    .globl iret_instruction
iret_instruction:
    iretq

/* void resume_current(void): the frame on top of this CPU's stack becomes everything. */
    .globl resume_current
resume_current:
    or $(STACK_SIZE - 1), %rsp
    sub $(CPU_INFO_SIZE - 1), %rsp
    xor %ebp, %ebp
    jmp ret_to_guest

/* void run_on_fresh_stack(void (*fn)(void)): the same, but into C. */
    .globl run_on_fresh_stack
run_on_fresh_stack:
    or $(STACK_SIZE - 1), %rsp
    sub $(CPU_INFO_SIZE - 1), %rsp
    and $~15, %rsp
    xor %ebp, %ebp
    call *%rdi
    ud2

/* --- single instructions whose fault is an answer --------------------------------------------------------------- */
.macro EXTABLE at, to
    .pushsection .ex_table, "a"
    .balign 8
    .quad \at, \to
    .popsection
.endm

/* int rdmsr_safe(u32 msr, u64 *v) */
    .globl rdmsr_safe
rdmsr_safe:
    mov %edi, %ecx
1:  rdmsr
    shl $32, %rdx
    or %rdx, %rax
    mov %rax, (%rsi)
    xor %eax, %eax
    ret
2:  movq $0, (%rsi)
    mov $-14, %eax
    ret
    EXTABLE 1b, 2b

/* int load_ds/es/fs/gs(u16 selector): 0, or -14 with the null selector loaded. */
.macro LOAD_SEG reg
    .globl load_\reg
load_\reg:
1:  mov %edi, %\reg
    xor %eax, %eax
    ret
2:  xor %edi, %edi
    mov %edi, %\reg
    mov $-14, %eax
    ret
    EXTABLE 1b, 2b
.endm
    LOAD_SEG ds
    LOAD_SEG es
    LOAD_SEG fs

/* GS goes through swapgs by callers that mean the inactive base. */
    LOAD_SEG gs

    .bss
    .balign 8
syscall_scratch:
    .skip NR_CPUS * 8
    .globl syscall_stack_top
syscall_stack_top:
    .skip NR_CPUS * 8

    .section .note.GNU-stack, "", @progbits
