/* SPDX-License-Identifier: MIT */
/* What the boot loader handed over, whichever protocol it used; filled before anything else runs. */
#ifndef HYP_BOOT_BOOT_H
#define HYP_BOOT_BOOT_H

#include "lib/types.h"

#define E820_MAX 256
enum e820_type { E820_RAM = 1, E820_RESERVED, E820_ACPI, E820_NVS, E820_UNUSABLE };
struct e820_entry {
    u64 addr, size;
    u32 type;
} __packed;

struct boot_module {
    paddr_t start;
    u64 size;
    char cmdline[1024];
};

struct boot_info {
    char cmdline[2048];
    struct e820_entry e820[E820_MAX]; /* sorted, not overlapping, adjacent ones of a type merged */
    unsigned e820_count;
    struct boot_module modules[8];
    unsigned module_count;
    paddr_t rsdp;            /* where the RSDP is; 0: not known */
    u8 rsdp_copy[36];        /* as the loader copied it */
    unsigned rsdp_copy_size; /* 0: the loader gave none */
    bool efi;
    paddr_t efi_system_table;
    bool vga_text; /* the screen is in VGA text mode 3 (BIOS) */
};
extern struct boot_info boot_info;
extern u64 boot_tsc; /* when the loader handed over */

/* Options of the hypervisor's command line, Xen's names. */
struct boot_options {
    u64 dom0_mem;            /* bytes; 0: all that is left over, but for dom0_mem_keep */
    u64 dom0_mem_keep;       /* bytes kept back from dom0 ("dom0_mem=-256M") */
    u64 dom0_mem_max;        /* its max_pages in bytes, also an upper limit of dom0_mem; 0: as dom0_mem */
    unsigned dom0_max_vcpus; /* 0: one for each CPU */
    char console[32], com1[32], com2[32];
    int loglvl, guest_loglvl; /* enum log_level, highest printed; -1: nothing */
    bool noreboot, nosmp, smep, smap;
    unsigned maxcpus; /* 0: all */
};
extern struct boot_options boot_options;

/* The operator's mistake, found while starting: one line on the console, then the machine stands still. */
void boot_stop(const char *why) __noreturn;

/* main.c: everything after boot_info and boot_options are filled and the console works. Boot stack, first
 * page tables, interrupts off. */
void hyp_main(void) __noreturn;

/*
 * The direct map covers the RAM of the boot memory map, nothing else. It is there (for the first 4 GiB of
 * physical address space) from the first instruction in 64-bit mode on, and whole after this: it builds the
 * final tables and loads them, image (text RX, rodata R, data RW) and direct map. After boot_alloc_init().
 */
void paging_init(void);
/*
 * If the first module is a bzImage: unpacks it into early memory, lets boot_info.modules[0] describe the ELF
 * image in it, and gives the packed one's frames back. Anything else stays as it is. Stops the machine with a
 * message when the image is damaged or in a format that we cannot unpack. After paging_init(), while
 * boot_alloc_pages() works.
 */
void boot_unpack_kernel(void);
/* ACPI: fills cpu_ids candidates, IO-APICs, interrupt overrides, PM timer, HPET, FADT reset/sleep registers.
 */
void acpi_init(void);

#endif
