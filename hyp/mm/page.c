/* SPDX-License-Identifier: MIT */
/* Owners, general references, and the types that need no validation. */
#include <xen/xen.h>
#include "cpu/processor.h"
#include "cpu/smp.h"
#include "lib/string.h"
#include "mm/domain_pages.h"
#include "mm/flush.h"
#include "mm/pt_internal.h"

u64 max_mfn;
u64 *ram_bitmap;

struct mm_owner mm_owner_xen, mm_owner_io;

static struct mm_owner *owner_table[0x8000]; /* by domid */

void mm_owner_init(struct mm_owner *o, u16 id)
{
    BUG_ON(id >= ARRAY_SIZE(owner_table) || owner_table[id]);
    memset(o, 0, sizeof(*o));
    o->id = id;
    spin_lock_init(&o->page_lock, LOCK_PAGE_ALLOC);
    spin_lock_init(&o->pt_lock, LOCK_PT);
    WRITE_ONCE(owner_table[id], o);
}

void mm_owner_free(struct mm_owner *o)
{
    ASSERT(!mm_owner_has_frames(o));
    claim_pages(o, 0);
    WRITE_ONCE(owner_table[o->id], NULL);
}

struct mm_owner *page_owner(const struct page_info *pg)
{
    u32 id = READ_ONCE(pg->owner_id);
    return id ? owner_table[id - 1] : NULL;
}

bool get_page(struct page_info *pg, const struct mm_owner *owner)
{
    u64 x = READ_ONCE(pg->count_info);

    /* Looked at before and after: other domains' frames are not even touched. */
    if (unlikely(!page_owned_by(pg, owner)))
        return false;
    do {
        /* Zero: free or being freed. The last value before overflow is kept as an alarm that no guest can
         * pass. */
        if (unlikely((x & PGC_count_mask) == 0 || (x & PGC_count_mask) == PGC_count_mask))
            return false;
    } while (unlikely(!cmpxchg_u64(&pg->count_info, &x, x + 1)));
    if (likely(page_owned_by(pg, owner)))
        return true;
    put_page(pg);
    return false;
}

struct page_info *get_page_mfn(mfn_t mfn, const struct mm_owner *owner)
{
    if (unlikely(!mfn_valid(mfn)))
        return NULL;
    struct page_info *pg = mfn_to_page(mfn);
    return likely(get_page(pg, owner)) ? pg : NULL;
}

void put_page(struct page_info *pg)
{
    u64 left = __atomic_sub_fetch(&pg->count_info, 1, __ATOMIC_SEQ_CST);

    ASSERT((left & PGC_count_mask) != PGC_count_mask);
    if (unlikely((left & PGC_count_mask) == 0))
        domain_page_last_put(pg);
}

/* CPUs that may still hold translations of the frame as what it was when it was stamped. */
static void flush_old_uses(struct page_info *pg)
{
    u32 stamp = pg->tlb_stamp;
    struct mm_owner *o = page_owner(pg);

    if (!o || (READ_ONCE(pg->count_info) & PGC_foreign))
        flush_stale(&cpu_online_mask, stamp);
    else
        flush_stale(&o->dirty_cpus, stamp);
}

bool type_claim(struct page_info *pg, u64 type)
{
    u64 x = READ_ONCE(pg->type_info);

    if ((x & PGT_count_mask) != 0)
        return false;
    ASSERT(!(x & (PGT_pinned | PGT_partial)));
    /* Not validated yet: others that want the same type wait until the flush is done. */
    if (!cmpxchg_u64(&pg->type_info, &x, type | 1))
        return false;
    u64 old = x & PGT_type_mask;
    if (old != PGT_none && old != type)
        flush_old_uses(pg);
    return true;
}

