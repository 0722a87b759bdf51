/* SPDX-License-Identifier: MIT */
/* Uses of grant entries. */
#include "grant/table.h"
#include "lib/printk.h"

/*
 * An entry is one naturally aligned 8-byte word, so that flags, domid and frame can be read, judged and
 * changed as one. Nothing that the guest does to it can come between the check and the flag that tells the
 * guest that the entry is in use.
 */
_Static_assert(sizeof(struct grant_entry_v1) == 8, "an entry is one word");
_Static_assert(offsetof(struct grant_entry_v1, flags) == 0 && offsetof(struct grant_entry_v1, domid) == 2 &&
                   offsetof(struct grant_entry_v1, frame) == 4,
               "the accessors below take the word apart");

static u16 entry_flags(u64 e)
{
    return (u16)e;
}
static u16 entry_domid(u64 e)
{
    return (u16)(e >> 16);
}
static u32 entry_frame(u64 e)
{
    return (u32)(e >> 32);
}

/* A guest can change its entry for legitimate reasons while it is looked at, but not for ever. */
#define MAX_TRIES 5

/*
 * Sets the in-use flags, if the entry allows it. When `check_user`, the entry must grant access to `user`;
 * *frame then is what it named at that moment.
 */
static int set_in_use(u64 *word, bool check_user, u16 user, bool write, u32 *frame)
{
    u64 e = __atomic_load_n(word, __ATOMIC_RELAXED);

    for (int i = 0; i < MAX_TRIES; i++) {
        u16 flags = entry_flags(e);

        if (check_user &&
            ((flags & (GTF_type_mask | GTF_sub_page)) != GTF_permit_access || entry_domid(e) != user))
            return GNTST_general_error;
        if (write && (flags & GTF_readonly))
            return GNTST_general_error;
        if (__atomic_compare_exchange_n(word, &e, e | GTF_reading | (write ? GTF_writing : 0), false,
                                        __ATOMIC_SEQ_CST, __ATOMIC_RELAXED)) {
            *frame = entry_frame(e);
            return GNTST_okay;
        }
    }
    return GNTST_general_error;
}

static void clear_in_use(u64 *word, u16 flags)
{
    __atomic_fetch_and(word, ~(u64)flags, __ATOMIC_SEQ_CST);
}

static int pin_first(struct domain *granter, u64 *word, struct grant_pin *p, u16 user, bool write,
                     struct page_info **page)
{
    u32 frame;
    int st = set_in_use(word, true, user, write, &frame);

    if (st != GNTST_okay)
        return st;
    *page = get_page_mfn(mfn_of(frame), mm_of(granter));
    if (!*page) {
        clear_in_use(word, GTF_reading | GTF_writing);
        return GNTST_bad_page;
    }
    p->frame = frame;
    p->domid = user;
    granter->grant->nr_pinned++;
    return GNTST_okay;
}

static int pin_more(u64 *word, const struct grant_pin *p, u16 user, bool write, struct page_info **page)
{
    u32 ignored;

    if (p->domid != user)
        return GNTST_general_error;
    *page = mfn_to_page(mfn_of(p->frame));
    if (write && !p->writers)
        return set_in_use(word, false, user, true, &ignored);
    return GNTST_okay;
}

int grant_pin(struct domain *granter, u32 ref, u16 user, bool write, unsigned uses, struct page_info **page)
{
    struct grant_table *gt = granter->grant;
    u32 f = ref / GRANTS_PER_FRAME, i = ref % GRANTS_PER_FRAME;
    struct grant_pin *p;
    int st;

    spin_lock(&gt->lock);
    if (unlikely(f >= gt->nr_frames)) {
        spin_unlock(&gt->lock);
        return GNTST_bad_gntref;
    }
    p = &gt->pins[f][i];
    if (p->readers | p->writers)
        st = pin_more(&gt->shared[f][i], p, user, write, page);
    else
        st = pin_first(granter, &gt->shared[f][i], p, user, write, page);
    if (st == GNTST_okay)
        *(write ? &p->writers : &p->readers) += uses;
    spin_unlock(&gt->lock);
    return st;
}

void grant_unpin(struct domain *granter, u32 ref, bool write, unsigned uses)
{
    struct grant_table *gt = granter->grant;
    u32 f = ref / GRANTS_PER_FRAME, i = ref % GRANTS_PER_FRAME;
    struct page_info *last = NULL;
    struct grant_pin *p;
    u16 clear = 0;

    spin_lock(&gt->lock);
    p = &gt->pins[f][i];
    ASSERT((write ? p->writers : p->readers) >= uses);
    *(write ? &p->writers : &p->readers) -= uses;
    if (write && !p->writers)
        clear = GTF_writing;
    if (!(p->readers | p->writers)) {
        clear |= GTF_reading;
        last = mfn_to_page(mfn_of(p->frame));
        gt->nr_pinned--;
    }
    /* A dead granter's table has been taken down; its frames stay until their last user is gone. */
    if (clear && gt->shared[f])
        clear_in_use(&gt->shared[f][i], clear);
    spin_unlock(&gt->lock);
    if (last)
        put_page(last);
}

mfn_t grant_pinned_frame(const struct domain *granter, u32 ref)
{
    return mfn_of(granter->grant->pins[ref / GRANTS_PER_FRAME][ref % GRANTS_PER_FRAME].frame);
}
