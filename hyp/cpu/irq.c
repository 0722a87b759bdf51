/* SPDX-License-Identifier: MIT */
/*
 * Vectors and descriptors. A vector means the same on every CPU, so a descriptor can move to another CPU
 * without a change of its vector. 0x20-0x2f  the legacy controllers' spurious interrupts; nothing else
 *   0x30-0xef  devices, but 0x80, which guests use as a software interrupt
 *   0xf0-0xfe  the hypervisor's own: timer, inter-processor
 *   0xff       spurious
 */
#include "cpu/irq.h"
#include "cpu/acpi_info.h"
#include "cpu/irq_internal.h"
#include "cpu/lapic.h"
#include "cpu/processor.h"
#include "cpu/smp.h"
#include "lib/errno.h"
#include "lib/printk.h"

#define VECTOR_DEVICE_FIRST 0x30
#define VECTOR_DEVICE_LAST  0xef
#define VECTOR_INT80        0x80
#define VECTOR_HYP_FIRST    0xf0
#define VECTOR_HYP_LAST     0xfe

unsigned nr_gsis;
static struct irq_desc descs[NR_IRQS];
static struct spinlock alloc_lock = SPINLOCK_INIT(LOCK_IRQ_DESC); /* the tables below */
static u16 vector_irq[256];                                       /* irq + 1; 0: free */
static void (*hyp_handlers[256])(struct cpu_user_regs *);
static u8 next_hyp_vector = VECTOR_HYP_LAST;

struct irq_desc *irq_desc(unsigned irq)
{
    return irq < NR_IRQS ? &descs[irq] : NULL;
}

unsigned irq_isa_to_gsi(unsigned isa_irq)
{
    return isa_irq < ARRAY_SIZE(acpi_info.isa_gsi) ? acpi_info.isa_gsi[isa_irq] : isa_irq;
}

void irq_init(void)
{
    for (unsigned i = 0; i < NR_IRQS; i++)
        spin_lock_init(&descs[i].lock, LOCK_IRQ_DESC);
    nr_gsis = ioapic_init();
    for (unsigned gsi = 0; gsi < nr_gsis; gsi++)
        if (ioapic_has_gsi(gsi))
            descs[gsi].kind = IRQ_GSI;
}

u8 irq_alloc_hyp_vector(void (*handler)(struct cpu_user_regs *))
{
    BUG_ON(next_hyp_vector < VECTOR_HYP_FIRST);
    hyp_handlers[next_hyp_vector] = handler;
    return next_hyp_vector--;
}

/* A free vector, or 0. alloc_lock held. */
static u8 find_vector(void)
{
    for (unsigned v = VECTOR_DEVICE_FIRST; v <= VECTOR_DEVICE_LAST; v++)
        if (v != VECTOR_INT80 && !vector_irq[v])
            return (u8)v;
    return 0;
}

int irq_alloc_msi(void)
{
    u64 flags = spin_lock_irqsave(&alloc_lock);
    unsigned irq = nr_gsis;
    u8 vector = find_vector();

    while (irq < NR_IRQS && descs[irq].kind != IRQ_FREE)
        irq++;
    if (vector && irq < NR_IRQS) {
        struct irq_desc *d = &descs[irq];

        d->kind = IRQ_MSI;
        d->vector = vector;
        d->level = d->needs_eoi = false;
        d->target_cpu = 0;
        vector_irq[vector] = (u16)(irq + 1);
    }
    spin_unlock_irqrestore(&alloc_lock, flags);
    return vector && irq < NR_IRQS ? (int)irq : -ENOSPC;
}

void irq_free_msi(unsigned irq)
{
    u64 flags = spin_lock_irqsave(&alloc_lock);

    vector_irq[descs[irq].vector] = 0;
    descs[irq].vector = 0;
    descs[irq].msi = NULL;
    descs[irq].kind = IRQ_FREE;
    spin_unlock_irqrestore(&alloc_lock, flags);
}

int irq_setup_gsi(unsigned gsi, bool level, bool active_low)
{
    struct irq_desc *d = irq_desc(gsi);
    u64 flags;
    int rc = -EEXIST;

    if (!d || d->kind != IRQ_GSI)
        return -EINVAL;
    flags = spin_lock_irqsave(&alloc_lock);
    if (!d->vector) {
        u8 vector = find_vector();

        rc = vector ? 0 : -ENOSPC;
        if (vector) {
            vector_irq[vector] = (u16)(gsi + 1);
            d->vector = vector;
            d->level = level;
            ioapic_program(gsi, vector, level, active_low, cpu_ids[d->target_cpu].apic_id);
        }
    }
    spin_unlock_irqrestore(&alloc_lock, flags);
    return rc;
}

