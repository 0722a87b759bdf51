/* SPDX-License-Identifier: MIT */
/* Changes of single entries of guest page tables. */
#include "lib/string.h"
#include "mm/pt_internal.h"

/* Bits whose change asks for no other references and no new check. */
#define L1_FREE_BITS (PTE_NX | (0x7ffUL << 52) | PTE_AVAIL | PTE_A | PTE_D | PTE_US)

/* Stores `new` over `old`, which may have got A and D from the CPU meanwhile: all that the references depend
 * on stands still under pt_lock. */
static void store_flags(u64 *p, u64 new, bool preserve_ad)
{
    if (preserve_ad)
        (void)pte_exchange(p, new, true);
    else
        WRITE_ONCE(*p, new);
}

/* Same frame, only RW differs: the general reference stays, the type use comes or goes. False: not such a
 * change. */
static bool change_rw(struct mm_owner *pt, u64 *p, u64 old, u64 new, bool preserve_ad)
{
    mfn_t mfn = pte_mfn(new);

    if (((old ^ new) & ~(L1_FREE_BITS | PTE_RW)) || !(old & PTE_P) || !mfn_valid(mfn))
        return false;
    struct page_info *pg = mfn_to_page(mfn);
    if (new &PTE_RW) {
        /* A frame that another owner lent read-only must not become writable this way. */
        if (!page_owned_by(pg, pt) || !type_get_writable(pg))
            return false;
        (void)pte_exchange(p, new, preserve_ad);
    } else {
        (void)pte_exchange(p, new, preserve_ad);
        type_put_simple(pg);
    }
    return true;
}

/* An entry of a validated L1 table of pt. */
static int set_l1(struct mm_owner *pt, struct mm_owner *foreign, u64 *p, u64 new, bool preserve_ad)
{
    u64 old = READ_ONCE(*p);

    if (new &PTE_P) {
        new = l1e_adjust(new);
        if (likely(!(new &l1_disallow_mask))) {
            if ((old & PTE_P) && !((old ^ new) & ~L1_FREE_BITS)) {
                store_flags(p, new, preserve_ad);
                return 0;
            }
            if (foreign == pt && change_rw(pt, p, old, new, preserve_ad))
                return 0;
        }
        int rc = l1e_get(&new, pt, foreign);
        if (unlikely(rc))
            return rc;
    } else if (!(old & PTE_P)) {
        store_flags(p, new, preserve_ad);
        return 0;
    }
    (void)pte_exchange(p, new, preserve_ad);
    l1e_put(old);
    return 0;
}

static int set_upper(struct mm_owner *pt, u64 *p, unsigned level, u64 new, bool preserve_ad)
{
    u64 old = READ_ONCE(*p);

    if (l4_slot_is_hyp(level, (unsigned)((u64)p & ~PAGE_MASK) / 8)) {
        gprintk(LOG_DEBUG, "d%u: write to a reserved L4 slot\n", pt->id);
        return -EINVAL;
    }
    if (new &PTE_P) {
        new = upper_adjust(new);
        if ((old & PTE_P) && mfn_eq(pte_mfn(old), pte_mfn(new)) && !(new &upper_disallow_mask)) {
            store_flags(p, new, preserve_ad);
            return 0;
        }
        int rc = upper_get(new, pt, level, true);
        if (rc)
            return rc;
    }
    (void)pte_exchange(p, new, preserve_ad);
    /* No flush: a CPU that still walks the old path finds only frames that it may find until they change
     * type. */
    if (old & PTE_P)
        upper_put(old, pt);
    return 0;
}

/* The guest's own frame that is no table: the hypercall is only a store. */
static int store_plain(struct mm_owner *pt, mfn_t mfn, u64 *p, u64 val)
{
    if (get_page_and_type(mfn_to_page(mfn), pt, PGT_writable))
        return -EINVAL;
    WRITE_ONCE(*p, val);
    put_page_and_type(mfn_to_page(mfn));
    return 0;
}

int pt_update_entry_locked(struct mm_owner *pt, struct mm_owner *foreign, paddr_t ptr, u64 val,
                           bool preserve_ad)
{
    mfn_t mfn = paddr_to_mfn(ptr);

    if (unlikely(ptr & 7) || unlikely(!mfn_valid(mfn)) || unlikely(!page_owned_by(mfn_to_page(mfn), pt))) {
        gprintk(LOG_DEBUG, "d%u: table entry at %#lx is not in the domain's memory\n", pt->id, ptr);
        return -EINVAL;
    }
    /* Under pt_lock a validated table stays one. */
    u64 x = READ_ONCE(mfn_to_page(mfn)->type_info);
    u64 *p = (u64 *)((char *)mfn_to_virt(mfn) + (ptr & ~PAGE_MASK));
    if (likely((x & (PGT_type_mask | PGT_validated)) == (PGT_l1 | PGT_validated)))
        return set_l1(pt, foreign, p, val, preserve_ad);
    if ((x & PGT_validated) && type_is_table(x & PGT_type_mask))
        return foreign == pt ? set_upper(pt, p, type_level(x & PGT_type_mask), val, preserve_ad) : -EINVAL;
    return store_plain(pt, mfn, p, val);
}

