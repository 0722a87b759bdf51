/* SPDX-License-Identifier: MIT */
/* Frames that belong to owners: where they come from, and their way back when the last reference has gone. */
#include <xen/xen.h>
#include "lib/errno.h"
#include "lib/string.h"
#include "mm/domain_pages.h"
#include "mm/flush.h"
#include "mm/pt_internal.h"

/* The list that an owner's frame heads, or its usual one when it is not a head (then the head is not
 * touched). */
static u32 *list_of(struct mm_owner *o, const struct page_info *pg)
{
    u32 mfn = (u32)mfn_x(page_to_mfn(pg));

    if (o->relinquish_list == mfn)
        return &o->relinquish_list;
    return pg->count_info & PGC_hyp ? &o->shared_list : &o->page_list;
}

void domain_page_last_put(struct page_info *pg)
{
    struct mm_owner *o = page_owner(pg);
    bool drained = false;

    ASSERT((pg->type_info & (PGT_count_mask | PGT_pinned | PGT_partial)) == 0);
    ASSERT(!(pg->count_info & PGC_allocated));
    if (o) {
        spin_lock(&o->page_lock);
        page_list_remove(list_of(o, pg), pg);
        if (!(pg->count_info & PGC_hyp))
            o->tot_pages--;
        drained = READ_ONCE(o->dying) && !mm_owner_has_frames(o);
        spin_unlock(&o->page_lock);
        set_m2p(page_to_mfn(pg), INVALID_M2P);
    }
    pg->type_info = PGT_none;
    pg->tlb_stamp = flush_stamp();
    frames_free(pg, 0, true);
    if (drained)
        mm_owner_drained(o);
}

static void clear_frames(struct page_info *pg, unsigned order)
{
    memset(mfn_to_virt(page_to_mfn(pg)), 0, PAGE_SIZE << order);
}

/* Room for n more frames in the owner's limit: reserved here, so that the frames can be set up without the
 * lock. */
static int account(struct mm_owner *o, u64 n, unsigned flags)
{
    int rc = 0;

    spin_lock(&o->page_lock);
    if (READ_ONCE(o->dying))
        rc = -EINVAL;
    else if (!(flags & ALLOC_OVER_MAX) && (o->tot_pages + n > o->max_pages || o->tot_pages + n < n))
        rc = -ENOMEM;
    else
        o->tot_pages += n;
    spin_unlock(&o->page_lock);
    return rc;
}

static void unaccount(struct mm_owner *o, u64 n)
{
    spin_lock(&o->page_lock);
    o->tot_pages -= n;
    spin_unlock(&o->page_lock);
}

/* False: the owner began to die since account(). The frames appear on its list in ascending order. */
static bool give_to(struct mm_owner *o, struct page_info *pg, u64 n)
{
    u32 first = (u32)mfn_x(page_to_mfn(pg)), id = owner_index(o);

    spin_lock(&o->page_lock);
    if (READ_ONCE(o->dying)) {
        spin_unlock(&o->page_lock);
        return false;
    }
    for (u64 i = 0; i < n; i++) {
        pg[i].type_info = PGT_none;
        pg[i].owner_id = id;
        pg[i].prev = i ? first + (u32)i - 1 : PAGE_LIST_NONE;
        pg[i].next = i + 1 < n ? first + (u32)i + 1 : o->page_list;
        /* Last: from here on get_page() succeeds; a last put_page() waits for our lock. */
        __atomic_store_n(&pg[i].count_info, PGC_allocated | 1, __ATOMIC_RELEASE);
    }
    if (o->page_list != PAGE_LIST_NONE)
        frame_table[o->page_list].prev = first + (u32)(n - 1);
    o->page_list = first;
    spin_unlock(&o->page_lock);
    return true;
}

