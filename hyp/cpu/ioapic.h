/* SPDX-License-Identifier: MIT */
/* IO-APICs: one redirection entry for each global system interrupt. All calls take the hardware lock
 * themselves. */
#ifndef HYP_CPU_IOAPIC_H
#define HYP_CPU_IOAPIC_H

#include "lib/types.h"

/* Maps all that ACPI lists, masks every line; returns one more than the highest GSI. */
unsigned ioapic_init(void);
bool ioapic_has_gsi(unsigned gsi);
/* Writes a line's entry: fixed delivery to one CPU, masked. */
void ioapic_program(unsigned gsi, u8 vector, bool level, bool low, u32 apic_id);
void ioapic_set_mask(unsigned gsi, bool masked);
/* Other target, all else as it is. */
void ioapic_set_target(unsigned gsi, u32 apic_id);

#endif
