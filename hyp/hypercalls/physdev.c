/* SPDX-License-Identifier: MIT */
/* HYPERVISOR_physdev_op. */
#include <xen/physdev.h>
#include "hypercalls/hypercalls.h"
#include "cpu/irq.h"
#include "cpu/platform.h"
#include "event/pirq.h"

#define COPY_IN(op, arg)                               \
    do {                                               \
        if (copy_from_guest(&(op), (arg), sizeof(op))) \
            return -EFAULT;                            \
    } while (0)

#define MAX_PORTS 65536u

static bool privileged(void)
{
    return current->domain->privileged;
}

static long set_iopl(u64 arg)
{
    struct physdev_set_iopl op;

    COPY_IN(op, arg);
    if (op.iopl > 3)
        return -EINVAL;
    current->iopl = (u8)op.iopl;
    return 0;
}

static long set_iobitmap(u64 arg)
{
    struct physdev_set_iobitmap op;
    u64 va;

    COPY_IN(op, arg);
    va = (u64)op.bitmap.p;
    /* Only its address is kept; it is read when a port is used. */
    if (op.nr_ports > MAX_PORTS || !guest_range_ok(va, MAX_PORTS / 8))
        return -EINVAL;
    current->io_bitmap_va = va;
    current->io_bitmap_ports = op.nr_ports;
    return 0;
}

static long eoi(u64 arg)
{
    struct physdev_eoi op;

    COPY_IN(op, arg);
    return pirq_eoi(current->domain, op.irq);
}

static long irq_status_query(u64 arg)
{
    struct physdev_irq_status_query op;
    int rc;

    COPY_IN(op, arg);
    rc = pirq_status(current->domain, op.irq, &op.flags);
    if (!rc && copy_to_guest(arg, &op, sizeof(op)))
        rc = -EFAULT;
    return rc;
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

    COPY_IN(op, arg);
    rc = hypercall_domain(op.domid, true, &d);
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

static long unmap_pirq(u64 arg)
{
    struct physdev_unmap_pirq op;
    struct domain *d;
    int rc;

    COPY_IN(op, arg);
    rc = hypercall_domain(op.domid, true, &d);
    if (rc)
        return rc;
    rc = privileged() ? pirq_unmap(d, op.pirq) : -EPERM;
    domain_put(d);
    return rc;
}

static long setup_gsi(u64 arg)
{
    struct physdev_setup_gsi op;

    COPY_IN(op, arg);
    if (op.gsi < 0 || (unsigned)op.gsi >= nr_gsis)
        return -EINVAL;
    if (!privileged())
        return -EPERM;
    return pirq_setup_gsi(op.gsi, op.triggering != 0, op.polarity != 0);
}

static long alloc_irq_vector(u64 arg)
{
    struct physdev_irq op;

    COPY_IN(op, arg);
    if (!privileged())
        return -EPERM;
    /* Vectors are the hypervisor's; the ABI has a number here, and callers only look whether the call worked.
     */
    op.vector = op.irq;
    return copy_to_guest(arg, &op, sizeof(op)) ? -EFAULT : 0;
}

static long apic_read(u64 arg)
{
    struct physdev_apic op;
    int rc;

    COPY_IN(op, arg);
    if (!privileged())
        return -EPERM;
    rc = ioapic_guest_read(op.apic_physbase, op.reg, &op.value);
    if (!rc && copy_to_guest(arg, &op, sizeof(op)))
        rc = -EFAULT;
    return rc;
}

static long get_free_pirq(u64 arg)
{
    struct physdev_get_free_pirq op;
    int nr;

    COPY_IN(op, arg);
    nr = pirq_reserve(current->domain, op.type);
    if (nr < 0)
        return nr;
    op.pirq = (u32)nr;
    return copy_to_guest(arg, &op, sizeof(op)) ? -EFAULT : 0;
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

static long pci_device_add(u64 arg)
{
    struct physdev_pci_device_add op;

    /* The array at the end has an element only if a flag says so, and is of no use here. */
    if (copy_from_guest(&op, arg, offsetof(struct physdev_pci_device_add, optarr)))
        return -EFAULT;
    return pci_device(op.seg, op.bus, op.devfn, op.flags & XEN_PCI_DEV_VIRTFN);
}

static long pci_device_remove(u64 arg)
{
    struct physdev_pci_device op;

    COPY_IN(op, arg);
    return pci_device(op.seg, op.bus, op.devfn, true);
}

static long manage_pci_add(u64 arg)
{
    struct physdev_manage_pci op;

    COPY_IN(op, arg);
    return pci_device(0, op.bus, op.devfn, false);
}

static long manage_pci_add_ext(u64 arg)
{
    struct physdev_manage_pci_ext op;

    COPY_IN(op, arg);
    if (op.is_extfn > 1 || op.is_virtfn > 1)
        return -EINVAL;
    return pci_device(0, op.bus, op.devfn, op.is_virtfn);
}

static long manage_pci_remove(u64 arg)
{
    struct physdev_manage_pci op;

    COPY_IN(op, arg);
    return pci_device(0, op.bus, op.devfn, true);
}

long do_physdev_op(u64 cmd, u64 arg, u64 a3, u64 a4, u64 a5)
{
    (void)a3, (void)a4, (void)a5;
    switch ((u32)cmd) {
    case PHYSDEVOP_eoi:
        return eoi(arg);
    case PHYSDEVOP_set_iopl:
        return set_iopl(arg);
    case PHYSDEVOP_set_iobitmap:
        return set_iobitmap(arg);
    case PHYSDEVOP_irq_status_query:
        return irq_status_query(arg);
    case PHYSDEVOP_map_pirq:
        return map_pirq(arg);
    case PHYSDEVOP_unmap_pirq:
        return unmap_pirq(arg);
    case PHYSDEVOP_setup_gsi:
        return setup_gsi(arg);
    case PHYSDEVOP_apic_read:
        return apic_read(arg);
    case PHYSDEVOP_alloc_irq_vector:
        return alloc_irq_vector(arg);
    case PHYSDEVOP_get_free_pirq:
        return get_free_pirq(arg);
    case PHYSDEVOP_pci_device_add:
        return pci_device_add(arg);
    case PHYSDEVOP_pci_device_remove:
        return pci_device_remove(arg);
    case PHYSDEVOP_manage_pci_add:
        return manage_pci_add(arg);
    case PHYSDEVOP_manage_pci_add_ext:
        return manage_pci_add_ext(arg);
    case PHYSDEVOP_manage_pci_remove:
        return manage_pci_remove(arg);
    default: /* docs/abi-coverage.md says which and why */
        return hypercall_unknown(__HYPERVISOR_physdev_op, (u32)cmd);
    }
}
