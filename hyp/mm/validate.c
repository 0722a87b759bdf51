/* SPDX-License-Identifier: MIT */
/*
 * Tables: becoming one, and ceasing to be one. Everything here runs under the pt_lock of the tables' owner.
 *
 * A use of a table type is taken by table_get(): the first one checks the contents and takes the entries'
 * references, level by level. table_put() of the last one gives them back. Both can be preempted between
 * entries of a table above L1. A table that is left in the middle is "partial": type count 1, not validated,
 * PGT_partial, and entries [0, partial_index) hold their references; that one type use and one general
 * reference belong to the partial state itself. It does not matter in which direction it was going:
 *   - table_get() of the same type goes on upwards from partial_index, and takes over the type use when it is
 * through;
 *   - table_put_partial() goes on downwards.
 * The entry at partial_index may name a table that is itself partial, because it was in work when its parent
 * was stopped. Whoever goes downwards from there first finishes that one, so that nothing is forgotten.
 */
#include "mm/flush.h"
#include "mm/pt_internal.h"

static u64 *table_of(struct page_info *pg)
{
    return mfn_to_virt(page_to_mfn(pg));
}

int upper_get(u64 e, struct mm_owner *o, unsigned level, bool preemptible)
{
    if (unlikely(e & upper_disallow_mask)) {
        gprintk(LOG_DEBUG, "d%u: L%u entry %#lx has bits that it may not have\n", o->id, level, e);
        return -EINVAL;
    }
    struct page_info *pg = get_page_mfn(pte_mfn(e), o);
    if (unlikely(!pg)) {
        gprintk(LOG_DEBUG, "d%u: L%u entry %#lx: not the domain's frame\n", o->id, level, e);
        return -EINVAL;
    }
    int rc = table_get(pg, o, PGT_LEVEL(level - 1), preemptible);
    if (rc)
        put_page(pg);
    return rc;
}

/* Remembers a partial table for pt_finish(). False: no room. */
static bool remember_partial(struct page_info *pg, struct mm_owner *o)
{
    if (o->nr_unfinished == PT_UNFINISHED_MAX)
        return false;
    o->unfinished[o->nr_unfinished++] = (u32)mfn_x(page_to_mfn(pg));
    return true;
}

/* Leaves the table partial: entries [0, index) hold references. */
static void make_partial(struct page_info *pg, u64 type, unsigned index)
{
    __atomic_fetch_add(&pg->count_info, 1, __ATOMIC_SEQ_CST);
    pg->partial_index = index;
    __atomic_store_n(&pg->type_info, type | PGT_partial | 1, __ATOMIC_SEQ_CST);
}

/* The table stops being one; its type stays as a hint for the flush at the next change. */
static void table_done(struct page_info *pg, u64 type)
{
    pg->tlb_stamp = flush_stamp();
    __atomic_store_n(&pg->type_info, type, __ATOMIC_SEQ_CST);
}

/* Gives back the use that an entry above L1 holds. -ERESTART: the lower table was left partial, not
 * remembered. */
static int entry_put(u64 e, struct mm_owner *o, bool preemptible);

/*
 * Gives back entries [0, index), downwards. 0, or -ERESTART with *left set: then entries [0, *left) still
 * hold references and the table at *left may be partial.
 */
static int unwind(u64 *t, unsigned level, struct mm_owner *o, unsigned index, bool preemptible,
                  unsigned *left)
{
    bool worked = false;

    while (index > 0) {
        unsigned i = index - 1;

        if (l4_slot_is_hyp(level, i) || !(t[i] & PTE_P)) {
            index--;
            continue;
        }
        if (preemptible && worked && mm_preempt_needed()) {
            *left = index;
            return -ERESTART;
        }
        if (entry_put(t[i], o, preemptible)) {
            *left = i;
            return -ERESTART;
        }
        worked = true;
        index--;
    }
    return 0;
}

/* Takes a table apart from `index` on: 0, or -ERESTART and it is partial. The type use is gone in any case.
 */
static int take_apart(struct page_info *pg, struct mm_owner *o, u64 type, unsigned index, bool preemptible)
{
    unsigned left = 0;

    if (unwind(table_of(pg), type_level(type), o, index, preemptible, &left)) {
        make_partial(pg, type, left);
        return -ERESTART;
    }
    table_done(pg, type);
    return 0;
}

static int put_use(struct page_info *pg, struct mm_owner *o, bool preemptible)
{
    u64 x = READ_ONCE(pg->type_info), type = x & PGT_type_mask;

    ASSERT(x & PGT_validated);
    if ((x & PGT_count_mask) > 1) {
        __atomic_fetch_sub(&pg->type_info, 1, __ATOMIC_SEQ_CST);
        return 0;
    }
    ASSERT((x & PGT_count_mask) == 1 && !(x & PGT_pinned));
    __atomic_store_n(&pg->type_info, type | 1, __ATOMIC_SEQ_CST);
    if (type == PGT_l1) {
        l1_devalidate(pg);
        table_done(pg, type);
        return 0;
    }
    return take_apart(pg, o, type, 512, preemptible);
}

static int entry_put(u64 e, struct mm_owner *o, bool preemptible)
{
    struct page_info *pg = mfn_to_page(pte_mfn(e));
    int rc = put_use(pg, o, preemptible);

    put_page(pg); /* a partial table has a reference of its own */
    return rc;
}

