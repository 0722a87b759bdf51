/* SPDX-License-Identifier: MIT */
/* Between head.S, the parsers of the two boot protocols, and start.c. */
#ifndef HYP_BOOT_PROTOCOL_H
#define HYP_BOOT_PROTOCOL_H

/* What head.S passes as `protocol`: the loader's magic number, or this one of our own for the PVH entry. */
#define MULTIBOOT2_LOADER_MAGIC 0x36d76289
#define MULTIBOOT2_HEADER_MAGIC 0xe85250d6
#define MULTIBOOT1_LOADER_MAGIC 0x2badb002
#define PVH_ENTRY_MAGIC         0x50564821

/* HYP_IMAGE_BASE for the assembler, which knows no C suffixes; start.c asserts that both are the same. */
#define IMAGE_BASE_ASM     0xffff828000000000

#define BOOT_CODE_SELECTOR 0x08
#define BOOT_DATA_SELECTOR 0x10

#ifndef __ASSEMBLER__
#include "boot/boot.h"

/* First C function: 64-bit mode, first page tables, boot stack. `info` is the loader's structure below 4 GiB.
 */
void boot_start(u32 protocol, u32 info) __noreturn;

/* Reads memory that the loader left at a machine address: NULL when [paddr, paddr+size) cannot be reached.
 * Replaced in host tests. */
const void *boot_phys(paddr_t paddr, u64 size);

/*
 * Fill `bi` from the loader's structure. All strings and numbers in it are checked against its bounds, for
 * the structure may have been damaged by the loader or by firmware. Return NULL, or what is wrong with it.
 */
const char *multiboot2_parse(struct boot_info *bi, paddr_t info);
const char *pvh_parse(struct boot_info *bi, paddr_t info);

/* e820.c. Adds an entry; silently drops empty ones, and reports (false) when the table is full. */
bool e820_add(struct boot_info *bi, u64 addr, u64 size, u32 type);
/* Sorts, resolves overlaps (the more restrictive type wins), merges neighbours. */
void e820_sanitize(struct boot_info *bi);

/* cmdline.c. Fills `opt` with defaults and then from the command line; an unknown option gets one warning
 * line. */
void cmdline_parse(struct boot_options *opt, const char *cmdline);
#endif

#endif
