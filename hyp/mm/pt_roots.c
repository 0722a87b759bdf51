/* SPDX-License-Identifier: MIT */
/* Uses of tables from outside of tables: pins and the roots of vCPUs. */
#include "mm/pt_internal.h"

int pt_pin(struct mm_owner *pt, mfn_t mfn, u64 type)
{
    struct page_info *pg = get_page_mfn(mfn, pt);

    if (!pg)
        return -EINVAL;
    spin_lock(&pt->pt_lock);
    /* mm_relinquish() takes this lock after `dying` is set and before it looks at a frame: no pin can slip in
     * behind it. */
    int rc = READ_ONCE(pt->dying) ? -EINVAL : table_get(pg, pt, type, true);
    if (!rc && (pg->type_info & PGT_pinned)) {
        table_put(pg, pt);
        rc = -EINVAL;
    } else if (!rc) {
        __atomic_fetch_or(&pg->type_info, PGT_pinned, __ATOMIC_SEQ_CST);
    }
    spin_unlock(&pt->pt_lock);
    if (rc)
        put_page(pg);
    return rc; /* the pin keeps the reference */
}

int pt_unpin(struct mm_owner *pt, mfn_t mfn)
{
    struct page_info *pg = get_page_mfn(mfn, pt);
    int rc = -EINVAL;

    if (!pg)
        return -EINVAL;
    spin_lock(&pt->pt_lock);
    if (pg->type_info & PGT_pinned) {
        __atomic_fetch_and(&pg->type_info, ~PGT_pinned, __ATOMIC_SEQ_CST);
        table_put(pg, pt);
        put_page(pg);
        rc = 0;
    }
    spin_unlock(&pt->pt_lock);
    put_page(pg);
    return rc;
}

int pt_get_root(struct mm_owner *pt, mfn_t l4)
{
    struct page_info *pg = get_page_mfn(l4, pt);

    if (!pg)
        return -EINVAL;
    spin_lock(&pt->pt_lock);
    int rc = READ_ONCE(pt->dying) ? -EINVAL : table_get(pg, pt, PGT_l4, true);
    spin_unlock(&pt->pt_lock);
    if (rc)
        put_page(pg);
    return rc;
}

void pt_put_root(mfn_t l4)
{
    struct page_info *pg = mfn_to_page(l4);
    struct mm_owner *pt = page_owner(pg);

    spin_lock(&pt->pt_lock);
    table_put(pg, pt);
    spin_unlock(&pt->pt_lock);
    put_page(pg);
}