void table_put(struct page_info *pg, struct mm_owner *o)
{
    if (put_use(pg, o, true) && !remember_partial(pg, o))
        (void)table_put_partial(pg, o, false);
}

void upper_put(u64 e, struct mm_owner *o)
{
    struct page_info *pg = mfn_to_page(pte_mfn(e));

    table_put(pg, o);
    put_page(pg);
}

/* The lower table at `index` of a partial one, if it is partial itself. */
static struct page_info *partial_child(u64 *t, unsigned level, unsigned index)
{
    if (index >= 512 || level < 3 || l4_slot_is_hyp(level, index) || !(t[index] & PTE_P) ||
        !mfn_valid(pte_mfn(t[index])))
        return NULL;
    struct page_info *pg = mfn_to_page(pte_mfn(t[index]));
    u64 x = READ_ONCE(pg->type_info);
    return (x & (PGT_type_mask | PGT_partial)) == (PGT_LEVEL(level - 1) | PGT_partial) ? pg : NULL;
}

int table_put_partial(struct page_info *pg, struct mm_owner *o, bool preemptible)
{
    u64 type = pg->type_info & PGT_type_mask;
    unsigned index = pg->partial_index;
    struct page_info *child = partial_child(table_of(pg), type_level(type), index);

    ASSERT(pg->type_info & PGT_partial);
    if (child && page_owned_by(child, o) && table_put_partial(child, o, preemptible))
        return -ERESTART;
    __atomic_store_n(&pg->type_info, type | 1, __ATOMIC_SEQ_CST);
    int rc = take_apart(pg, o, type, index, preemptible);
    put_page(pg); /* of the partial state that we came from */
    return rc;
}

/* Entries from `index` on: 0; -ERESTART or an error with *done set to the entries that hold references. */
static int check_entries(u64 *t, unsigned level, struct mm_owner *o, unsigned index, bool preemptible,
                         unsigned *done)
{
    bool worked = false;

    for (unsigned i = index; i < 512; i++) {
        u64 e = t[i];

        if (l4_slot_is_hyp(level, i) || !(e & PTE_P))
            continue;
        *done = i;
        if (preemptible && worked && mm_preempt_needed())
            return -ERESTART;
        int rc = upper_get(e, o, level, preemptible);
        if (rc)
            return rc;
        if (upper_adjust(e) != e)
            WRITE_ONCE(t[i], upper_adjust(e));
        worked = true;
    }
    return 0;
}

static int validate(struct page_info *pg, struct mm_owner *o, u64 type, unsigned index, bool preemptible)
{
    u64 *t = table_of(pg);
    unsigned done = index;
    int rc;

    if (type == PGT_l1) {
        rc = l1_validate(pg, o);
    } else {
        rc = check_entries(t, type_level(type), o, index, preemptible, &done);
        if (!rc && type == PGT_l4)
            pt_install_hyp_slots(t);
    }
    if (!rc) {
        __atomic_fetch_or(&pg->type_info, PGT_validated, __ATOMIC_SEQ_CST);
        return 0;
    }
    if (rc == -ERESTART) {
        make_partial(pg, type, done);
        return rc;
    }
    /* Refused: what was done is undone. No CPU ever walked this table. */
    if (type == PGT_l1)
        table_done(pg, type);
    else if (take_apart(pg, o, type, done, preemptible) && !remember_partial(pg, o))
        (void)table_put_partial(pg, o, false);
    return rc;
}

int table_get(struct page_info *pg, struct mm_owner *o, u64 type, bool preemptible)
{
    u64 x = READ_ONCE(pg->type_info);

    ASSERT(spin_is_held(&o->pt_lock));
    if (likely((x & (PGT_type_mask | PGT_validated)) == (type | PGT_validated))) {
        __atomic_fetch_add(&pg->type_info, 1, __ATOMIC_SEQ_CST);
        return 0;
    }
    if ((x & (PGT_type_mask | PGT_partial)) == (type | PGT_partial)) {
        unsigned index = pg->partial_index;
        __atomic_store_n(&pg->type_info, type | 1, __ATOMIC_SEQ_CST);
        int rc = validate(pg, o, type, index, preemptible);
        put_page(pg); /* of the partial state that we came from; the caller has its own */
        return rc;
    }
    if (!type_claim(pg, type)) {
        gprintk(LOG_DEBUG, "d%u: frame %#lx cannot become an L%u table: type %#lx\n", o->id,
                mfn_x(page_to_mfn(pg)), type_level(type), x);
        return -EINVAL;
    }
    return validate(pg, o, type, 0, preemptible);
}

int pt_finish(struct mm_owner *o)
{
    int rc = 0;

    spin_lock(&o->pt_lock);
    while (!rc && o->nr_unfinished) {
        struct page_info *pg = mfn_to_page(mfn_of(o->unfinished[o->nr_unfinished - 1]));

        /* It may have been finished or taken over since. */
        if (get_page(pg, o)) {
            if (pg->type_info & PGT_partial)
                rc = table_put_partial(pg, o, true);
            put_page(pg);
        }
        if (!rc)
            o->nr_unfinished--;
        if (o->nr_unfinished && mm_preempt_needed())
            rc = -ERESTART;
    }
    spin_unlock(&o->pt_lock);
    return rc;
}
