/* SPDX-License-Identifier: MIT */
/*
 * From the boot loader to C: both protocols enter in 32-bit protected mode without paging, flat segments, at physical addresses.
 * Multiboot2 (GRUB on BIOS and on UEFI): EAX magic, EBX information. PVH (QEMU -kernel): EBX start info.
 */
#include "config.h"
#include "boot/protocol.h"

/* config.h's figures carry C suffixes where head.S needs plain numbers. */
#define STACK_BYTES (4096 << STACK_ORDER)
/* struct cpu_info, rounded up to keep the stack aligned to 16. */
#define CPU_INFO_ROOM 256

#define PA(sym) ((sym) - IMAGE_BASE_ASM)

#define PTE_TABLE 0x63 /* P RW A D */
#define PTE_USER  0x04
#define PTE_LARGE 0xe3 /* P RW A D PSE */

#define MSR_EFER 0xc0000080
#define EFER_LME 0x100
#define EFER_NX  0x800

        .section .text.head, "ax"
        .balign 8
multiboot2_header:
        .long MULTIBOOT2_HEADER_MAGIC
        .long 0 /* i386, protected mode */
        .long multiboot2_header_end - multiboot2_header
        .long -(MULTIBOOT2_HEADER_MAGIC + 0 + (multiboot2_header_end - multiboot2_header))

        /* Information that we use; 'optional' so that a loader without one of them still starts us. */
        .balign 8
        .short 1, 1
        .long 2f - 1f + 8
1:      .long 1, 3, 6, 8, 12, 14, 15 /* command line, modules, memory map, framebuffer, EFI64, ACPI old and new */
2:
        .balign 8
        .short 4, 1 /* console flags: EGA text is welcome, none is required */
        .long 12
        .long 2
        .balign 8
        .short 6, 0 /* modules begin on pages */
        .long 8
        .balign 8
        .short 0, 0 /* end */
        .long 8
multiboot2_header_end:

        .code32
        .globl pvh_entry
pvh_entry:
        movl $PVH_ENTRY_MAGIC, %eax
        jmp 1f

        .globl multiboot2_entry
multiboot2_entry:
1:
        cld
        cli
        movl $PA(boot_stack_top), %esp
        movl %eax, %ebp /* protocol */
        movl %ebx, %esi /* information */
        lgdt PA(boot_gdt_pointer)
        ljmp $BOOT_CODE_SELECTOR, $PA(1f)
1:      movl $BOOT_DATA_SELECTOR, %eax
        movl %eax, %ds
        movl %eax, %es
        movl %eax, %ss
        xorl %eax, %eax
        movl %eax, %fs
        movl %eax, %gs

        /* 64-bit mode and no-execute are required. */
        movl $0x80000000, %eax
        cpuid
        movl $PA(message_no_long_mode), %edi
        cmpl $0x80000001, %eax
        jb boot_fail
        movl $0x80000001, %eax
        cpuid
        btl $29, %edx
        jnc boot_fail
        movl $PA(message_no_nx), %edi
        btl $20, %edx
        jnc boot_fail

        /*
         * First page tables: 4 GiB in 2 MiB pages, seen at 0, at DIRECTMAP_BASE, and its first GiB at HYP_IMAGE_BASE. The sixteen L3
         * tables of the hypervisor's slots are the final ones. Slot 256 alone is reachable from user mode (M2P).
         */
        movl $PA(hyp_l4), %edi
        movl $PA(boot_identity_l3) + PTE_TABLE, (%edi)
        movl $PA(hyp_l3) + PTE_TABLE, %eax
        movl $HYP_L4_FIRST, %ecx
1:      movl %eax, (%edi, %ecx, 8)
        addl $4096, %eax
        incl %ecx
        cmpl $HYP_L4_LAST, %ecx
        jbe 1b
        orl $PTE_USER, HYP_L4_FIRST * 8(%edi)

        movl $PA(boot_l2) + PTE_TABLE, %eax
        movl %eax, PA(hyp_l3) + 5 * 4096
        xorl %ecx, %ecx
1:      movl %eax, PA(boot_identity_l3)(, %ecx, 8)
        movl %eax, PA(hyp_l3) + 6 * 4096(, %ecx, 8)
        addl $4096, %eax
        incl %ecx
        cmpl $4, %ecx
        jb 1b

        movl $PTE_LARGE, %eax
        xorl %ecx, %ecx
1:      movl %eax, PA(boot_l2)(, %ecx, 8)
        addl $0x200000, %eax
        incl %ecx
        cmpl $2048, %ecx
        jb 1b

        movl %cr4, %eax
        orl $0x20, %eax /* PAE */
        movl %eax, %cr4
        movl $PA(hyp_l4), %eax
        movl %eax, %cr3
        movl $MSR_EFER, %ecx
        rdmsr
        orl $(EFER_LME | EFER_NX), %eax
        wrmsr
        movl %cr0, %eax
        andl $~0x60000004, %eax /* caches on, no FPU emulation */
        orl $0x80010001, %eax   /* PG WP PE */
        movl %eax, %cr0
        ljmp $0x18, $PA(boot_64)

/* EDI: message. Nothing is known of the machine yet, so it goes to the usual serial port. */
boot_fail:
        movb (%edi), %bl
        testb %bl, %bl
        jz 2f
        movw $0x3fd, %dx
1:      inb %dx, %al
        testb $0x20, %al
        jz 1b
        movw $0x3f8, %dx
        movb %bl, %al
        outb %al, %dx
        incl %edi
        jmp boot_fail
2:      hlt
        jmp 2b

        .code64
boot_64:
        movabsq $1f, %rax
        jmpq *%rax
1:      movabsq $boot_stack_top, %rsp
        movl %ebp, %edi /* zero-extended by the move */
        movl %esi, %esi
        xorl %ebp, %ebp
        xorl %eax, %eax
        movl %eax, %ds
        movl %eax, %es
        movl %eax, %ss
        call boot_start
        ud2

        .section .rodata, "a"
message_no_long_mode:
        .asciz "Hospes: this CPU has no 64-bit mode; stopped\r\n"
message_no_nx:
        .asciz "Hospes: this CPU has no no-execute page protection (NX); stopped\r\n"

        .balign 8
boot_gdt:
        .quad 0
        .quad 0x00cf9b000000ffff /* 0x08: code, 32 bit */
        .quad 0x00cf93000000ffff /* 0x10: data */
        .quad 0x00af9b000000ffff /* 0x18: code, 64 bit */
boot_gdt_end:
        .globl boot_gdt_pointer
boot_gdt_pointer:
        .short boot_gdt_end - boot_gdt - 1
        .long PA(boot_gdt)

        .section .note.Xen, "a", @note
        .balign 4
        .long 4, 4, 18 /* XEN_ELFNOTE_PHYS32_ENTRY */
        .asciz "Xen"
        .long PA(pvh_entry)

        .section .bss.stack, "aw", @nobits
        .balign STACK_BYTES
        .globl boot_stack
boot_stack:
        .skip STACK_BYTES - CPU_INFO_ROOM
boot_stack_top:
        .skip CPU_INFO_ROOM

        .section .bss.page_aligned, "aw", @nobits
        .balign 4096
        .globl hyp_l4, hyp_l3, boot_identity_l3
hyp_l4:
        .skip 4096
hyp_l3:
        .skip 16 * 4096
boot_identity_l3:
        .skip 4096
boot_l2:
        .skip 4 * 4096

        .section .note.GNU-stack, "", @progbits
