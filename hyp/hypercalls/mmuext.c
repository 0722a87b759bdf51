/* SPDX-License-Identifier: MIT */
/* HYPERVISOR_mmuext_op: pins, roots, flushes, descriptor tables. */
#include "hypercalls/hypercalls.h"
#include "hypercalls/pg_owner.h"
#include "lib/string.h"
#include "mm/flush.h"
#include "mm/pagetable.h"

static bool own(const struct pg_owner *pg)
{
    return pg->mm == mm_of(current->domain);
}

static int flush_multi(const struct mmuext_op *op)
{
    cpumask_t mask;
    u64 va = op->cmd == MMUEXT_INVLPG_MULTI ? op->arg1.linear_addr : FLUSH_ALL_VA;

    if (vcpu_bitmap_to_cpus((u64)op->arg2.vcpumask.p, &mask))
        return -EINVAL;
    if (op->cmd == MMUEXT_TLB_FLUSH_MULTI || guest_range_ok(va, 1))
        flush_cpus(&mask, va);
    return 0;
}

static int flush(const struct mmuext_op *op)
{
    u64 va = op->arg1.linear_addr;

    switch (op->cmd) {
    case MMUEXT_TLB_FLUSH_LOCAL:
        flush_local();
        return 0;
    case MMUEXT_INVLPG_LOCAL:
        if (guest_range_ok(va, 1))
            flush_local_page(va);
        return 0;
    case MMUEXT_TLB_FLUSH_ALL:
        smp_mb();
        flush_cpus(&current->domain->mm.dirty_cpus, FLUSH_ALL_VA);
        return 0;
    case MMUEXT_INVLPG_ALL:
        smp_mb();
        if (guest_range_ok(va, 1))
            flush_cpus(&current->domain->mm.dirty_cpus, va);
        return 0;
    default:
        return flush_multi(op);
    }
}

static int set_ldt(const struct mmuext_op *op)
{
    struct vcpu *v = current;
    unsigned entries = op->arg2.nr_ents;
    u64 base = entries ? op->arg1.linear_addr : 0;

    if (entries > 8192 || (base & ~PAGE_MASK) || !guest_range_ok(base, entries * 8UL))
        return -EINVAL;
    if (entries != v->ldt_entries || base != v->ldt_base)
        vcpu_set_ldt(v, base, entries);
    return 0;
}

static int cache_flush(const struct mmuext_op *op)
{
    /* Only who may have uncached mappings has a reason. */
    if (!mm_of(current->domain)->may_map_mmio)
        return op->cmd == MMUEXT_FLUSH_CACHE ? -EACCES : -EINVAL;
    __asm__ volatile("wbinvd" ::: "memory");
    return 0;
}

/* A frame of pg to write to, as no table and no descriptor page. */
static struct page_info *get_writable(const struct pg_owner *pg, u64 mfn)
{
    struct page_info *page = get_page_mfn(mfn_of(mfn), pg->mm);

    if (page && get_page_type(page, PGT_writable, false)) {
        put_page(page);
        page = NULL;
    }
    return page;
}

static int clear_or_copy(const struct mmuext_op *op, const struct pg_owner *pg)
{
    struct page_info *from = NULL, *to;
    int rc = -EINVAL;

    if (op->cmd == MMUEXT_COPY_PAGE && !(from = get_page_mfn(mfn_of(op->arg2.src_mfn), pg->mm)))
        return -EINVAL;
    to = get_writable(pg, op->arg1.mfn);
    if (to) {
        if (from)
            memcpy(mfn_to_virt(page_to_mfn(to)), mfn_to_virt(page_to_mfn(from)), PAGE_SIZE);
        else
            memset(mfn_to_virt(page_to_mfn(to)), 0, PAGE_SIZE);
        put_page_and_type(to);
        rc = 0;
    }
    if (from)
        put_page(from);
    return rc;
}

