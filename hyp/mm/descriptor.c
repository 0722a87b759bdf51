/* SPDX-License-Identifier: MIT */
/* Segment descriptors that guests supply: what may be loaded on a CPU that the hypervisor runs on. */
#include "mm/pt_internal.h"

#define DESC_TYPE (0xfUL << 40)
#define DESC_S    (1UL << 44) /* code or data */
#define DESC_DPL  (3UL << 45)
#define DESC_P    (1UL << 47)

int desc_check(u64 *desc)
{
    u64 d = READ_ONCE(*desc);

    if (!(d & DESC_P))
        return 0; /* faults when loaded */
    if (!(d & DESC_S))
        return d & DESC_TYPE ? -EINVAL : 0; /* gates, TSS, LDT; type 0 is reserved and cannot be loaded */
    /* Guests run in ring 3 only; with another DPL a conforming or data segment would be of use to nobody but
     * an attacker. */
    if ((d & DESC_DPL) != DESC_DPL)
        WRITE_ONCE(*desc, d | DESC_DPL);
    return 0;
}

int desc_update(struct mm_owner *o, paddr_t addr, u64 desc)
{
    struct page_info *pg;

    if ((addr & 7) || desc_check(&desc) || !(pg = get_page_mfn(paddr_to_mfn(addr), o)))
        return -EINVAL;
    /* A descriptor page stays one while we write; any other frame must be plain memory. */
    u64 x = READ_ONCE(pg->type_info);
    bool is_desc = (x & PGT_type_mask) == PGT_seg_desc && (x & PGT_count_mask);
    u64 type = is_desc ? PGT_seg_desc : PGT_writable;
    int rc = get_page_type(pg, type, false);
    if (!rc) {
        WRITE_ONCE(*(u64 *)((char *)mfn_to_virt(paddr_to_mfn(addr)) + (addr & ~PAGE_MASK)), desc);
        put_page_type(pg);
    }
    put_page(pg);
    return rc;
}
