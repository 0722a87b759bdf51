/* SPDX-License-Identifier: MIT */
/* The start code of secondary CPUs, copied to a page below 1 MiB, and the words that smp.c fills in at its
 * end. */
#ifndef HYP_CPU_TRAMPOLINE_H
#define HYP_CPU_TRAMPOLINE_H

/* Offsets in the page. */
#define TRAMPOLINE_BASE  0x08 /* u32: physical address of the page */
#define TRAMPOLINE_CR3   0x0c /* u32: root with the identity map and the hypervisor's slots */
#define TRAMPOLINE_STACK 0x10 /* u64: initial stack pointer */
#define TRAMPOLINE_ENTRY 0x18 /* u64: C function, never returns */
#define TRAMPOLINE_GDT   0x20 /* pseudo-descriptor, then the table at 0x28 */

#ifndef __ASSEMBLER__
extern const char trampoline_start[], trampoline_end[];
#endif

#endif