/* Under pt_lock, from a root in use: all tables on the way are validated and pt's. NULL: no L1 table there.
 */
static u64 *l1_entry(mfn_t l4, u64 va)
{
    mfn_t table = l4;

    if (!is_canonical(va) || l4_slot_is_hyp(4, pt_index(va, 4)))
        return NULL;
    for (unsigned level = 4; level > 1; level--) {
        u64 e = READ_ONCE(((u64 *)mfn_to_virt(table))[pt_index(va, level)]);
        if (!(e & PTE_P))
            return NULL;
        table = pte_mfn(e);
    }
    return (u64 *)mfn_to_virt(table) + pt_index(va, 1);
}

u64 *pt_l1_entry_locked(mfn_t l4, u64 va)
{
    return l1_entry(l4, va);
}

int pt_set_l1_locked(struct mm_owner *pt, struct mm_owner *foreign, u64 *p, u64 val)
{
    return set_l1(pt, foreign, p, val, false);
}

int pt_update_va(struct mm_owner *pt, struct mm_owner *foreign, mfn_t l4, u64 va, u64 val)
{
    int rc = -EINVAL;

    spin_lock(&pt->pt_lock);
    u64 *p = l1_entry(l4, va);
    if (likely(p != NULL))
        rc = set_l1(pt, foreign, p, val, false);
    spin_unlock(&pt->pt_lock);
    return rc;
}

/* The entry at p with `bytes` at offset replaced. */
static u64 merge(u64 entry, unsigned offset, unsigned bytes, u64 val)
{
    u64 mask = bytes == 8 ? ~0UL : ((1UL << (bytes * 8)) - 1) << (offset * 8);
    return (entry & ~mask) | ((val << (offset * 8)) & mask);
}
static u64 extract(u64 entry, unsigned offset, unsigned bytes)
{
    return bytes == 8 ? entry : (entry >> (offset * 8)) & ((1UL << (bytes * 8)) - 1);
}

/* Compare-exchange of the part: the whole entry must not have changed (A and D bits) between look and store.
 */
static int exchange_l1(struct mm_owner *pt, u64 *p, unsigned offset, unsigned bytes, u64 val, u64 *expected,
                       bool *success)
{
    for (;;) {
        u64 old = READ_ONCE(*p), part = extract(old, offset, bytes);

        *success = part == extract(*expected, 0, bytes);
        if (!*success) {
            *expected = part;
            return 0;
        }
        u64 new = merge(old, offset, bytes, val);
        if (new &PTE_P) {
            new = l1e_adjust(new);
            int rc = l1e_get(&new, pt, pt);
            if (rc)
                return rc;
        }
        u64 seen = old;
        if (cmpxchg_u64(p, &seen, new)) {
            l1e_put(old);
            return 0;
        }
        l1e_put(new);
    }
}

int pt_emulated_write(struct mm_owner *pt, paddr_t ptr, u64 val, unsigned bytes, u64 *expected, bool *success)
{
    unsigned offset = ptr & 7;
    int rc = -EINVAL;

    if (offset + bytes > 8 || (bytes != 1 && bytes != 2 && bytes != 4 && bytes != 8))
        return -EINVAL;
    spin_lock(&pt->pt_lock);
    if (pt_is_l1_table(pt, paddr_to_mfn(ptr))) {
        u64 *p = (u64 *)((char *)mfn_to_virt(paddr_to_mfn(ptr)) + (ptr & ~PAGE_MASK & ~7UL));
        if (expected)
            rc = exchange_l1(pt, p, offset, bytes, val, expected, success);
        else
            rc = set_l1(pt, pt, p, bytes == 8 ? val : merge(READ_ONCE(*p), offset, bytes, val), false);
    }
    spin_unlock(&pt->pt_lock);
    return rc;
}

void pt_lookup(mfn_t l4, u64 va, struct pt_walk *w)
{
    mfn_t table = l4;

    memset(w, 0, sizeof(*w));
    if (!is_canonical(va) || l4_slot_is_hyp(4, pt_index(va, 4)))
        return;
    w->writable = true;
    for (unsigned level = 4; level > 1; level--) {
        /* Without the lock a frame on the way may be anything by now, but it is RAM. */
        if (!mfn_valid(table))
            return;
        u64 e = READ_ONCE(((u64 *)mfn_to_virt(table))[pt_index(va, level)]);
        if (!(e & PTE_P))
            return;
        if (!(e & PTE_RW))
            w->writable = false;
        table = pte_mfn(e);
    }
    if (!mfn_valid(table))
        return;
    w->l1e_paddr = mfn_to_paddr(table) + 8 * pt_index(va, 1);
    w->l1e = READ_ONCE(((u64 *)mfn_to_virt(table))[pt_index(va, 1)]);
    w->present = w->l1e & PTE_P;
    if (!(w->l1e & PTE_RW))
        w->writable = false;
}
