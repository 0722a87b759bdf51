/* SPDX-License-Identifier: MIT */
/* HYPERVISOR_set_gdt and HYPERVISOR_update_descriptor. */
#include "hypercalls/hypercalls.h"
#include "mm/pagetable.h"

long do_set_gdt(u64 list, u64 entries_arg, u64, u64, u64)
{
    u64 frames[FIRST_RESERVED_GDT_PAGE];
    u32 entries = (u32)entries_arg;

    if (entries > FIRST_RESERVED_GDT_ENTRY)
        return -EINVAL;
    if (copy_from_guest(frames, list, (entries + 511) / 512 * sizeof(u64)))
        return -EFAULT;
    return vcpu_set_gdt(current, frames, entries);
}

long do_update_descriptor(u64 addr, u64 desc, u64, u64, u64)
{
    return desc_update(mm_of(current->domain), addr, desc);
}