/* Under the descriptor's lock. */
static void set_mask(unsigned irq, bool masked)
{
    struct irq_desc *d = &descs[irq];

    if (d->kind == IRQ_MSI)
        msi_set_mask(d, masked);
    else
        ioapic_set_mask(irq, masked);
}

int irq_bind(unsigned irq, void (*handler)(void *), void *data)
{
    struct irq_desc *d = irq_desc(irq);
    int rc = 0;
    u64 flags;

    if (!d || d->kind == IRQ_FREE || !d->vector)
        return -EINVAL;
    flags = spin_lock_irqsave(&d->lock);
    if (d->guest_handler) {
        rc = -EBUSY;
    } else {
        d->guest_handler = handler;
        d->guest_data = data;
        d->needs_eoi = false;
        set_mask(irq, false);
    }
    spin_unlock_irqrestore(&d->lock, flags);
    return rc;
}

void irq_unbind(unsigned irq)
{
    struct irq_desc *d = irq_desc(irq);
    u64 flags;

    if (!d || d->kind == IRQ_FREE)
        return;
    flags = spin_lock_irqsave(&d->lock);
    set_mask(irq, true);
    d->guest_handler = NULL;
    d->guest_data = NULL;
    d->needs_eoi = false;
    spin_unlock_irqrestore(&d->lock, flags);
    while (__atomic_load_n(&d->in_handler, __ATOMIC_ACQUIRE))
        cpu_relax();
}

void irq_guest_eoi(unsigned irq)
{
    struct irq_desc *d = irq_desc(irq);
    u64 flags;

    if (!d || !d->level)
        return;
    flags = spin_lock_irqsave(&d->lock);
    if (d->needs_eoi) {
        d->needs_eoi = false;
        if (d->guest_handler)
            set_mask(irq, false);
    }
    spin_unlock_irqrestore(&d->lock, flags);
}

bool irq_needs_eoi(unsigned irq)
{
    struct irq_desc *d = irq_desc(irq);

    return d && d->level;
}

void irq_set_affinity(unsigned irq, unsigned cpu)
{
    struct irq_desc *d = irq_desc(irq);
    u64 flags;

    if (!d || d->kind == IRQ_FREE || !cpumask_test(&cpu_online_mask, cpu))
        return;
    flags = spin_lock_irqsave(&d->lock);
    if (d->target_cpu != cpu) {
        d->target_cpu = cpu;
        if (d->kind == IRQ_MSI && d->msi)
            msi_program(d);
        else if (d->kind == IRQ_GSI && d->vector)
            ioapic_set_target(irq, cpu_ids[cpu].apic_id);
    }
    spin_unlock_irqrestore(&d->lock, flags);
}

/* A level line stays masked until the guest has served it: the interrupt would come again at once. */
static void device_interrupt(unsigned irq)
{
    struct irq_desc *d = &descs[irq];
    void (*handler)(void *);
    void *data;

    spin_lock(&d->lock);
    handler = d->guest_handler;
    data = d->guest_data;
    if (d->level) {
        set_mask(irq, true);
        d->needs_eoi = handler != NULL;
    }
    if (handler)
        __atomic_fetch_add(&d->in_handler, 1, __ATOMIC_ACQUIRE);
    spin_unlock(&d->lock);
    lapic_eoi();
    if (handler) {
        handler(data);
        __atomic_fetch_sub(&d->in_handler, 1, __ATOMIC_RELEASE);
    }
}

void irq_dispatch(struct cpu_user_regs *regs)
{
    u8 vector = (u8)regs->entry_vector;
    u32 held = lock_check_irq_enter();

    if (hyp_handlers[vector]) {
        hyp_handlers[vector](regs);
        lapic_eoi();
    } else if (READ_ONCE(vector_irq[vector])) {
        device_interrupt(READ_ONCE(vector_irq[vector]) - 1U);
    } else if (vector >= VECTOR_DEVICE_FIRST && vector != VECTOR_SPURIOUS) {
        lapic_eoi(); /* the last one of a line that was given up meanwhile */
    }
    lock_check_irq_exit(held);
}
