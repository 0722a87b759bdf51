/* SPDX-License-Identifier: MIT */
/*
 * ELF notes that tell a domain builder how to load this kernel. The hypercall page is not
 * announced here: an image that wants one links guest/hypercall_page.S.
 */
#include <xen/elfnote.h>
#include "guest/elfnote.inc"

    .globl guest_elf_notes
guest_elf_notes = 0

elfnote XEN_ELFNOTE_XEN_VERSION, .asciz, "xen-3.0"
elfnote XEN_ELFNOTE_GUEST_OS, .asciz, "hospes-guest"
elfnote XEN_ELFNOTE_GUEST_VERSION, .asciz, "1"
elfnote XEN_ELFNOTE_LOADER, .asciz, "generic"
elfnote XEN_ELFNOTE_PAE_MODE, .asciz, "yes"
elfnote XEN_ELFNOTE_FEATURES, .asciz, "pae_pgdir_above_4gb"
elfnote XEN_ELFNOTE_ENTRY, .quad, _start
elfnote XEN_ELFNOTE_VIRT_BASE, .quad, VIRT_BASE
elfnote XEN_ELFNOTE_PADDR_OFFSET, .quad, 0
elfnote XEN_ELFNOTE_SUSPEND_CANCEL, .quad, 1

    .section .note.GNU-stack, "", @progbits
