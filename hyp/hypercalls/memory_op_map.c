/* SPDX-License-Identifier: MIT */
/* Memory maps (E820) of the machine and of domains, and where the machine-to-physical table is. */
#include "boot/boot.h"
#include "cpu/platform.h"
#include "hypercalls/memory_op.h"

#define GUEST_E820_MAX 1024

_Static_assert(sizeof(struct e820_entry) == 20, "the guest expects 20-byte entries");
_Static_assert(sizeof(struct e820entry_pv) == 20, "the guest expects 20-byte entries");

/* The map that the tools gave the calling domain. */
long memory_op_memory_map(u64 arg)
{
    struct domain *d = current->domain;
    struct xen_memory_map map;
    long rc = 0;

    if (copy_from_guest(&map, arg, sizeof(map)))
        return -EFAULT;
    spin_lock(&d->lock);
    if (!d->e820) {
        rc = -ENOSYS;
    } else {
        map.nr_entries = MIN(map.nr_entries, d->e820_count);
        if (copy_to_guest((u64)map.buffer.p, d->e820, map.nr_entries * sizeof(d->e820[0])) ||
            copy_to_guest(arg, &map, sizeof(map)))
            rc = -EFAULT;
    }
    spin_unlock(&d->lock);
    return rc;
}

long memory_op_set_memory_map(u64 arg)
{
    struct xen_foreign_memory_map op;
    struct e820entry_pv *map, *old;
    struct domain *d;

    if (copy_from_guest(&op, arg, sizeof(op)))
        return -EFAULT;
    if (op.map.nr_entries > GUEST_E820_MAX)
        return -EINVAL;
    long rc = hypercall_domain(op.domid, &d);
    if (rc)
        return rc;
    size_t bytes = op.map.nr_entries * sizeof(*map);
    map = hyp_zalloc(bytes ? bytes : 1);
    if (!map) {
        rc = -ENOMEM;
    } else if (copy_from_guest(map, (u64)op.map.buffer.p, bytes)) {
        hyp_free(map);
        rc = -EFAULT;
    } else {
        spin_lock(&d->lock);
        old = d->e820;
        d->e820 = map;
        d->e820_count = op.map.nr_entries;
        spin_unlock(&d->lock);
        hyp_free(old);
    }
    domain_put(d);
    return rc;
}

/* The part of the address space where the hypervisor's own devices are (IO-APICs, HPET, LAPIC). */
#define DEVICES_FIRST 0xfec00UL
#define DEVICES_END   0xfef00UL

struct map_writer {
    u64 buffer;
    u32 room, used;
    long rc;
};

static void emit(struct map_writer *w, u64 addr, u64 size, u32 type)
{
    struct e820_entry e = {addr, size, type};

    if (w->rc)
        return;
    if (w->used == w->room)
        w->rc = -EINVAL;
    else if (copy_to_guest(w->buffer + w->used * sizeof(e), &e, sizeof(e)))
        w->rc = -EFAULT;
    else
        w->used++;
}

/* Frames of [start, end), which the firmware's map does not mention, that dom0 may not map: reserved. */
static void emit_denied(struct map_writer *w, u64 start, u64 end)
{
    u64 m = MAX(start, DEVICES_FIRST), stop = MIN(end, DEVICES_END), run = 0;

    for (; m < stop; m++) {
        if (platform_mmio_denied(mfn_of(m))) {
            run++;
        } else if (run) {
            emit(w, (m - run) << PAGE_SHIFT, run << PAGE_SHIFT, E820_RESERVED);
            run = 0;
        }
    }
    if (run)
        emit(w, (m - run) << PAGE_SHIFT, run << PAGE_SHIFT, E820_RESERVED);
}

long memory_op_machine_memory_map(u64 arg)
{
    struct xen_memory_map map;
    u64 behind = 0;

    if (!current->domain->privileged)
        return -EPERM;
    if (copy_from_guest(&map, arg, sizeof(map)))
        return -EFAULT;
    struct map_writer w = {.buffer = (u64)map.buffer.p, .room = map.nr_entries};
    for (unsigned i = 0; i < boot_info.e820_count; i++) {
        const struct e820_entry *e = &boot_info.e820[i];
        emit_denied(&w, PFN_UP(behind), PFN_DOWN(e->addr));
        emit(&w, e->addr, e->size, e->type);
        behind = e->addr + e->size;
    }
    emit_denied(&w, PFN_UP(behind), DEVICES_END);
    map.nr_entries = w.used;
    if (!w.rc && copy_to_guest(arg, &map, sizeof(map)))
        w.rc = -EFAULT;
    return w.rc;
}

long memory_op_machphys_mapping(u64 arg)
{
    struct xen_machphys_mapping m = {.v_start = M2P_RO_BASE, .v_end = M2P_RO_END, .max_mfn = max_mfn};

    return copy_to_guest(arg, &m, sizeof(m)) ? -EFAULT : 0;
}

long memory_op_machphys_mfn_list(u64 arg)
{
    struct xen_machphys_mfn_list op;
    u32 i;

    if (copy_from_guest(&op, arg, sizeof(op)))
        return -EFAULT;
    for (i = 0; i < op.max_extents; i++) {
        mfn_t mfn = m2p_step_frame(i);

        if (mfn_eq(mfn, MFN_NONE))
            break;
        if (put_guest_u64((u64)op.extent_start.p + i * sizeof(u64), mfn_x(mfn)))
            return -EFAULT;
    }
    op.nr_extents = i;
    return copy_to_guest(arg, &op, sizeof(op)) ? -EFAULT : 0;
}
