/* SPDX-License-Identifier: MIT */
#ifndef GUEST_LAYOUT_H
#define GUEST_LAYOUT_H

/*
 * Constants shared by C and assembly.
 *
 * A stack of kernel mode is GUEST_STACK_SIZE bytes, aligned to its size, with a struct stack_head
 * at the lowest address, so that this_vcpu() needs neither a segment base nor a register.
 */
#define GUEST_STACK_SIZE 16384

/* Pseudo vectors of the callbacks that are no exceptions (trap_frame.vector). */
#define TRAP_EVENT     0x100
#define TRAP_FAILSAFE  0x101
#define TRAP_SYSCALL   0x102
#define TRAP_SYSCALL32 0x103
#define TRAP_SYSENTER  0x104
#define TRAP_NMI       0x105
#define TRAP_NR        0x106

#endif
