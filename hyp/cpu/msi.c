/* SPDX-License-Identifier: MIT */
/*
 * PCI messages. dom0 names a device; capability and table are found here in the device's own configuration
 * space, and the table must not lie in RAM, so that a wrong address cannot make us write into memory.
 */
#include "cpu/irq_internal.h"
#include "cpu/paging.h"
#include "cpu/platform.h"
#include "cpu/smp.h"
#include "lib/errno.h"

#define PCI_COMMAND        0x04
#define PCI_COMMAND_MEMORY 2u
#define PCI_STATUS         0x06
#define PCI_STATUS_CAPS    0x10u
#define PCI_BAR0           0x10
#define PCI_CAP_POINTER    0x34
#define PCI_CAP_MSI        5
#define PCI_CAP_MSIX       0x11

#define MSI_CONTROL        2
#define MSI_ENABLE         1u
#define MSI_MULTI_MASK     (7u << 4)
#define MSI_64BIT          (1u << 7)
#define MSI_MASKABLE       (1u << 8)
#define MSIX_ENABLE        (1u << 15)
#define MSIX_MASK_ALL      (1u << 14)
#define MSIX_SIZE_MASK     0x7ffu
#define MSIX_TABLE         4
#define MSIX_ENTRY_BYTES   16
#define MSIX_VECTOR_CTRL   3

#define MESSAGE_ADDRESS    0xfee00000u

static struct msi_desc pool[NR_IRQS];

static u32 conf_read(const struct msi_desc *m, u16 reg, unsigned size)
{
    return pci_conf_read(m->bus, m->devfn, reg, size);
}

static void conf_write(const struct msi_desc *m, u16 reg, unsigned size, u32 v)
{
    pci_conf_write(m->bus, m->devfn, reg, size, v);
}

static u8 find_capability(const struct msi_desc *m, u8 id)
{
    u8 at;

    if (conf_read(m, 0, 2) == 0xffff || !(conf_read(m, PCI_STATUS, 2) & PCI_STATUS_CAPS))
        return 0;
    at = (u8)(conf_read(m, PCI_CAP_POINTER, 1) & ~3u);
    /* Bounded: a broken device may chain its capabilities in a circle. */
    for (unsigned n = 0; at >= 0x40 && n < 48; n++) {
        if (conf_read(m, at, 1) == id)
            return at;
        at = (u8)(conf_read(m, (u16)(at + 1), 1) & ~3u);
    }
    return 0;
}

static u16 control(const struct msi_desc *m)
{
    return (u16)conf_read(m, (u16)(m->cap + MSI_CONTROL), 2);
}

static void set_control(const struct msi_desc *m, u32 v)
{
    conf_write(m, (u16)(m->cap + MSI_CONTROL), 2, v);
}

static u16 mask_register(const struct msi_desc *m)
{
    return (u16)(m->cap + (m->is_64bit ? 16 : 12));
}

void msi_set_mask(struct irq_desc *desc, bool masked)
{
    struct msi_desc *m = desc->msi;

    if (m->msix) {
        m->table[MSIX_VECTOR_CTRL] = masked;
        (void)m->table[MSIX_VECTOR_CTRL]; /* posted writes arrive before a read is answered */
        return;
    }
    if (m->maskable) {
        u32 others = conf_read(m, mask_register(m), 4) & ~1u;

        conf_write(m, mask_register(m), 4, others | masked);
    }
    /* Without mask bits an interrupt that comes while nobody is bound is dropped in irq_dispatch(). */
    if (!masked && !(control(m) & MSI_ENABLE))
        set_control(m, control(m) | MSI_ENABLE);
}

void msi_program(struct irq_desc *desc)
{
    struct msi_desc *m = desc->msi;
    u32 address = MESSAGE_ADDRESS | (cpu_ids[desc->target_cpu].apic_id & 0xff) << 12;

    if (m->msix) {
        u32 was_masked = m->table[MSIX_VECTOR_CTRL];

        m->table[MSIX_VECTOR_CTRL] = 1;
        m->table[0] = address;
        m->table[1] = 0;
        m->table[2] = desc->vector;
        m->table[MSIX_VECTOR_CTRL] = was_masked;
        (void)m->table[MSIX_VECTOR_CTRL];
        return;
    }
    conf_write(m, (u16)(m->cap + 4), 4, address);
    if (m->is_64bit)
        conf_write(m, (u16)(m->cap + 8), 4, 0);
    conf_write(m, (u16)(m->cap + (m->is_64bit ? 12 : 8)), 2, desc->vector);
}

static bool in_use(u8 bus, u8 devfn, bool msix, unsigned entry)
{
    for (unsigned irq = nr_gsis; irq < NR_IRQS; irq++) {
        const struct msi_desc *m = irq_desc(irq)->msi;

        if (m && m->bus == bus && m->devfn == devfn && (m->msix != msix || !msix || m->entry == entry))
            return true;
    }
    return false;
}

