/* SPDX-License-Identifier: MIT */
/*
 * Copies between granted and own frames. The frames of an element stay claimed for the next one of the batch,
 * which often goes on in the same.
 */
#include "grant/table.h"
#include "lib/string.h"

static void buffer_release(struct grant_buffer *b)
{
    if (!b->page)
        return;
    if (b->by_ref) {
        if (b->write)
            put_page_and_type(b->page);
        grant_unpin(b->domain, (u32)b->name, b->write, 1);
    } else if (b->write) {
        put_page_and_type(b->page);
    } else {
        put_page(b->page);
    }
    b->page = NULL;
}

static void buffer_end(struct grant_buffer *b)
{
    buffer_release(b);
    if (b->domain)
        domain_put(b->domain);
    b->domain = NULL;
}

void grant_batch_end(struct grant_batch *b)
{
    buffer_end(&b->source);
    buffer_end(&b->dest);
}

static int claim_ref(struct grant_buffer *b, u32 ref, bool write)
{
    struct page_info *page;
    int st;

    if (!b->domain->grant)
        return GNTST_bad_gntref;
    st = grant_pin(b->domain, ref, current->domain->id, write, 1, &page);
    if (st != GNTST_okay)
        return st;
    /* Not into a page table: the granter can make the frame one at any time. */
    if (write && get_page_and_type(page, mm_of(b->domain), PGT_writable)) {
        grant_unpin(b->domain, ref, write, 1);
        return GNTST_general_error;
    }
    b->page = page;
    return GNTST_okay;
}

static int claim_frame(struct grant_buffer *b, u64 frame, bool write)
{
    struct page_info *page = get_page_mfn(mfn_of(frame), mm_of(b->domain));

    if (!page)
        return GNTST_bad_page;
    if (write && get_page_type(page, PGT_writable, false)) {
        put_page(page);
        return GNTST_general_error;
    }
    b->page = page;
    return GNTST_okay;
}

static u64 side_name(const struct gnttab_copy_ptr *ptr, bool by_ref)
{
    return by_ref ? ptr->u.ref : ptr->u.gmfn;
}

/* The side goes on in the frame that is claimed already. */
static bool buffer_fits(const struct grant_buffer *b, const struct gnttab_copy_ptr *ptr, bool by_ref)
{
    return b->page && b->by_ref == by_ref && b->domid == ptr->domid && b->name == side_name(ptr, by_ref);
}

static int buffer_domain(struct grant_buffer *b, const struct gnttab_copy_ptr *ptr, bool by_ref)
{
    /* A frame by number is a frame of the caller's. */
    if (!by_ref && ptr->domid != DOMID_SELF)
        return GNTST_permission_denied;
    buffer_release(b);
    return grant_peer(b, ptr->domid) ? GNTST_okay : GNTST_bad_domain;
}

/* buffer_domain() has found the domain. */
static int buffer_claim(struct grant_buffer *b, const struct gnttab_copy_ptr *ptr, bool by_ref, bool write)
{
    int st;

    b->by_ref = by_ref;
    b->write = write;
    b->domid = ptr->domid;
    b->name = side_name(ptr, by_ref);
    st = by_ref ? claim_ref(b, ptr->u.ref, write) : claim_frame(b, ptr->u.gmfn, write);
    if (st == GNTST_okay)
        b->va = mfn_to_virt(page_to_mfn(b->page));
    return st;
}

/* Errors of the domains come before those of the frames. */
static int claim_both(struct grant_batch *b, const struct gnttab_copy *op)
{
    bool source_ref = op->flags & GNTCOPY_source_gref, dest_ref = op->flags & GNTCOPY_dest_gref;
    bool new_source = !buffer_fits(&b->source, &op->source, source_ref);
    bool new_dest = !buffer_fits(&b->dest, &op->dest, dest_ref);
    int st = GNTST_okay;

    if (new_source)
        st = buffer_domain(&b->source, &op->source, source_ref);
    if (st == GNTST_okay && new_dest)
        st = buffer_domain(&b->dest, &op->dest, dest_ref);
    if (st == GNTST_okay && new_source)
        st = buffer_claim(&b->source, &op->source, source_ref, false);
    if (st == GNTST_okay && new_dest)
        st = buffer_claim(&b->dest, &op->dest, dest_ref, true);
    return st;
}

static int copy_one(struct grant_batch *b, const struct gnttab_copy *op)
{
    int st = claim_both(b, op);

    if (unlikely(st != GNTST_okay))
        return st;
    if (unlikely(op->source.offset + (u32)op->len > PAGE_SIZE || op->dest.offset + (u32)op->len > PAGE_SIZE))
        return GNTST_bad_copy_arg;
    /* Both may be the same frame. */
    memmove(b->dest.va + op->dest.offset, b->source.va + op->source.offset, op->len);
    return GNTST_okay;
}

void grant_copy(struct grant_batch *b, struct gnttab_copy *op)
{
    op->status = (int16_t)copy_one(b, op);
}
