/* SPDX-License-Identifier: MIT */
/* Entries that map granted frames. */
#include "mm/pt_internal.h"

/* The L1 entry at a machine address, in a table of pt; pt_lock held. */
static u64 *entry_at(struct mm_owner *pt, paddr_t ptr)
{
    if ((ptr & 7) || !pt_is_l1_table(pt, paddr_to_mfn(ptr)))
        return NULL;
    return (u64 *)((char *)mfn_to_virt(paddr_to_mfn(ptr)) + (ptr & ~PAGE_MASK));
}

static int map_entry(struct mm_owner *pt, struct mm_owner *granter, u64 *p, mfn_t frame, u64 flags)
{
    return p ? pt_set_l1_locked(pt, granter, p, pte_make(frame, flags)) : -EINVAL;
}

static int unmap_entry(u64 *p, mfn_t frame, u64 replacement)
{
    u64 old;

    if (!p)
        return -EINVAL;
    old = READ_ONCE(*p);
    if (!(old & PTE_P) || !mfn_eq(pte_mfn(old), frame))
        return -EINVAL;
    /* A may have come since; the rest is ours to change, under the lock. */
    old = pte_exchange(p, replacement, false);
    l1e_put(old);
    return old & PTE_A ? PT_GRANT_USED : 0;
}

int pt_grant_map_va(struct mm_owner *pt, struct mm_owner *granter, mfn_t l4, u64 va, mfn_t frame, u64 flags)
{
    spin_lock(&pt->pt_lock);
    int rc = map_entry(pt, granter, pt_l1_entry_locked(l4, va), frame, flags);
    spin_unlock(&pt->pt_lock);
    return rc;
}

int pt_grant_map_pte(struct mm_owner *pt, struct mm_owner *granter, paddr_t pte, mfn_t frame, u64 flags)
{
    spin_lock(&pt->pt_lock);
    int rc = map_entry(pt, granter, entry_at(pt, pte), frame, flags);
    spin_unlock(&pt->pt_lock);
    return rc;
}

int pt_grant_unmap_va(struct mm_owner *pt, mfn_t l4, u64 va, mfn_t frame)
{
    spin_lock(&pt->pt_lock);
    int rc = unmap_entry(pt_l1_entry_locked(l4, va), frame, 0);
    spin_unlock(&pt->pt_lock);
    return rc;
}

int pt_grant_unmap_pte(struct mm_owner *pt, paddr_t pte, mfn_t frame)
{
    spin_lock(&pt->pt_lock);
    int rc = unmap_entry(entry_at(pt, pte), frame, 0);
    spin_unlock(&pt->pt_lock);
    return rc;
}

int pt_grant_replace_va(struct mm_owner *pt, mfn_t l4, u64 va, u64 new_va, mfn_t frame)
{
    int rc = -EINVAL;

    spin_lock(&pt->pt_lock);
    u64 *to = pt_l1_entry_locked(l4, va), *from = pt_l1_entry_locked(l4, new_va);
    if (to && from && to != from) {
        /* The references of new_va's entry move with it. */
        u64 moved = READ_ONCE(*from);
        rc = unmap_entry(to, frame, moved);
        if (rc >= 0) {
            (void)pte_exchange(from, 0, false);
            rc = PT_GRANT_USED; /* the other address may have been used */
        }
    }
    spin_unlock(&pt->pt_lock);
    return rc;
}
