/* SPDX-License-Identifier: MIT */
/*
 * XENMEM_exchange: frames for other frames, for example scattered ones for contiguous ones below an address
 * limit. Work goes by chunks of as many frames as the larger extent has. A chunk is done wholly or not at
 * all.
 */
#include "hypercalls/memory_op.h"

struct chunk {
    const struct xen_memory_exchange *x;
    struct domain *d;
    unsigned address_bits;
    u64 in_extents, out_extents; /* of one chunk */
    u64 frames;                  /* of one chunk */
    u32 *frozen;                 /* frames of the domain that go */
    u32 *fresh;                  /* first frames of the new extents */
};

static long check(const struct xen_memory_exchange *x)
{
    unsigned in = x->in.extent_order, out = x->out.extent_order;

    if (MAX(in, out) > memory_op_max_order())
        return -EPERM;
    if (x->nr_exchanged > x->in.nr_extents || x->in.domid != x->out.domid ||
        (~0UL >> in) < x->in.nr_extents || (~0UL >> out) < x->out.nr_extents ||
        x->in.nr_extents << in != x->out.nr_extents << out)
        return -EINVAL;
    if (!guest_range_ok((u64)x->in.extent_start.p, x->in.nr_extents * sizeof(u64)) ||
        !guest_range_ok((u64)x->out.extent_start.p, x->out.nr_extents * sizeof(u64)))
        return -EFAULT;
    return 0;
}

/* Takes the chunk's old frames out of use; *n says how many. */
static long freeze(struct chunk *c, u64 index, u64 *n)
{
    for (u64 j = 0; j < c->in_extents; j++) {
        u64 mfn;

        if (get_guest_u64(&mfn, (u64)c->x->in.extent_start.p + (index * c->in_extents + j) * sizeof(u64)))
            return -EFAULT;
        for (u64 k = 0; k < 1UL << c->x->in.extent_order; k++) {
            if (freeze_page(mm_of(c->d), mfn_of(mfn + k)))
                return -EINVAL;
            c->frozen[(*n)++] = (u32)(mfn + k);
        }
    }
    return 0;
}

static long allocate(struct chunk *c, u64 *n)
{
    for (u64 j = 0; j < c->out_extents; j++) {
        struct page_info *pg =
            alloc_domain_pages(mm_of(c->d), c->x->out.extent_order, c->address_bits, ALLOC_NO_ACCOUNT);
        if (!pg)
            return -ENOMEM;
        c->fresh[(*n)++] = (u32)mfn_x(page_to_mfn(pg));
    }
    return 0;
}

/* The point of no return is behind us: what fails now is reported, and the domain keeps what it got. */
static long hand_over(struct chunk *c, u64 index)
{
    unsigned order = c->x->out.extent_order;
    long rc = 0;

    for (u64 i = 0; i < c->frames; i++)
        free_frozen_page(mfn_of(c->frozen[i]));
    for (u64 j = 0; j < c->out_extents; j++) {
        u64 slot = (u64)c->x->out.extent_start.p + (index * c->out_extents + j) * sizeof(u64), pfn,
            mfn = c->fresh[j];

        if (assign_domain_pages(mm_of(c->d), mfn_to_page(mfn_of(mfn)), order)) {
            free_unowned_pages(mfn_to_page(mfn_of(mfn)), order);
            rc = -EINVAL;
            continue;
        }
        if (get_guest_u64(&pfn, slot)) {
            rc = -EFAULT;
            continue;
        }
        set_m2p_of(mm_of(c->d), mfn_of(mfn), 1UL << order, pfn);
        if (put_guest_u64(slot, mfn))
            rc = -EFAULT;
    }
    return rc;
}

static long exchange_chunk(struct chunk *c, u64 index)
{
    u64 frozen = 0, fresh = 0;
    long rc = freeze(c, index, &frozen);

    if (!rc)
        rc = allocate(c, &fresh);
    if (!rc)
        return hand_over(c, index);
    while (fresh)
        free_unowned_pages(mfn_to_page(mfn_of(c->fresh[--fresh])), c->x->out.extent_order);
    while (frozen)
        unfreeze_page(mm_of(c->d), mfn_of(c->frozen[--frozen]));
    return rc;
}

/* *x is current's copy; nr_exchanged in it moves on. -ERESTART: preempted. */
static long run(struct xen_memory_exchange *x, struct chunk *c)
{
    u64 chunks = x->in.nr_extents / c->in_extents, first = x->nr_exchanged / c->in_extents;

    for (u64 i = first; i < chunks; i++) {
        if (i != first && hypercall_preempt_needed())
            return -ERESTART;
        long rc = exchange_chunk(c, i);
        if (rc)
            return rc;
        x->nr_exchanged = (i + 1) * c->in_extents;
    }
    return 0;
}

long memory_op_exchange(u64 arg)
{
    struct xen_memory_exchange x;
    long rc;

    if (copy_from_guest(&x, arg, sizeof(x)))
        return -EFAULT;
    struct chunk c = {.x = &x};
    rc = check(&x);
    if (rc || x.nr_exchanged == x.in.nr_extents)
        return rc;
    if (memory_op_flags(x.out.mem_flags, &c.address_bits))
        return -EINVAL;
    unsigned in = x.in.extent_order, out = x.out.extent_order, order = MAX(in, out);
    c.in_extents = 1UL << (order - in);
    c.out_extents = 1UL << (order - out);
    c.frames = 1UL << order;
    rc = hypercall_domain(x.in.domid, &c.d);
    if (rc)
        return rc;
    c.frozen = hyp_zalloc((c.frames + c.out_extents) * sizeof(u32));
    if (!c.frozen) {
        domain_put(c.d);
        return -ENOMEM;
    }
    c.fresh = c.frozen + c.frames;
    rc = run(&x, &c);
    hyp_free(c.frozen);
    domain_put(c.d);
    if (copy_to_guest(arg + offsetof(struct xen_memory_exchange, nr_exchanged), &x.nr_exchanged,
                      sizeof(x.nr_exchanged)))
        return -EFAULT;
    return rc == -ERESTART ? hypercall_continue(__HYPERVISOR_memory_op, 2, XENMEM_exchange, arg, 0, 0, 0)
                           : rc;
}