static int prepare_msi(struct msi_desc *m)
{
    u16 ctrl;

    m->cap = find_capability(m, PCI_CAP_MSI);
    if (!m->cap)
        return -ENODEV;
    ctrl = control(m);
    m->is_64bit = ctrl & MSI_64BIT;
    m->maskable = ctrl & MSI_MASKABLE;
    set_control(m, ctrl & ~(MSI_MULTI_MASK | MSI_ENABLE)); /* one message */
    if (m->maskable)
        conf_write(m, mask_register(m), 4, ~0u);
    return 0;
}

/* Machine address of a memory BAR; 0: an I/O BAR, or not set. */
static paddr_t bar_address(const struct msi_desc *m, unsigned bir)
{
    u16 reg = (u16)(PCI_BAR0 + 4 * bir);
    u32 low = conf_read(m, reg, 4);
    paddr_t addr = low & ~15u;

    if (bir > 5 || (low & 1))
        return 0;
    if ((low & 6) == 4 && bir < 5)
        addr |= (paddr_t)conf_read(m, (u16)(reg + 4), 4) << 32;
    return addr;
}

/* Tables are mapped page by page and stay mapped: a driver that is loaded again finds its page here. */
static volatile u32 *map_table_entry(paddr_t paddr)
{
    static struct {
        mfn_t mfn;
        u8 *va;
    } pages[256];
    static unsigned count;
    unsigned i;

    for (i = 0; i < count && !mfn_eq(pages[i].mfn, paddr_to_mfn(paddr)); i++)
        ;
    if (i == count) {
        u8 *va = count < ARRAY_SIZE(pages) ? ioremap(paddr & PAGE_MASK, PAGE_SIZE, HYP_PTE_UC) : NULL;

        if (!va)
            return NULL;
        pages[i].mfn = paddr_to_mfn(paddr);
        pages[i].va = va;
        count++;
    }
    return (volatile u32 *)(pages[i].va + (paddr & ~PAGE_MASK));
}

static int prepare_msix(struct msi_desc *m, unsigned entry)
{
    paddr_t table;
    u32 where;
    u16 ctrl;

    m->cap = find_capability(m, PCI_CAP_MSIX);
    if (!m->cap)
        return -ENODEV;
    ctrl = control(m);
    if (entry > (ctrl & MSIX_SIZE_MASK))
        return -EINVAL;
    if (!(conf_read(m, PCI_COMMAND, 2) & PCI_COMMAND_MEMORY))
        return -ENXIO;
    where = conf_read(m, (u16)(m->cap + MSIX_TABLE), 4);
    table = bar_address(m, where & 7);
    if (!table)
        return -EINVAL;
    table += (where & ~7u) + (paddr_t)entry * MSIX_ENTRY_BYTES;
    if (platform_is_ram(paddr_to_mfn(table)) || platform_mmio_denied(paddr_to_mfn(table)))
        return -EINVAL;
    m->table = map_table_entry(table);
    if (!m->table)
        return -ENOMEM;
    m->entry = (u16)entry;
    m->table[MSIX_VECTOR_CTRL] = 1;
    set_control(m, (ctrl & ~MSIX_MASK_ALL) | MSIX_ENABLE);
    return 0;
}

static int map_locked(struct msi_desc *m, unsigned entry_nr, unsigned *irq)
{
    struct irq_desc *d;
    u64 flags;
    int rc;

    if (in_use(m->bus, m->devfn, m->msix, entry_nr))
        return -EEXIST;
    rc = m->msix ? prepare_msix(m, entry_nr) : prepare_msi(m);
    if (!rc)
        rc = irq_alloc_msi();
    if (rc < 0)
        return rc;
    *irq = (unsigned)rc;
    d = irq_desc(*irq);
    flags = spin_lock_irqsave(&d->lock);
    d->msi = &pool[*irq];
    *d->msi = *m;
    msi_program(d);
    spin_unlock_irqrestore(&d->lock, flags);
    return 0;
}

int msi_map(u8 bus, u8 devfn, unsigned entry_nr, u64 table_base, unsigned *irq)
{
    static bool busy;
    struct msi_desc m = {.bus = bus, .devfn = devfn, .msix = table_base != 0};
    int rc;

    if (__atomic_exchange_n(&busy, true, __ATOMIC_ACQUIRE))
        return -EBUSY;
    rc = map_locked(&m, entry_nr, irq);
    __atomic_store_n(&busy, false, __ATOMIC_RELEASE);
    return rc;
}

void msi_unmap(unsigned irq)
{
    struct irq_desc *d = irq_desc(irq);

    if (!d || d->kind != IRQ_MSI || !d->msi)
        return;
    irq_unbind(irq);
    if (!d->msi->msix)
        set_control(d->msi, control(d->msi) & ~MSI_ENABLE);
    irq_free_msi(irq);
}
