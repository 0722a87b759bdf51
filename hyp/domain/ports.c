/* SPDX-License-Identifier: MIT */
/*
 * I/O ports. A guest that may use ports at all (virtual IOPL, or a bit map) but does not own one reads
 * all-ones, and writes go nowhere: Linux probes legacy devices at boot and must not fault. dom0 owns every
 * port that the hypervisor does not use itself.
 */
#include "cpu/platform.h"
#include "cpu/processor.h"
#include "domain/domain.h"
#include "domain/guest_trap.h"
#include "mm/guest_access.h"

#define PCI_ADDR   0xcf8
#define PCI_DATA   0xcfc
#define PCI_ENABLE 0x80000000u

static u32 all_ones(unsigned size)
{
    return size == 4 ? ~0u : (1u << (8 * size)) - 1;
}

bool guest_port_allowed(struct vcpu *v, u16 port, unsigned size)
{
    u8 bits[2] = {0xff, 0xff};
    u32 map;

    if (guest_has_iopl(v))
        return true;
    if (port + size > v->io_bitmap_ports)
        return false;
    if (copy_from_guest_partial(bits, v->io_bitmap_va + port / 8, sizeof(bits)) > 1)
        return false;
    if (port / 8 == (port + size - 1) / 8)
        bits[1] = 0;
    map = (bits[0] | ((u32)bits[1] << 8)) >> (port & 7);
    return (map & ((1u << size) - 1)) == 0;
}

static bool owns_port(const struct vcpu *v, u16 port, unsigned size)
{
    if (!v->domain->privileged)
        return false;
    for (unsigned i = 0; i < size; i++)
        if (platform_port_denied((u16)(port + i)))
            return false;
    return true;
}

static bool is_pci_data(u16 port)
{
    return (port & ~3u) == PCI_DATA;
}

u32 guest_port_read(struct vcpu *v, u16 port, unsigned size)
{
    struct domain *d = v->domain;
    u32 cf8 = READ_ONCE(d->pci_cf8);

    if (d->privileged) {
        if (port == PCI_ADDR && size == 4)
            return cf8;
        if (is_pci_data(port)) {
            if (!(cf8 & PCI_ENABLE))
                return all_ones(size);
            return pci_conf_read((u8)(cf8 >> 16), (u8)(cf8 >> 8), (u16)((cf8 & 0xfc) + (port & 3)), size);
        }
    }
    if (!owns_port(v, port, size))
        return all_ones(size);
    return in_sized(port, size);
}

void guest_port_write(struct vcpu *v, u16 port, unsigned size, u32 val)
{
    struct domain *d = v->domain;
    u32 cf8 = READ_ONCE(d->pci_cf8);

    if (d->privileged) {
        if (port == PCI_ADDR && size == 4) {
            WRITE_ONCE(d->pci_cf8, val);
            return;
        }
        if (is_pci_data(port)) {
            if (cf8 & PCI_ENABLE)
                pci_conf_write((u8)(cf8 >> 16), (u8)(cf8 >> 8), (u16)((cf8 & 0xfc) + (port & 3)), size, val);
            return;
        }
    }
    if (owns_port(v, port, size))
        out_sized(port, size, val);
}