/* What acts on current itself and on nobody else. */
static int own_op(const struct mmuext_op *op)
{
    struct vcpu *v = current;

    switch (op->cmd) {
    case MMUEXT_NEW_BASEPTR:
        return vcpu_set_kernel_root(v, mfn_of(op->arg1.mfn));
    case MMUEXT_NEW_USER_BASEPTR:
        if (op->arg1.mfn && !mfn_valid(mfn_of(op->arg1.mfn)))
            return -EINVAL;
        return vcpu_set_user_root(v, op->arg1.mfn ? mfn_of(op->arg1.mfn) : MFN_NONE);
    case MMUEXT_SET_LDT:
        return set_ldt(op);
    case MMUEXT_FLUSH_CACHE:
    case MMUEXT_FLUSH_CACHE_GLOBAL:
        return cache_flush(op);
    default:
        return flush(op);
    }
}

static int run_one(const struct mmuext_op *op, const struct pg_owner *pg)
{
    switch (op->cmd) {
    case MMUEXT_PIN_L1_TABLE ... MMUEXT_PIN_L4_TABLE:
        return pt_pin(pg->mm, mfn_of(op->arg1.mfn), (op->cmd - MMUEXT_PIN_L1_TABLE + 1UL) << PGT_SHIFT);
    case MMUEXT_UNPIN_TABLE:
        return pt_unpin(pg->mm, mfn_of(op->arg1.mfn));
    case MMUEXT_CLEAR_PAGE:
    case MMUEXT_COPY_PAGE:
        return clear_or_copy(op, pg);
    case MMUEXT_MARK_SUPER:
    case MMUEXT_UNMARK_SUPER:
        return -EOPNOTSUPP;
    case MMUEXT_NEW_BASEPTR:
    case MMUEXT_TLB_FLUSH_LOCAL:
    case MMUEXT_INVLPG_LOCAL:
    case MMUEXT_TLB_FLUSH_MULTI:
    case MMUEXT_INVLPG_MULTI:
    case MMUEXT_TLB_FLUSH_ALL:
    case MMUEXT_INVLPG_ALL:
    case MMUEXT_FLUSH_CACHE:
    case MMUEXT_FLUSH_CACHE_GLOBAL:
    case MMUEXT_SET_LDT:
    case MMUEXT_NEW_USER_BASEPTR:
        return own(pg) ? own_op(op) : -EPERM;
    default:
        return (int)hypercall_unknown(__HYPERVISOR_mmuext_op, op->cmd);
    }
}

static int run_ops(const struct pg_owner *pg, u64 list, u32 count, u32 *done)
{
    while (*done < count) {
        struct mmuext_op op;

        /* Tables that the last operation left half taken apart must be gone before the next: it may want
         * their frames as something else. */
        if (*done && (pt_unfinished(mm_of(current->domain)) || hypercall_preempt_needed()))
            return -ERESTART;
        if (pg->ref && pt_unfinished(pg->mm) && pt_finish(pg->mm))
            return -ERESTART;
        if (copy_from_guest(&op, list + *done * sizeof(op), sizeof(op)))
            return -EFAULT;
        int rc = run_one(&op, pg);
        if (rc)
            return rc;
        ++*done;
    }
    return 0;
}

long do_mmuext_op(u64 list, u64 count_arg, u64 pdone, u64 foreigndom, u64)
{
    struct mm_owner *self = mm_of(current->domain);
    u32 count = (u32)count_arg, done = 0, before = 0;
    struct pg_owner pg;
    int rc;

    if (pt_unfinished(self) && pt_finish(self))
        return hypercall_continue(__HYPERVISOR_mmuext_op, 4, list, count_arg, pdone, foreigndom, 0);
    if (count == UPDATE_PREEMPTED && !list)
        return (int)foreigndom;
    if (count & UPDATE_PREEMPTED) {
        count &= ~UPDATE_PREEMPTED;
        before = done_read(pdone);
    }
    rc = pg_owner_get((u16)foreigndom, &pg);
    if (rc)
        return rc;
    rc = run_ops(&pg, list, count, &done);
    pg_owner_put(&pg);
    done_write(pdone, before + done);
    if (rc == -ERESTART)
        return hypercall_continue(__HYPERVISOR_mmuext_op, 4, list + done * sizeof(struct mmuext_op),
                                  (count - done) | UPDATE_PREEMPTED, pdone, foreigndom, 0);
    if (pt_unfinished(self))
        return hypercall_continue(__HYPERVISOR_mmuext_op, 4, 0, UPDATE_PREEMPTED, 0, (u32)rc, 0);
    return rc;
}
