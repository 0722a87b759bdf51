/* SPDX-License-Identifier: MIT */
/* Time as guests see it. */
#include "sched/guest_time.h"
#include "cpu/clock.h"
#include "domain/domain.h"
#include "lib/string.h"
#include "mm/guest_access.h"
#include "mm/page.h"
#include "mm/pagetable.h"
#include "sched/sched.h"

/*
 * Guest memory of the loaded vCPU at `va`, silently nothing if that cannot be written. In user mode the
 * kernel's half is not in the tables that are loaded (Linux), so the kernel's are walked by hand; the frame
 * must be one that the guest may write anyway.
 */
static bool write_kernel_va(struct vcpu *v, u64 va, const void *data, size_t n)
{
    const u8 *src = data;

    if (v->kernel_mode)
        return copy_to_guest(va, data, n) == 0;
    if (!guest_range_ok(va, n) || mfn_x(v->guest_l4) == MFN_NONE_VALUE)
        return false;
    while (n) {
        size_t part = MIN(n, PAGE_SIZE - (va & ~PAGE_MASK));
        struct pt_walk w;
        mfn_t mfn;

        pt_lookup(v->guest_l4, va, &w);
        if (!w.present || !w.writable)
            return false;
        mfn = pte_mfn(w.l1e);
        if (!mfn_valid(mfn) || get_page_and_type(mfn_to_page(mfn), mm_of(v->domain), PGT_writable))
            return false;
        memcpy((u8 *)mfn_to_virt(mfn) + (va & ~PAGE_MASK), src, part);
        put_page_and_type(mfn_to_page(mfn));
        va += part;
        src += part;
        n -= part;
    }
    return true;
}

/* The secondary copy, for user space of the guest; it lies in its kernel's address space. */
static void write_time_area(struct vcpu *v, const struct vcpu_time_info *t)
{
    u64 at = v->time_info_guest;
    struct vcpu_time_info copy = *t;
    u32 odd = t->version - 1;

    if (!write_kernel_va(v, at + offsetof(struct vcpu_time_info, version), &odd, sizeof(odd)))
        return;
    copy.version = odd;
    barrier();
    write_kernel_va(v, at, &copy, sizeof(copy));
    barrier();
    write_kernel_va(v, at + offsetof(struct vcpu_time_info, version), &t->version, sizeof(t->version));
}

void guest_time_update(struct vcpu *v)
{
    const struct clock_scale *s = &clock_scale[this_cpu_id()];
    struct vcpu_time_info *t = &v->info->time;
    u32 version = (READ_ONCE(t->version) | 1) + 1; /* even; whatever the guest may have written there */

    if (v->info == &dummy_vcpu_info)
        return;
    /* Same CPU, same scale: nothing to tell. */
    if (t->tsc_timestamp == s->base_tsc && t->system_time == s->base_ns && t->tsc_to_system_mul == s->mul &&
        t->tsc_shift == s->shift && !(t->version & 1) && !v->time_info_guest)
        return;
    WRITE_ONCE(t->version, version - 1);
    barrier();
    t->tsc_timestamp = s->base_tsc;
    t->system_time = s->base_ns;
    t->tsc_to_system_mul = s->mul;
    t->tsc_shift = s->shift;
    t->flags = 0;
    barrier();
    WRITE_ONCE(t->version, version);
    if (v->time_info_guest && v == current) {
        struct vcpu_time_info copy = {
            .version = version,
            .tsc_timestamp = s->base_tsc,
            .system_time = s->base_ns,
            .tsc_to_system_mul = s->mul,
            .tsc_shift = s->shift,
        };
        write_time_area(v, &copy);
    }
}

void guest_wallclock_update(struct domain *d)
{
    struct shared_info *si = d->shared_info;
    u32 version = (READ_ONCE(si->wc_version) | 1) + 1, nsec;
    u64 sec;

    wallclock_get(&sec, &nsec);
    sec += (u64)d->time_offset_seconds;
    WRITE_ONCE(si->wc_version, version - 1);
    barrier();
    si->wc_sec = (u32)sec;
    si->wc_sec_hi = (u32)(sec >> 32);
    si->wc_nsec = nsec;
    barrier();
    WRITE_ONCE(si->wc_version, version);
}

void guest_wallclock_update_all(void)
{
    struct domain *d;

    for_each_domain (d)
        if (d->shared_info)
            guest_wallclock_update(d);
}

void guest_runstate_update(struct vcpu *v)
{
    u64 at = v->runstate_guest;
    const size_t entry = offsetof(struct vcpu_runstate_info, state_entry_time);
    struct vcpu_runstate_info rs;
    u64 marked;

    if (!at || is_idle_vcpu(v))
        return;
    rs = v->runstate;
    if (!(v->domain->vm_assist & (1UL << VMASST_TYPE_runstate_update_flag))) {
        write_kernel_va(v, at, &rs, sizeof(rs));
        return;
    }
    /* The guest reads again while the mark is set or has changed. */
    marked = rs.state_entry_time | XEN_RUNSTATE_UPDATE;
    if (!write_kernel_va(v, at + entry, &marked, sizeof(marked)))
        return;
    rs.state_entry_time = marked;
    barrier();
    write_kernel_va(v, at, &rs, sizeof(rs));
    barrier();
    marked &= ~XEN_RUNSTATE_UPDATE;
    write_kernel_va(v, at + entry, &marked, sizeof(marked));
}
