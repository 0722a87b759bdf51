/* SPDX-License-Identifier: MIT */
/* IO-APIC registers: an index and a data window. */
#include "cpu/irq_internal.h"
#include "cpu/acpi_info.h"
#include "cpu/paging.h"
#include "cpu/platform.h"
#include "lib/errno.h"
#include "lib/printk.h"
#include "lib/spinlock.h"

#define REG_ID       0
#define REG_VERSION  1
#define REG_ENTRY    0x10
#define WINDOW       4 /* index of the data register in 32-bit words */

#define ENTRY_LOW    (1u << 13)
#define ENTRY_LEVEL  (1u << 15)
#define ENTRY_MASKED (1u << 16)

static struct spinlock lock = SPINLOCK_INIT(LOCK_HW);
static struct chip {
    volatile u32 *registers;
    paddr_t paddr;
    unsigned gsi_base, lines;
} chips[ACPI_IOAPICS_MAX];
static unsigned chip_count;

static u32 chip_read(const struct chip *c, u8 reg)
{
    c->registers[0] = reg;
    return c->registers[WINDOW];
}

static void chip_write(const struct chip *c, u8 reg, u32 v)
{
    c->registers[0] = reg;
    c->registers[WINDOW] = v;
}

/* The chip of a line and the register of its entry, with the lock held; NULL: no such line. */
static const struct chip *lock_line(unsigned gsi, u8 *reg, u64 *flags)
{
    for (unsigned i = 0; i < chip_count; i++) {
        if (gsi < chips[i].gsi_base || gsi - chips[i].gsi_base >= chips[i].lines)
            continue;
        *reg = (u8)(REG_ENTRY + 2 * (gsi - chips[i].gsi_base));
        *flags = spin_lock_irqsave(&lock);
        return &chips[i];
    }
    return NULL;
}

unsigned ioapic_init(void)
{
    unsigned top = 0;

    for (unsigned i = 0; i < acpi_info.ioapic_count; i++) {
        const struct acpi_ioapic *a = &acpi_info.ioapics[i];
        struct chip *c = &chips[chip_count];

        *c = (struct chip){ioremap(a->paddr, PAGE_SIZE, HYP_PTE_UC), a->paddr, a->gsi_base, 0};
        if (!c->registers)
            panic("IO-APIC: registers at %#lx cannot be mapped\n", a->paddr);
        platform_deny_mmio(paddr_to_mfn(a->paddr));
        c->lines = ((chip_read(c, REG_VERSION) >> 16) & 0xff) + 1;
        if (c->gsi_base >= NR_IRQS / 2 || c->gsi_base + c->lines > NR_IRQS / 2) {
            printk(LOG_WARNING, "IO-APIC at %#lx: interrupts from %u on are beyond the limit; not used\n",
                   a->paddr, a->gsi_base);
            continue;
        }
        for (unsigned line = 0; line < c->lines; line++)
            chip_write(c, (u8)(REG_ENTRY + 2 * line), ENTRY_MASKED);
        top = MAX(top, c->gsi_base + c->lines);
        chip_count++;
    }
    return top;
}

bool ioapic_has_gsi(unsigned gsi)
{
    for (unsigned i = 0; i < chip_count; i++)
        if (gsi >= chips[i].gsi_base && gsi - chips[i].gsi_base < chips[i].lines)
            return true;
    return false;
}

void ioapic_program(unsigned gsi, u8 vector, bool level, bool low, u32 apic_id)
{
    u64 flags;
    u8 reg;
    const struct chip *c = lock_line(gsi, &reg, &flags);

    if (!c)
        return;
    chip_write(c, reg, ENTRY_MASKED);
    chip_write(c, reg + 1, apic_id << 24);
    chip_write(c, reg, ENTRY_MASKED | (level ? ENTRY_LEVEL : 0) | (low ? ENTRY_LOW : 0) | vector);
    spin_unlock_irqrestore(&lock, flags);
}

void ioapic_set_mask(unsigned gsi, bool masked)
{
    u64 flags;
    u8 reg;
    const struct chip *c = lock_line(gsi, &reg, &flags);

    if (!c)
        return;
    chip_write(c, reg, (chip_read(c, reg) & ~ENTRY_MASKED) | (masked ? ENTRY_MASKED : 0));
    /* A read makes sure that the write has arrived: after masking, nothing more must come. */
    if (masked)
        (void)chip_read(c, reg);
    spin_unlock_irqrestore(&lock, flags);
}

void ioapic_set_target(unsigned gsi, u32 apic_id)
{
    u64 flags;
    u8 reg;
    const struct chip *c = lock_line(gsi, &reg, &flags);

    if (!c)
        return;
    chip_write(c, reg + 1, apic_id << 24);
    spin_unlock_irqrestore(&lock, flags);
}

int ioapic_guest_read(u64 paddr, u32 reg, u32 *value)
{
    for (unsigned i = 0; i < chip_count; i++) {
        if (chips[i].paddr != paddr)
            continue;
        if (reg > REG_VERSION)
            return -EPERM;
        u64 flags = spin_lock_irqsave(&lock);
        *value = chip_read(&chips[i], (u8)reg);
        spin_unlock_irqrestore(&lock, flags);
        return 0;
    }
    return -EINVAL;
}
