/* SPDX-License-Identifier: MIT */
/*
 * Memory to and from a domain. These calls have no error: whatever goes wrong, the result is how many extents
 * were done.
 */
#include "hypercalls/memory_op.h"

/* A continuation must be able to say how far it came in the bits above the command. */
#define MAX_EXTENTS (0xffffffffu >> MEMOP_CMD_BITS)
#define MAX_NODES   64

struct request {
    struct domain *d;
    u64 list;  /* extent_start */
    u64 count; /* extents */
    unsigned order, address_bits;
    u64 done;
    bool preempted;
};

int memory_op_flags(u32 mem_flags, unsigned *address_bits)
{
    unsigned bits = XENMEMF_get_address_bits(mem_flags);
    bool exact = mem_flags & XENMEMF_exact_node_request;
    unsigned node = XENMEMF_get_node(mem_flags); /* 0xff: none */

    if (bits && bits <= PAGE_SHIFT)
        return -EINVAL;
    if (!current->domain->privileged) {
        if (exact)
            return -EINVAL;
    } else if (node != 0xff && (node >= MAX_NODES || (exact && node != 0))) {
        return -EINVAL;
    }
    *address_bits = bits;
    return 0;
}

/* Between two extents; the first is always done, so that each call gets somewhere. */
static bool stop(struct request *r, u64 started)
{
    if (r->done != started && hypercall_preempt_needed())
        r->preempted = true;
    return r->preempted;
}

static void populate(struct request *r, bool set_pfn)
{
    for (u64 started = r->done; r->done < r->count && !stop(r, started); r->done++) {
        u64 slot = r->list + r->done * sizeof(u64), pfn = 0;

        if (set_pfn && get_guest_u64(&pfn, slot))
            return;
        struct page_info *pg = alloc_domain_pages(mm_of(r->d), r->order, r->address_bits, 0);
        if (!pg)
            return;
        mfn_t mfn = page_to_mfn(pg);
        if (set_pfn)
            set_m2p_of(mm_of(r->d), mfn, 1UL << r->order, pfn);
        if (r->list && put_guest_u64(slot, mfn_x(mfn)))
            return;
    }
}

/* The frame stays until its last mapping goes, but the domain has given it up. */
static bool release(struct domain *d, mfn_t mfn)
{
    struct page_info *pg = get_page_mfn(mfn, mm_of(d));

    if (!pg)
        return false;
    if (pg->count_info & PGC_hyp) {
        put_page(pg);
        return false;
    }
    release_domain_page(pg);
    put_page(pg);
    return true;
}

static void decrease(struct request *r)
{
    for (u64 started = r->done; r->done < r->count && !stop(r, started); r->done++) {
        u64 mfn;

        if (get_guest_u64(&mfn, r->list + r->done * sizeof(u64)))
            return;
        for (u64 i = 0; i < 1UL << r->order; i++)
            if (!release(r->d, mfn_of(mfn + i)))
                return;
    }
}

/* False: refused, nothing done. */
static bool decode(struct request *r, u64 start, u64 arg, unsigned cmd)
{
    struct xen_memory_reservation op;

    if (copy_from_guest(&op, arg, sizeof(op)) || op.nr_extents > MAX_EXTENTS || start >= op.nr_extents)
        return false;
    if (memory_op_flags(op.mem_flags, &r->address_bits) || (op.mem_flags & XENMEMF_populate_on_demand))
        return false;
    if (op.extent_order > memory_op_max_order())
        return false;
    r->list = (u64)op.extent_start.p;
    r->count = op.nr_extents;
    r->order = op.extent_order;
    r->done = start;
    r->preempted = false;
    if (!guest_range_ok(r->list, r->count * sizeof(u64)) || (!r->list && cmd == XENMEM_decrease_reservation))
        return false;
    return hypercall_domain(op.domid, &r->d) == 0;
}

long memory_op_reservation(unsigned cmd, u64 start, u64 arg)
{
    struct request r;

    if (!decode(&r, start, arg, cmd))
        return (long)start;
    if (cmd == XENMEM_decrease_reservation)
        decrease(&r);
    else
        populate(&r, cmd == XENMEM_populate_physmap);
    domain_put(r.d);
    return r.preempted ? memory_op_continue(cmd, r.done, arg) : (long)r.done;
}

long memory_op_claim(u64 arg)
{
    struct xen_memory_reservation op;
    struct domain *d;
    long rc;

    if (copy_from_guest(&op, arg, sizeof(op)))
        return -EFAULT;
    if (op.extent_start.p || op.extent_order || op.mem_flags)
        return -EINVAL;
    d = domain_get(op.domid);
    if (!d)
        return -EINVAL;
    u64 have = READ_ONCE(d->mm.tot_pages), want = op.nr_extents;
    if (!current->domain->privileged)
        rc = -EPERM;
    else if (!want)
        rc = claim_pages(mm_of(d), 0);
    else if (d->mm.claimed || want <= have || want > d->mm.max_pages)
        rc = -EINVAL;
    else
        rc = claim_pages(mm_of(d), want - have);
    domain_put(d);
    return rc;
}