struct page_info *alloc_domain_pages(struct mm_owner *o, unsigned order, unsigned address_bits,
                                     unsigned flags)
{
    u64 n = 1UL << order;
    bool owned = !(flags & ALLOC_NO_ACCOUNT);

    if (order > MAX_ORDER || (owned && account(o, n, flags)))
        return NULL;
    struct page_info *pg = frames_alloc(order, address_bits, owned ? o : NULL);
    if (!pg) {
        if (owned)
            unaccount(o, n);
        return NULL;
    }
    if (!(flags & ALLOC_NO_SCRUB))
        clear_frames(pg, order);
    if (owned && !give_to(o, pg, n)) {
        unaccount(o, n);
        frames_free(pg, order, false);
        return NULL;
    }
    return pg;
}

void set_m2p_of(const struct mm_owner *o, mfn_t first, u64 n, u64 pfn)
{
    for (u64 i = 0; i < n; i++) {
        struct page_info *pg = get_page_mfn(mfn_of(mfn_x(first) + i), o);

        if (likely(pg)) {
            set_m2p(page_to_mfn(pg), pfn + i);
            put_page(pg);
        }
    }
}

int assign_domain_pages(struct mm_owner *o, struct page_info *pg, unsigned order)
{
    int rc = account(o, 1UL << order, 0);

    if (!rc && !give_to(o, pg, 1UL << order)) {
        unaccount(o, 1UL << order);
        rc = -EINVAL;
    }
    return rc;
}

void free_unowned_pages(struct page_info *pg, unsigned order)
{
    frames_free(pg, order, false);
}

bool release_domain_page(struct page_info *pg)
{
    u64 old = __atomic_fetch_and(&pg->count_info, ~PGC_allocated, __ATOMIC_SEQ_CST);

    if (!(old & PGC_allocated))
        return false;
    put_page(pg);
    return true;
}

int freeze_page(struct mm_owner *o, mfn_t mfn)
{
    struct page_info *pg = get_page_mfn(mfn, o);

    if (!pg)
        return -EINVAL;
    /* The owner's reference and ours. Every type use comes with a reference, so there is no use either. */
    u64 x = READ_ONCE(pg->count_info);
    if ((x & (PGC_allocated | PGC_hyp | PGC_count_mask)) != (PGC_allocated | 2) ||
        !cmpxchg_u64(&pg->count_info, &x, x & PGC_foreign)) {
        put_page(pg);
        return -EINVAL;
    }
    return 0;
}

void unfreeze_page(struct mm_owner *o, mfn_t mfn)
{
    struct page_info *pg = mfn_to_page(mfn);

    spin_lock(&o->page_lock);
    /* mm_relinquish() may have passed it by. */
    bool gone = READ_ONCE(o->dying);
    if (!gone)
        __atomic_fetch_or(&pg->count_info, PGC_allocated | 1, __ATOMIC_SEQ_CST);
    spin_unlock(&o->page_lock);
    if (gone)
        free_frozen_page(mfn);
}

void free_frozen_page(mfn_t mfn)
{
    domain_page_last_put(mfn_to_page(mfn));
}

void *alloc_shared_page(struct mm_owner *o, bool readonly)
{
    struct page_info *pg = frames_alloc(0, 0, NULL);

    if (!pg)
        return NULL;
    clear_frames(pg, 0);
    pg->owner_id = owner_index(o);
    /* One type use is ours, so that the frame never becomes a table; of type none, so that nobody can write
     * to it. */
    pg->type_info = (readonly ? PGT_none : PGT_writable) | PGT_validated | 1;
    spin_lock(&o->page_lock);
    page_list_push(&o->shared_list, pg);
    spin_unlock(&o->page_lock);
    __atomic_store_n(&pg->count_info, PGC_hyp | 1, __ATOMIC_RELEASE);
    return mfn_to_virt(page_to_mfn(pg));
}

void free_shared_page(void *va)
{
    if (va)
        put_page_and_type(mfn_to_page(virt_to_mfn(va)));
}
