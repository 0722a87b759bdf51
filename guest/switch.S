/* SPDX-License-Identifier: MIT */
/*
 * void thread_switch(void **save_sp, void *sp)
 *
 * A function call like any other to both threads: what a caller may expect to be kept is saved on the stack.
 */
    .text
    .globl thread_switch
thread_switch:
    pushq   %rbp
    pushq   %rbx
    pushq   %r12
    pushq   %r13
    pushq   %r14
    pushq   %r15
    movq    %rsp, (%rdi)
    movq    %rsi, %rsp
    popq    %r15
    popq    %r14
    popq    %r13
    popq    %r12
    popq    %rbx
    popq    %rbp
    ret

/* Where a new thread's stack says that thread_switch() was called from. */
    .globl thread_first
thread_first:
    xorl    %ebp, %ebp
    call    thread_run
    ud2

    .section .note.GNU-stack, "", @progbits
