/* SPDX-License-Identifier: MIT */
/*
 * A secondary CPU begins here after the startup interrupt: real mode, CS = page >> 4, IP 0. Position independent: all addresses are
 * offsets in the page, to which the page's own address is added once it is known.
 */
#include "cpu/trampoline.h"

#define OFFSET(sym) ((sym) - trampoline_start)

        .section .rodata.trampoline, "a"
        .balign 16
        .globl trampoline_start, trampoline_end
        .code16
trampoline_start:
        cli
        cld
        jmp trampoline_16
        .org trampoline_start + TRAMPOLINE_BASE
        .long 0
        .long 0 /* TRAMPOLINE_CR3 */
        .quad 0 /* TRAMPOLINE_STACK */
        .quad 0 /* TRAMPOLINE_ENTRY */
        .org trampoline_start + TRAMPOLINE_GDT
        .short 4 * 8 - 1
        .long 0 /* filled below: base + 0x28 */
        .short 0
        .org trampoline_start + TRAMPOLINE_GDT + 8
        .quad 0
        .quad 0x00cf9b000000ffff /* 0x08: code, 32 bit */
        .quad 0x00cf93000000ffff /* 0x10: data */
        .quad 0x00af9b000000ffff /* 0x18: code, 64 bit */

trampoline_16:
        movw %cs, %ax
        movw %ax, %ds
        movl TRAMPOLINE_BASE, %ebx
        leal (TRAMPOLINE_GDT + 8)(%ebx), %eax
        movl %eax, TRAMPOLINE_GDT + 2
        lgdtl TRAMPOLINE_GDT
        /* Far targets need the page's address, which only run time knows: built on the data side. */
        leal OFFSET(trampoline_32)(%ebx), %eax
        movl %eax, OFFSET(far_32)
        leal OFFSET(trampoline_64)(%ebx), %eax
        movl %eax, OFFSET(far_64)
        movl $0x11, %eax /* ET PE; caches on */
        movl %eax, %cr0
        ljmpl *OFFSET(far_32)

        .balign 4
far_32: .long 0
        .short 0x08
        .balign 4
far_64: .long 0
        .short 0x18

        .code32
trampoline_32:
        movl $0x10, %eax
        movl %eax, %ds
        movl %eax, %es
        movl %eax, %ss
        movl $0x20, %eax /* PAE */
        movl %eax, %cr4
        movl TRAMPOLINE_CR3(%ebx), %eax
        movl %eax, %cr3
        movl $0xc0000080, %ecx /* EFER: LME, NX */
        rdmsr
        orl $0x900, %eax
        wrmsr
        movl $0x80010011, %eax /* PG WP ET PE */
        movl %eax, %cr0
        ljmpl *OFFSET(far_64)(%ebx)

        .code64
trampoline_64:
        xorl %eax, %eax
        movl %eax, %ds
        movl %eax, %es
        movl %eax, %ss
        movl %eax, %fs
        movl %eax, %gs
        movq TRAMPOLINE_STACK(%rbx), %rsp
        movq TRAMPOLINE_ENTRY(%rbx), %rax
        xorl %ebp, %ebp
        call *%rax
        ud2
trampoline_end:

        .section .note.GNU-stack, "", @progbits
