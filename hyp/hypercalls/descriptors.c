/* SPDX-License-Identifier: MIT */
/* HYPERVISOR_set_gdt and HYPERVISOR_update_descriptor. */
#include "hypercalls/hypercalls.h"
#include "mm/pagetable.h"

long do_set_gdt(u64 list, u64 entries_arg, u64 a3, u64 a4, u64 a5)
{
    u64 frames[FIRST_RESERVED_GDT_PAGE];
    u32 entries = (u32)entries_arg;

    (void)a3;
    (void)a4;
    (void)a5;
    if (entries > FIRST_RESERVED_GDT_ENTRY)
        return -EINVAL;
    if (copy_from_guest(frames, list, (entries + 511) / 512 * sizeof(u64)))
        return -EFAULT;
    return vcpu_set_gdt(current, frames, entries);
}

long do_update_descriptor(u64 addr, u64 desc, u64 a3, u64 a4, u64 a5)
{
    (void)a3;
    (void)a4;
    (void)a5;
    return desc_update(mm_of(current->domain), addr, desc);
}
