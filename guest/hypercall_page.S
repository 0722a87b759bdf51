/* SPDX-License-Identifier: MIT */
/*
 * The hypercall page: 128 slots of 32 bytes that the hypervisor fills. Only images that refer to
 * hypercall_page link this file and thereby ask for it; the library itself issues SYSCALL.
 */
#include <xen/elfnote.h>
#include "guest/elfnote.inc"

    .section .text.hypercall_page, "ax", @progbits
    .globl hypercall_page
    .p2align 12
hypercall_page:
    .fill 4096, 1, 0xc3

elfnote XEN_ELFNOTE_HYPERCALL_PAGE, .quad, hypercall_page

    .section .note.GNU-stack, "", @progbits
