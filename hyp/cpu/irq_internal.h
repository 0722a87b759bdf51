/* SPDX-License-Identifier: MIT */
/* Between irq.c, ioapic.c and msi.c. */
#ifndef HYP_CPU_IRQ_INTERNAL_H
#define HYP_CPU_IRQ_INTERNAL_H

#include "cpu/irq.h"

/* One PCI message; the descriptor's `msi`. */
struct msi_desc {
    u8 bus, devfn;
    u8 cap; /* offset of the capability */
    bool msix;
    u16 entry;           /* MSI-X: index in the table */
    bool maskable;       /* MSI: has mask bits */
    bool is_64bit;       /* MSI: has the upper address */
    volatile u32 *table; /* MSI-X: this entry's four words */
};

/* A new irq of kind IRQ_MSI with a vector; masked, bound to nobody. -ENOSPC. */
int irq_alloc_msi(void);
void irq_free_msi(unsigned irq);

/* ioapic.c: one redirection entry for each global system interrupt. All take the hardware lock themselves. */
/* Maps all that ACPI lists, masks every line; returns one more than the highest GSI. */
unsigned ioapic_init(void);
bool ioapic_has_gsi(unsigned gsi);
/* Writes a line's entry: fixed delivery to one CPU, masked. */
void ioapic_program(unsigned gsi, u8 vector, bool level, bool low, u32 apic_id);
void ioapic_set_mask(unsigned gsi, bool masked);
/* Other target, all else as it is. */
void ioapic_set_target(unsigned gsi, u32 apic_id);

/* msi.c. Under the descriptor's lock. */
void msi_set_mask(struct irq_desc *desc, bool masked);
/* Writes address and data for the descriptor's vector and target. */
void msi_program(struct irq_desc *desc);

#endif
