/* SPDX-License-Identifier: MIT */
/*
 * Readers of single ACPI tables. Each gets a table as it lies in memory with a length that was checked
 * against its mapping, believes nothing in it, and fills `info`. False: the table is damaged; what was read
 * so far stays.
 */
#ifndef HYP_BOOT_ACPI_TABLES_H
#define HYP_BOOT_ACPI_TABLES_H

#include "cpu/acpi_info.h"

#define ACPI_HEADER_SIZE 36

bool acpi_checksum_ok(const u8 *p, size_t n);
bool acpi_read_madt(struct acpi_info *info, const u8 *table, u32 len);
bool acpi_read_fadt(struct acpi_info *info, const u8 *table, u32 len);
bool acpi_read_hpet(struct acpi_info *info, const u8 *table, u32 len);
/* ISA interrupts one to one, as without overrides. */
void acpi_info_defaults(struct acpi_info *info);

#endif
