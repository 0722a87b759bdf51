/* SPDX-License-Identifier: MIT */
/*
 * Interrupt lines and vectors.
 *
 * An irq_desc is one interrupt source: a GSI of an IO-APIC, an MSI/MSI-X message, or a LAPIC-local vector of
 * the hypervisor. The event room binds descriptors to guests' PIRQs through the `guest` hooks; this room
 * knows no domain.
 */
#ifndef HYP_CPU_IRQ_H
#define HYP_CPU_IRQ_H

#include <xen/xen.h>
#include "lib/spinlock.h"
#include "lib/types.h"

#define NR_IRQS 1024 /* GSIs first (irq == gsi for irq < nr_gsis), messages behind them */

extern unsigned nr_gsis;

enum irq_kind { IRQ_FREE, IRQ_GSI, IRQ_MSI };

struct irq_desc {
    struct spinlock lock; /* LOCK_IRQ_DESC */
    enum irq_kind kind;
    u8 vector;                         /* 0: none yet */
    bool level;                        /* level triggered: stays masked from delivery until irq_guest_eoi() */
    bool needs_eoi;                    /* level: delivered, not yet served */
    u32 in_handler;                    /* CPUs that are in guest_handler now */
    u32 target_cpu;                    /* CPU number that gets it */
    void (*guest_handler)(void *data); /* called in interrupt context when it fires; NULL: nobody */
    void *guest_data;
    struct msi_desc *msi;
};

struct irq_desc *irq_desc(unsigned irq);
/* The GSI that the firmware's tables name for an interrupt (0..15) of the ISA bus. */
unsigned irq_isa_to_gsi(unsigned isa_irq);

/* Sets up controllers and descriptors; interrupts stay off. Boot CPU, after acpi_init(). */
void irq_init(void);
/* Registers 0 and 1 of the IO-APIC at that machine address (PHYSDEVOP_apic_read). 0, -EINVAL no such one,
 * -EPERM another register. */
int ioapic_guest_read(u64 paddr, u32 reg, u32 *value);

/* Own vectors of the hypervisor: returns a vector for `handler`, called with interrupts off after which EOI
 * is sent. At boot. */
u8 irq_alloc_hyp_vector(void (*handler)(struct cpu_user_regs *));

/* Sets trigger and polarity of a GSI and gives it a vector; stays masked. 0, -EEXIST when already set up,
 * -EINVAL no such GSI. */
int irq_setup_gsi(unsigned gsi, bool level, bool active_low);
/* Binds: from now on the handler is called. The line is unmasked. -EBUSY if bound, -EINVAL if there is no
 * such irq. */
int irq_bind(unsigned irq, void (*handler)(void *), void *data);
/* Masks, unbinds, and waits until no CPU is in the handler: not from the handler, and not under a lock that
 * it takes. */
void irq_unbind(unsigned irq);
/* Level line: the guest has served it; unmask. Nothing for others. */
void irq_guest_eoi(unsigned irq);
bool irq_needs_eoi(unsigned irq);
/* Moves delivery to another CPU, lazily. */
void irq_set_affinity(unsigned irq, unsigned cpu);

/* PCI messages. `table_base` 0: MSI (one message), else MSI-X with the machine address of its table (BAR
 * base). On success *irq is a new irq, programmed but masked until irq_bind(). Errors: -ENODEV, -EINVAL,
 * -ENOSPC, -EEXIST, -ENXIO (memory decoding off), -ENOMEM, -EBUSY (another CPU is mapping). Takes memory: not
 * under an irq lock. */
int msi_map(u8 bus, u8 devfn, unsigned entry_nr, u64 table_base, unsigned *irq);
void msi_unmap(unsigned irq);

/* Called by entry code for each external vector. */
void irq_dispatch(struct cpu_user_regs *regs);

#endif
