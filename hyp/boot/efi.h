/* SPDX-License-Identifier: MIT */
/* The little that we read of UEFI's tables. Runtime services are never called. */
#ifndef HYP_BOOT_EFI_H
#define HYP_BOOT_EFI_H

#include "lib/types.h"

/* From the system table's list of configuration tables: machine address of the ACPI 2.0 (else 1.0) RSDP; 0:
 * none. */
paddr_t efi_find_rsdp(paddr_t system_table);

/* What an operating system wants to know of the firmware (dom0 asks through platform_op). */
struct efi_tables {
    u32 revision;   /* of the specification */
    paddr_t config; /* configuration tables and their number */
    u32 config_count;
    u32 vendor_revision;
    u16 vendor[64]; /* UTF-16, NUL-terminated */
};
/* Reads the system table; false: there is none. Maps it anew: call it once. */
bool efi_read_tables(paddr_t system_table, struct efi_tables *t);

#endif
