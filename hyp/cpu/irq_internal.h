/* SPDX-License-Identifier: MIT */
/* Between irq.c and msi.c. */
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

/* msi.c. Under the descriptor's lock. */
void msi_set_mask(struct irq_desc *desc, bool masked);
/* Writes address and data for the descriptor's vector and target. */
void msi_program(struct irq_desc *desc);

#endif
