/* SPDX-License-Identifier: MIT */
#include <string.h>
#include "lines.h"
#include "lib/errno.h"
#include "lib/printk.h"

unsigned nr_gsis = LINES_GSIS;
static struct irq_desc descs[NR_IRQS];
static unsigned eois[NR_IRQS];
static bool masked[NR_IRQS];

void lines_reset(void)
{
    memset(descs, 0, sizeof(descs));
    memset(eois, 0, sizeof(eois));
    memset(masked, 0, sizeof(masked));
    for (unsigned i = 0; i < nr_gsis; i++)
        descs[i].kind = IRQ_GSI;
}

struct irq_desc *irq_desc(unsigned irq)
{
    return irq < NR_IRQS && descs[irq].kind != IRQ_FREE ? &descs[irq] : NULL;
}

int irq_setup_gsi(unsigned gsi, bool level, bool active_low)
{
    (void)active_low;
    if (gsi >= nr_gsis)
        return -EINVAL;
    if (descs[gsi].vector)
        return -EEXIST;
    descs[gsi].vector = (u8)(0x30 + gsi);
    descs[gsi].level = level;
    return 0;
}

int irq_bind(unsigned irq, void (*handler)(void *), void *data)
{
    struct irq_desc *d = irq_desc(irq);

    if (!d || !d->vector)
        return -EINVAL;
    if (d->guest_handler)
        return -EBUSY;
    d->guest_handler = handler;
    d->guest_data = data;
    masked[irq] = false;
    return 0;
}

void irq_unbind(unsigned irq)
{
    BUG_ON(!descs[irq].guest_handler);
    descs[irq].guest_handler = NULL;
}

void irq_guest_eoi(unsigned irq)
{
    masked[irq] = false;
    eois[irq]++;
}

bool irq_needs_eoi(unsigned irq)
{
    return descs[irq].level;
}

void irq_set_affinity(unsigned irq, unsigned cpu)
{
    descs[irq].target_cpu = cpu;
}

int msi_map(u8 bus, u8 devfn, unsigned entry_nr, u64 table_base, unsigned *irq)
{
    (void)devfn, (void)entry_nr, (void)table_base;
    if (bus == 0xff)
        return -ENODEV;
    for (unsigned i = nr_gsis; i < NR_IRQS; i++) {
        if (descs[i].kind != IRQ_FREE)
            continue;
        descs[i] = (struct irq_desc){.kind = IRQ_MSI, .vector = 0x80};
        *irq = i;
        return 0;
    }
    return -ENOSPC;
}

void msi_unmap(unsigned irq)
{
    BUG_ON(descs[irq].kind != IRQ_MSI || descs[irq].guest_handler);
    descs[irq].kind = IRQ_FREE;
}

void line_fire(unsigned irq)
{
    struct irq_desc *d = &descs[irq];

    if (!d->guest_handler || masked[irq])
        return;
    masked[irq] = d->level;
    d->guest_handler(d->guest_data);
}

bool line_bound(unsigned irq)
{
    return descs[irq].guest_handler != NULL;
}

unsigned lines_messages(void)
{
    unsigned n = 0;

    for (unsigned i = nr_gsis; i < NR_IRQS; i++)
        n += descs[i].kind == IRQ_MSI;
    return n;
}

unsigned line_eois(unsigned irq)
{
    return eois[irq];
}