bool type_get_writable(struct page_info *pg)
{
    for (;;) {
        u64 x = READ_ONCE(pg->type_info);

        if (likely((x & (PGT_type_mask | PGT_validated)) == (PGT_writable | PGT_validated))) {
            if (likely(cmpxchg_u64(&pg->type_info, &x, x + 1)))
                return true;
        } else if ((x & PGT_count_mask) == 0) {
            /* The usual first use: what the frame was leaves nothing to flush. */
            u64 old = x & PGT_type_mask;
            if (old == PGT_none || old == PGT_writable) {
                if (cmpxchg_u64(&pg->type_info, &x, PGT_writable | PGT_validated | 1))
                    return true;
            } else if (type_claim(pg, PGT_writable)) {
                __atomic_fetch_or(&pg->type_info, PGT_validated, __ATOMIC_SEQ_CST);
                return true;
            }
        } else if ((x & PGT_type_mask) == PGT_writable) {
            /* Another CPU is flushing for it, and waits for this one if need be. */
            smp_call_poll();
            cpu_relax();
        } else {
            return false;
        }
    }
}

/*
 * The last use is first taken out of everybody's reach (a use that is not validated), so that no use can come
 * and go between the stamp and the count that says "none": it would have left translations that are later
 * than the stamp.
 */
void type_put_simple(struct page_info *pg)
{
    u64 x = READ_ONCE(pg->type_info);

    for (;;) {
        ASSERT((x & PGT_count_mask) != 0);
        if ((x & PGT_count_mask) == 1) {
            if (likely(cmpxchg_u64(&pg->type_info, &x, x & ~PGT_validated)))
                break;
        } else if (likely(cmpxchg_u64(&pg->type_info, &x, x - 1))) {
            return;
        }
    }
    WRITE_ONCE(pg->tlb_stamp, flush_stamp());
    __atomic_store_n(&pg->type_info, x & PGT_type_mask, __ATOMIC_RELEASE);
}

/* Under the owner's pt_lock, so that nobody else can be at it. */
static int get_seg_desc(struct page_info *pg)
{
    u64 x = READ_ONCE(pg->type_info);
    u64 *desc = mfn_to_virt(page_to_mfn(pg));

    while ((x & PGT_type_mask) == PGT_seg_desc && (x & PGT_count_mask)) {
        if (!(x & PGT_validated))
            x = READ_ONCE(pg->type_info); /* the last use is just going */
        else if (cmpxchg_u64(&pg->type_info, &x, x + 1))
            return 0;
    }
    if (!type_claim(pg, PGT_seg_desc))
        return -EINVAL;
    for (unsigned i = 0; i < PAGE_SIZE / 8; i++) {
        if (desc_check(&desc[i])) {
            type_put_simple(pg);
            return -EINVAL;
        }
    }
    __atomic_fetch_or(&pg->type_info, PGT_validated, __ATOMIC_SEQ_CST);
    return 0;
}

/*
 * An LDT page is mapped on a fault, which may come while segments are loaded with interrupts off. The holder
 * of the lock may be flushing this CPU's TLB: waiting must answer.
 */
static void lock_polling(struct spinlock *l)
{
    while (!spin_trylock(l)) {
        smp_call_poll();
        cpu_relax();
    }
}

int get_page_type(struct page_info *pg, u64 type, bool preemptible)
{
    struct mm_owner *o = page_owner(pg);
    int rc;

    if (type == PGT_writable)
        return type_get_writable(pg) ? 0 : -EINVAL;
    if (type_is_table(type))
        return table_get(pg, o, type, preemptible);
    ASSERT(type == PGT_seg_desc);
    lock_polling(&o->pt_lock);
    rc = get_seg_desc(pg);
    spin_unlock(&o->pt_lock);
    return rc;
}

void put_page_type(struct page_info *pg)
{
    if (type_is_table(READ_ONCE(pg->type_info) & PGT_type_mask))
        table_put(pg, page_owner(pg));
    else
        type_put_simple(pg);
}

int get_page_and_type(struct page_info *pg, const struct mm_owner *owner, u64 type)
{
    ASSERT(!type_is_table(type));
    if (!get_page(pg, owner))
        return -EINVAL;
    int rc = get_page_type(pg, type, false);
    if (rc)
        put_page(pg);
    return rc;
}

void put_page_and_type(struct page_info *pg)
{
    put_page_type(pg);
    put_page(pg);
}
