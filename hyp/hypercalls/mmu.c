/* SPDX-License-Identifier: MIT */
/* HYPERVISOR_mmu_update, HYPERVISOR_update_va_mapping and its form for other domains' frames. */
#include "hypercalls/hypercalls.h"
#include "hypercalls/pg_owner.h"
#include "mm/flush.h"
#include "mm/pagetable.h"

/* Requests copied in at a time; the lock is held for as many. */
#define CHUNK 16

static int update_m2p(const struct pg_owner *pg, struct mm_owner *pt, const struct mmu_update *req)
{
    if (pt != mm_of(current->domain))
        return -EPERM;
    mfn_t mfn = paddr_to_mfn(req->ptr);
    struct page_info *page = get_page_mfn(mfn, pg->mm);
    if (!page)
        return -EINVAL;
    set_m2p(mfn, req->val);
    put_page(page);
    return 0;
}

static int update_one(struct mm_owner *pt, const struct pg_owner *pg, const struct mmu_update *req)
{
    unsigned cmd = req->ptr & 7;
    paddr_t ptr = req->ptr & ~7UL;

    switch (cmd) {
    case MMU_NORMAL_PT_UPDATE:
    case MMU_PT_UPDATE_NO_TRANSLATE:
        return pt_update_entry_locked(pt, pg->mm, ptr, req->val, false);
    case MMU_PT_UPDATE_PRESERVE_AD:
        return pt_update_entry_locked(pt, pg->mm, ptr, req->val, true);
    case MMU_MACHPHYS_UPDATE:
        return update_m2p(pg, pt, req);
    default:
        return (int)hypercall_unknown(__HYPERVISOR_mmu_update, cmd);
    }
}

/* As far as the list is readable it counts: *n becomes 1 if not all of it is. */
static int copy_requests(struct mmu_update *req, u64 list, u32 *n)
{
    if (likely(!copy_from_guest(req, list, *n * sizeof(*req))))
        return 0;
    *n = 1;
    return copy_from_guest(req, list, sizeof(*req));
}

/* Works on requests from the list until one fails (its error), all are done (0), or it is time to stop
 * (-ERESTART). */
static int run_updates(struct mm_owner *pt, const struct pg_owner *pg, u64 list, u32 count, u32 *done)
{
    struct mmu_update req[CHUNK];
    int rc = 0;

    while (*done < count && !rc) {
        u32 n = MIN(count - *done, (u32)CHUNK), i;

        if (*done && hypercall_preempt_needed())
            return -ERESTART;
        rc = copy_requests(req, list + *done * sizeof(req[0]), &n);
        if (rc)
            return rc;
        spin_lock(&pt->pt_lock);
        for (i = 0; i < n && !rc; i++) {
            rc = update_one(pt, pg, &req[i]);
            if (!rc && pt_unfinished(pt)) {
                i++;
                break;
            }
        }
        spin_unlock(&pt->pt_lock);
        *done += i - (rc != 0);
        if (!rc && pt_unfinished(pt))
            return *done < count ? -ERESTART : 0;
    }
    return rc;
}

/* Owner of the tables: the caller, or by the upper half of foreigndom a domain that it has privilege over. */
static int table_owner(u64 foreigndom, struct pg_owner *pt)
{
    u16 id = (u16)(foreigndom >> 16);

    if (likely(!id) || id - 1 == current->domain->id)
        return pg_owner_get(DOMID_SELF, pt);
    int rc = pg_owner_get((u16)(id - 1), pt);
    if (!rc && !pt->ref)
        rc = -ESRCH; /* no pseudo owner has tables */
    return rc;
}

long do_mmu_update(u64 list, u64 count_arg, u64 pdone, u64 foreigndom, u64)
{
    struct mm_owner *self = mm_of(current->domain);
    u32 count = (u32)count_arg, done = 0, before = 0;
    struct pg_owner pt, pg;
    int rc;

    if (pt_unfinished(self) && pt_finish(self))
        return hypercall_continue(__HYPERVISOR_mmu_update, 4, list, count_arg, pdone, foreigndom, 0);
    /* Only the tail of the last update was left; its result travels in foreigndom. */
    if (count == UPDATE_PREEMPTED && !list)
        return (int)foreigndom;
    if (count & UPDATE_PREEMPTED) {
        count &= ~UPDATE_PREEMPTED;
        before = done_read(pdone);
    }
    rc = table_owner(foreigndom, &pt);
    if (rc)
        return rc;
    rc = pg_owner_get((u16)foreigndom, &pg);
    if (rc) {
        pg_owner_put(&pt);
        return rc;
    }
    rc = run_updates(pt.mm, &pg, list, count, &done);
    if (pt.mm != self && pt_unfinished(pt.mm)) {
        while (pt_finish(pt.mm))
            ; /* a domain under construction: small, and nobody else will do it */
    }
    pg_owner_put(&pg);
    pg_owner_put(&pt);
    done_write(pdone, before + done);
    if (rc == -ERESTART)
        return hypercall_continue(__HYPERVISOR_mmu_update, 4, list + done * sizeof(struct mmu_update),
                                  (count - done) | UPDATE_PREEMPTED, pdone, foreigndom, 0);
    if (pt_unfinished(self))
        return hypercall_continue(__HYPERVISOR_mmu_update, 4, 0, UPDATE_PREEMPTED, 0, (u32)rc, 0);
    return rc;
}

/* The flush that the caller ordered along with the update. */
static int flush_after(u64 va, u64 flags)
{
    u64 whom = flags & ~UVMF_FLUSHTYPE_MASK, what;
    cpumask_t mask;

    if ((flags & UVMF_FLUSHTYPE_MASK) == UVMF_TLB_FLUSH)
        what = FLUSH_ALL_VA;
    else if ((flags & UVMF_FLUSHTYPE_MASK) == UVMF_INVLPG)
        what = va;
    else
        return 0;
    if (whom == UVMF_LOCAL) {
        if (what == FLUSH_ALL_VA)
            flush_local();
        else
            flush_local_page(va);
        return 0;
    }
    if (whom == UVMF_ALL) {
        smp_mb();
        flush_cpus(&current->domain->mm.dirty_cpus, what);
        return 0;
    }
    if (vcpu_bitmap_to_cpus(whom, &mask))
        return -EFAULT;
    flush_cpus(&mask, what);
    return 0;
}

static int update_va(struct mm_owner *foreign, u64 va, u64 val, u64 flags)
{
    int rc = pt_update_va(mm_of(current->domain), foreign, current->guest_l4, va, val);

    if (rc || likely(!(flags & UVMF_FLUSHTYPE_MASK)))
        return rc;
    return flush_after(va, flags);
}

long do_update_va_mapping(u64 va, u64 val, u64 flags, u64, u64)
{
    return update_va(mm_of(current->domain), va, val, flags);
}

long do_update_va_mapping_otherdomain(u64 va, u64 val, u64 flags, u64 domid, u64)
{
    struct pg_owner pg;
    int rc = pg_owner_get((u16)domid, &pg);

    if (rc)
        return rc;
    rc = update_va(pg.mm, va, val, flags);
    pg_owner_put(&pg);
    return rc;
}
