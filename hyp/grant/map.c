/* SPDX-License-Identifier: MIT */
/* Mapping granted frames, and taking the mappings away. */
#include "grant/table.h"
#include "cpu/processor.h"
#include "mm/flush.h"
#include "mm/pagetable.h"

#define PARTS (GNTMAP_host_map | GNTMAP_device_map)
/* What of the flags is remembered with the mapping. */
#define KEPT_FLAGS (PARTS | GNTMAP_readonly | GNTMAP_contains_pte)

static unsigned count_parts(u32 flags)
{
    return !!(flags & GNTMAP_host_map) + !!(flags & GNTMAP_device_map);
}

struct domain *grant_peer(struct grant_buffer *b, u16 domid)
{
    if (domid == DOMID_SELF)
        domid = current->domain->id;
    if (likely(b->domain && b->domain->id == domid))
        return b->domain;
    if (b->domain)
        domain_put(b->domain);
    b->domain = domain_get(domid);
    return b->domain;
}

/* The L1 entry as the guest would have written it; accessed and dirty are left to the CPU, see unmap_host().
 */
static u64 pte_flags(u32 flags)
{
    u64 pte = PTE_P | (((u64)(flags >> _GNTMAP_guest_avail0) << 9) & PTE_AVAIL);

    if (!(flags & GNTMAP_readonly))
        pte |= PTE_RW;
    if (flags & GNTMAP_application_map)
        pte |= PTE_US;
    return pte;
}

static int map_host(struct domain *granter, u64 addr, mfn_t frame, u32 flags)
{
    struct vcpu *v = current;
    struct mm_owner *pt = mm_of(v->domain);
    int rc;

    if (flags & GNTMAP_contains_pte)
        rc = pt_grant_map_pte(pt, mm_of(granter), addr, frame, pte_flags(flags));
    else
        rc = pt_grant_map_va(pt, mm_of(granter), v->guest_l4, addr, frame, pte_flags(flags));
    return rc ? GNTST_general_error : GNTST_okay;
}

/*
 * The parts of a mapping of a pinned frame. A device writes without a look at page tables, so its part holds
 * a writable type of its own: the frame cannot become a page table meanwhile.
 */
static int map_parts(struct domain *granter, struct page_info *page, const struct gnttab_map_grant_ref *op)
{
    bool device_writes = (op->flags & GNTMAP_device_map) && !(op->flags & GNTMAP_readonly);
    int st = GNTST_okay;

    if (device_writes && get_page_and_type(page, mm_of(granter), PGT_writable))
        return GNTST_general_error;
    if (op->flags & GNTMAP_host_map)
        st = map_host(granter, op->host_addr, page_to_mfn(page), op->flags);
    if (st != GNTST_okay && device_writes)
        put_page_and_type(page);
    return st;
}

static int map_into(struct domain *ld, u32 handle, struct domain *rd, struct gnttab_map_grant_ref *op)
{
    bool write = !(op->flags & GNTMAP_readonly);
    unsigned parts = count_parts(op->flags);
    struct grant_mapping *m = maptrack_slot(ld->grant, handle);
    struct page_info *page;
    int st = grant_pin(rd, op->ref, ld->id, write, parts, &page);

    if (st != GNTST_okay)
        return st;
    st = map_parts(rd, page, op);
    if (st != GNTST_okay) {
        grant_unpin(rd, op->ref, write, parts);
        return st;
    }
    m->granter = rd;
    m->ref = op->ref;
    m->parts = (u8)parts;
    /* From here on the handle can be used, by any vCPU that guesses it. */
    __atomic_store_n(&m->flags, (u16)(op->flags & KEPT_FLAGS), __ATOMIC_RELEASE);
    op->handle = handle;
    op->dev_bus_addr = mfn_to_paddr(page_to_mfn(page));
    return GNTST_okay;
}

void grant_map(struct grant_batch *b, struct gnttab_map_grant_ref *op)
{
    struct domain *ld = current->domain, *rd;
    u32 handle;

    if (!(op->flags & PARTS)) {
        op->status = GNTST_bad_gntref;
        return;
    }
    /* A mapper names the granter, even itself, by its number. */
    rd = op->dom == DOMID_SELF ? NULL : grant_peer(&b->source, op->dom);
    /* The handle keeps the granter: what is pinned is found through it. */
    if (!rd || !rd->grant || !domain_ref(rd)) {
        op->status = GNTST_bad_domain;
        return;
    }
    handle = maptrack_take(ld->grant);
    if (handle == NO_HANDLE) {
        domain_put(rd);
        op->status = GNTST_no_space;
        return;
    }
    op->status = (int16_t)map_into(ld, handle, rd, op);
    if (op->status != GNTST_okay) {
        maptrack_give(ld->grant, handle);
        domain_put(rd);
    }
}

/* An unmap is finding out whether it names the right place; another one of the same handle waits for the
 * answer. */
#define UNMAP_UNDER_WAY 0x8000u

