/* SPDX-License-Identifier: MIT */
/* HYPERVISOR_physdev_op. */
#include <xen/physdev.h>
#include "hypercalls/hypercalls.h"
#include "cpu/irq.h"
#include "cpu/platform.h"
#include "event/pirq.h"
#include "lib/printk.h"

#define MAX_PORTS 65536u

static bool privileged(void)
{
    return current->domain->privileged;
}

static long set_iopl(void *arg)
{
    struct physdev_set_iopl *op = arg;

    if (op->iopl > 3)
        return -EINVAL;
    current->iopl = (u8)op->iopl;
    return 0;
}

static long set_iobitmap(void *arg)
{
    struct physdev_set_iobitmap *op = arg;
    u64 va = (u64)op->bitmap.p;

    /* Only its address is kept; it is read when a port is used. */
    if (op->nr_ports > MAX_PORTS || !guest_range_ok(va, MAX_PORTS / 8))
        return -EINVAL;
    current->io_bitmap_va = va;
    current->io_bitmap_ports = op->nr_ports;
    return 0;
}

static long eoi(void *arg)
{
    struct physdev_eoi *op = arg;

    return pirq_eoi(current->domain, op->irq);
}

static long irq_status_query(void *arg)
{
    struct physdev_irq_status_query *op = arg;

    return pirq_status(current->domain, op->irq, &op->flags);
}

static int map_by_type(struct domain *d, const struct physdev_map_pirq *map, int *pirq)
{
    switch (map->type) {
    case MAP_PIRQ_TYPE_GSI:
        return pirq_map_gsi(d, map->index, pirq);
    case MAP_PIRQ_TYPE_MSI:
    case MAP_PIRQ_TYPE_MSI_SEG:
    case MAP_PIRQ_TYPE_MULTI_MSI:
        return pirq_map_msi(d, map, pirq);
    default:
        return -EINVAL;
    }
}

static long map_pirq(u64 arg)
{
    struct physdev_map_pirq op;
    struct domain *d;
    bool had_number;
    int rc;

    if (copy_from_guest(&op, arg, sizeof(op)))
        return -EFAULT;
    rc = hypercall_domain(op.domid, &d);
    if (rc)
        return rc;
    had_number = op.pirq >= 0;
    rc = privileged() ? map_by_type(d, &op, &op.pirq) : -EPERM;
    if (copy_to_guest(arg, &op, sizeof(op))) {
        if (!rc && !had_number)
            (void)pirq_unmap(d, op.pirq);
        rc = -EFAULT;
    }
    domain_put(d);
    return rc;
}

static long unmap_pirq(void *arg)
{
    struct physdev_unmap_pirq *op = arg;
    struct domain *d;
    int rc = hypercall_domain(op->domid, &d);

    if (rc)
        return rc;
    rc = privileged() ? pirq_unmap(d, op->pirq) : -EPERM;
    domain_put(d);
    return rc;
}

static long setup_gsi(void *arg)
{
    struct physdev_setup_gsi *op = arg;

    if (op->gsi < 0 || (unsigned)op->gsi >= nr_gsis)
        return -EINVAL;
    if (!privileged())
        return -EPERM;
    return pirq_setup_gsi(op->gsi, op->triggering != 0, op->polarity != 0);
}

static long alloc_irq_vector(void *arg)
{
    struct physdev_irq *op = arg;

    if (!privileged())
        return -EPERM;
    /* Vectors are the hypervisor's; the ABI has a number here, and callers only look whether the call worked.
     */
    op->vector = op->irq;
    return 0;
}

static long apic_read(void *arg)
{
    struct physdev_apic *op = arg;

    return privileged() ? ioapic_guest_read(op->apic_physbase, op->reg, &op->value) : -EPERM;
}

static long get_free_pirq(void *arg)
{
    struct physdev_get_free_pirq *op = arg;
    int nr = pirq_reserve(current->domain, op->type);

    if (nr < 0)
        return nr;
    op->pirq = (u32)nr;
    return 0;
}

/*
 * dom0 reports what it finds on the bus. Interrupt messages are set up from a device's own registers when it
 * asks for them, so there is nothing to keep: only that there is such a device. A virtual function does not
 * answer before it is enabled.
 */
