/* SPDX-License-Identifier: MIT */
/* The end of an owner: everything that it holds by itself is given up. What others have mapped goes when they
 * let go. */
#include "mm/domain_pages.h"
#include "mm/pt_internal.h"

/* Next frame not looked at yet, moved to the list of those that were; with a reference, or NULL. False: no
 * more. */
static bool next_frame(struct mm_owner *o, struct page_info **pg)
{
    bool more = false;

    spin_lock(&o->page_lock);
    if (o->page_list != PAGE_LIST_NONE) {
        struct page_info *p = &frame_table[o->page_list];

        page_list_remove(&o->page_list, p);
        page_list_push(&o->relinquish_list, p);
        *pg = get_page(p, o) ? p : NULL; /* else its last reference goes at this moment */
        more = true;
    }
    spin_unlock(&o->page_lock);
    return more;
}

/* Pin and partial state: the two uses that the frame's owner can leave behind. */
static void drop_own_uses(struct page_info *pg, struct mm_owner *o)
{
    u64 x = READ_ONCE(pg->type_info);

    if (!(x & (PGT_pinned | PGT_partial)))
        return;
    spin_lock(&o->pt_lock);
    if (pg->type_info & PGT_pinned) {
        __atomic_fetch_and(&pg->type_info, ~PGT_pinned, __ATOMIC_SEQ_CST);
        table_put(pg, o);
        put_page(pg);
    } else if (pg->type_info & PGT_partial) {
        /* An operation that nobody will continue. pt_finish() does the rest. */
        if (o->nr_unfinished < PT_UNFINISHED_MAX)
            o->unfinished[o->nr_unfinished++] = (u32)mfn_x(page_to_mfn(pg));
        else
            (void)table_put_partial(pg, o, false);
    }
    spin_unlock(&o->pt_lock);
}

int mm_relinquish(struct mm_owner *o)
{
    struct page_info *pg = NULL;
    unsigned n = 0;

    ASSERT(o->dying);
    claim_pages(o, 0);
    /* Whoever takes a pin under the lock from now on sees `dying`; whoever had it has set PGT_pinned. */
    spin_lock(&o->pt_lock);
    spin_unlock(&o->pt_lock);
    for (;;) {
        if (pt_unfinished(o) && pt_finish(o))
            return -ERESTART;
        if (!next_frame(o, &pg))
            return 0;
        if (pg) {
            drop_own_uses(pg, o);
            release_domain_page(pg);
            put_page(pg);
        }
        if ((++n & 63) == 0 && mm_preempt_needed())
            return -ERESTART;
    }
}