/* Takes parts of a mapping for this unmap alone: others no longer see them. Ends in settle_parts(). */
static int claim_parts(struct grant_table *gt, u32 handle, u32 wanted, struct grant_unmap_state *st)
{
    struct grant_mapping *m = maptrack_slot(gt, handle);
    u16 flags;

    if (!m)
        return GNTST_bad_handle;
    spin_lock(&gt->map_lock);
    /* Short: the other vCPU changes one entry and holds no lock of ours. */
    while ((flags = m->flags) & UNMAP_UNDER_WAY) {
        spin_unlock(&gt->map_lock);
        cpu_relax();
        spin_lock(&gt->map_lock);
    }
    if (flags & PARTS)
        m->flags = (u16)((flags & ~(wanted & PARTS)) | UNMAP_UNDER_WAY);
    st->granter = m->granter;
    st->ref = m->ref;
    spin_unlock(&gt->map_lock);
    if (!(flags & PARTS))
        return GNTST_bad_handle;
    st->handle = handle;
    st->flags = flags & (wanted | ~(u32)PARTS);
    return GNTST_okay;
}

/* The unmap has happened, or (then its parts are the mapping's again) has not. */
static void settle_parts(struct grant_table *gt, struct grant_unmap_state *st, bool happened)
{
    struct grant_mapping *m = maptrack_slot(gt, st->handle);

    spin_lock(&gt->map_lock);
    m->flags &= (u16)~UNMAP_UNDER_WAY;
    if (!happened)
        m->flags |= (u16)(st->flags & PARTS);
    spin_unlock(&gt->map_lock);
    if (!happened)
        st->flags = 0;
}

/*
 * An entry that no CPU has used is in no TLB. Pages that only devices touch, or that are copied by reference,
 * come and go like that. The accessed bit is believed only in the kernel's mappings of a trusted mapper:
 * another one could clear it to keep a translation, and in mappings of user memory an aging page may lose it.
 */
static int unmap_host(struct grant_unmap_state *st, u64 new_addr, mfn_t frame)
{
    struct vcpu *v = current;
    struct mm_owner *pt = mm_of(v->domain);
    int rc;

    if (!(st->flags & GNTMAP_contains_pte))
        rc = new_addr ? pt_grant_replace_va(pt, v->guest_l4, st->host_addr, new_addr, frame)
                      : pt_grant_unmap_va(pt, v->guest_l4, st->host_addr, frame);
    else
        rc = new_addr ? -1 : pt_grant_unmap_pte(pt, st->host_addr, frame);
    st->flush = rc == PT_GRANT_USED || !v->domain->privileged || (st->flags & GNTMAP_contains_pte);
    return rc < 0 ? GNTST_general_error : GNTST_okay;
}

static int unmap(u32 handle, u64 host_addr, u64 dev_bus_addr, u64 new_addr, struct grant_unmap_state *st)
{
    struct grant_table *gt = current->domain->grant;
    u32 wanted = (host_addr ? GNTMAP_host_map : 0u) | (dev_bus_addr ? GNTMAP_device_map : 0u);
    int status;

    st->flags = 0;
    status = claim_parts(gt, handle, wanted, st);
    if (status != GNTST_okay)
        return status;
    if (!(st->flags & PARTS)) {
        settle_parts(gt, st, false);
        return GNTST_okay;
    }
    /* Our claim is a use of the pin, which therefore does not change. */
    mfn_t frame = grant_pinned_frame(st->granter, st->ref);

    st->frame = mfn_x(frame);
    st->host_addr = host_addr;
    if ((st->flags & GNTMAP_device_map) && dev_bus_addr != mfn_to_paddr(frame))
        status = GNTST_bad_dev_addr;
    else if (st->flags & GNTMAP_host_map)
        status = unmap_host(st, new_addr, frame);
    settle_parts(gt, st, status == GNTST_okay);
    return status;
}

void grant_unmap(struct gnttab_unmap_grant_ref *op, struct grant_unmap_state *st)
{
    op->status = (int16_t)unmap(op->handle, op->host_addr, op->dev_bus_addr, 0, st);
}

void grant_unmap_replace(struct gnttab_unmap_and_replace *op, struct grant_unmap_state *st)
{
    op->status = (int16_t)unmap(op->handle, op->host_addr, 0, op->new_addr, st);
}

void grant_mapping_release(struct grant_table *gt, struct grant_unmap_state *st)
{
    bool write = !(st->flags & GNTMAP_readonly);
    unsigned parts = count_parts(st->flags);

    if (write && (st->flags & GNTMAP_device_map))
        put_page_and_type(mfn_to_page(mfn_of(st->frame)));
    grant_unpin(st->granter, st->ref, write, parts);
    if (maptrack_part_done(gt, st->handle, parts))
        domain_put(st->granter);
}

/*
 * One address is enough for a mapper that is trusted anyway. Another one may have linked the same L1 table at
 * several addresses, and a translation that stays behind at any of them would reach the granter's frame for
 * ever.
 */
static void flush_unmapped(const struct domain *d, const struct grant_unmap_state *st, unsigned n)
{
    const struct grant_unmap_state *one = NULL;
    unsigned mapped = 0;

    for (unsigned i = 0; i < n; i++) {
        if ((st[i].flags & GNTMAP_host_map) && st[i].flush) {
            one = &st[i];
            mapped++;
        }
    }
    if (mapped == 1 && d->privileged && !(one->flags & GNTMAP_contains_pte))
        flush_cpus(&d->mm.dirty_cpus, one->host_addr);
    else if (mapped)
        flush_cpus(&d->mm.dirty_cpus, FLUSH_ALL_VA);
}

void grant_unmap_finish(struct grant_unmap_state *st, unsigned n)
{
    struct domain *d = current->domain;

    flush_unmapped(d, st, n);
    for (unsigned i = 0; i < n; i++)
        if (st[i].flags & PARTS)
            grant_mapping_release(d->grant, &st[i]);
}
