/* SPDX-License-Identifier: MIT */
/* PCI configuration space through ports 0xcf8 and 0xcfc: two accesses that belong together. */
#include "cpu/platform.h"
#include "cpu/processor.h"
#include "lib/spinlock.h"

#define PORT_ADDRESS 0xcf8
#define PORT_DATA    0xcfc

static struct spinlock lock = SPINLOCK_INIT(LOCK_HW);

static void select_register(u8 bus, u8 devfn, u16 reg)
{
    outl(PORT_ADDRESS, 0x80000000u | (u32)bus << 16 | (u32)devfn << 8 | (reg & 0xfc));
}

u32 pci_conf_read(u8 bus, u8 devfn, u16 reg, unsigned size)
{
    u16 port = PORT_DATA + (reg & 3);
    u64 flags;
    u32 v;

    if (reg > 255)
        return ~0u;
    flags = spin_lock_irqsave(&lock);
    select_register(bus, devfn, reg);
    v = in_sized(port, size);
    spin_unlock_irqrestore(&lock, flags);
    return v;
}

void pci_conf_write(u8 bus, u8 devfn, u16 reg, unsigned size, u32 v)
{
    u16 port = PORT_DATA + (reg & 3);
    u64 flags;

    if (reg > 255)
        return;
    flags = spin_lock_irqsave(&lock);
    select_register(bus, devfn, reg);
    out_sized(port, size, v);
    spin_unlock_irqrestore(&lock, flags);
}