static long pci_device(u16 seg, u8 bus, u8 devfn, bool virtual_function)
{
    if (!privileged())
        return -EPERM;
    if (seg)
        return -EOPNOTSUPP; /* configuration space is reached through ports 0xcf8 and 0xcfc */
    if (!virtual_function && pci_conf_read(bus, devfn, 0, 4) == 0xffffffffu)
        return -ENODEV;
    return 0;
}

static long pci_device_add(void *arg)
{
    struct physdev_pci_device_add *op = arg;

    /* The array at the end has an element only if a flag says so, and is of no use here. */
    return pci_device(op->seg, op->bus, op->devfn, op->flags & XEN_PCI_DEV_VIRTFN);
}

static long pci_device_remove(void *arg)
{
    struct physdev_pci_device *op = arg;

    return pci_device(op->seg, op->bus, op->devfn, true);
}

static long manage_pci_add(void *arg)
{
    struct physdev_manage_pci *op = arg;

    return pci_device(0, op->bus, op->devfn, false);
}

static long manage_pci_add_ext(void *arg)
{
    struct physdev_manage_pci_ext *op = arg;

    if (op->is_extfn > 1 || op->is_virtfn > 1)
        return -EINVAL;
    return pci_device(0, op->bus, op->devfn, op->is_virtfn);
}

static long manage_pci_remove(void *arg)
{
    struct physdev_manage_pci *op = arg;

    return pci_device(0, op->bus, op->devfn, true);
}

/* One structure is copied in, worked on, and, if the operation answers, copied back. */
static const struct {
    long (*fn)(void *op);
    size_t size;
    bool answers;
} ops[] = {
    [PHYSDEVOP_eoi] = {eoi, sizeof(struct physdev_eoi), false},
    [PHYSDEVOP_set_iopl] = {set_iopl, sizeof(struct physdev_set_iopl), false},
    [PHYSDEVOP_set_iobitmap] = {set_iobitmap, sizeof(struct physdev_set_iobitmap), false},
    [PHYSDEVOP_irq_status_query] = {irq_status_query, sizeof(struct physdev_irq_status_query), true},
    [PHYSDEVOP_unmap_pirq] = {unmap_pirq, sizeof(struct physdev_unmap_pirq), false},
    [PHYSDEVOP_setup_gsi] = {setup_gsi, sizeof(struct physdev_setup_gsi), false},
    [PHYSDEVOP_apic_read] = {apic_read, sizeof(struct physdev_apic), true},
    [PHYSDEVOP_alloc_irq_vector] = {alloc_irq_vector, sizeof(struct physdev_irq), true},
    [PHYSDEVOP_get_free_pirq] = {get_free_pirq, sizeof(struct physdev_get_free_pirq), true},
    [PHYSDEVOP_pci_device_add] = {pci_device_add, offsetof(struct physdev_pci_device_add, optarr), false},
    [PHYSDEVOP_pci_device_remove] = {pci_device_remove, sizeof(struct physdev_pci_device), false},
    [PHYSDEVOP_manage_pci_add] = {manage_pci_add, sizeof(struct physdev_manage_pci), false},
    [PHYSDEVOP_manage_pci_add_ext] = {manage_pci_add_ext, sizeof(struct physdev_manage_pci_ext), false},
    [PHYSDEVOP_manage_pci_remove] = {manage_pci_remove, sizeof(struct physdev_manage_pci), false},
};

long do_physdev_op(u64 cmd64, u64 arg, u64, u64, u64)
{
    u32 cmd = (u32)cmd64;
    u64 op[4];
    long rc;

    if (cmd == PHYSDEVOP_map_pirq)
        return map_pirq(arg);
    if (cmd >= ARRAY_SIZE(ops) || !ops[cmd].fn) /* docs/abi-coverage.md says which and why */
        return hypercall_unknown(__HYPERVISOR_physdev_op, cmd);
    BUG_ON(ops[cmd].size > sizeof(op));
    if (copy_from_guest(op, arg, ops[cmd].size))
        return -EFAULT;
    rc = ops[cmd].fn(op);
    return !rc && ops[cmd].answers && copy_to_guest(arg, op, ops[cmd].size) ? -EFAULT : rc;
}
