/* SPDX-License-Identifier: MIT */
#include "hypercalls/control.h"
#include "cpu/features.h"
#include "hypercalls/hypercalls.h"
#include "lib/string.h"
#include "mm/page.h"
#include "sched/sched.h"

static struct spinlock lock = SPINLOCK_INIT(LOCK_DOMCTL);

bool control_lock(void)
{
    return spin_trylock(&lock);
}

void control_unlock(void)
{
    spin_unlock(&lock);
}

/* Sums up the vCPUs: blocked only if all that are up are, running if one is. */
static u32 fill_vcpus(struct domain *d, struct xen_domctl_getdomaininfo *info)
{
    u32 flags = XEN_DOMINF_blocked;
    struct vcpu *v;

    for_each_vcpu (d, v) {
        struct vcpu_runstate_info rs;
        u32 pause = READ_ONCE(v->pause_flags);

        sched_runstate_get(v, &rs);
        info->cpu_time += rs.time[RUNSTATE_running];
        info->max_vcpu_id = v->id;
        if (pause & VPF_DOWN)
            continue;
        info->nr_online_vcpus++;
        if (!(pause & (VPF_BLOCKED | VPF_POLLING)))
            flags &= ~(u32)XEN_DOMINF_blocked;
        if (sched_is_scheduled(v))
            flags |= XEN_DOMINF_running;
    }
    return info->nr_online_vcpus ? flags : 0;
}

void domain_info_fill(struct domain *d, struct xen_domctl_getdomaininfo *info)
{
    const struct shared_info *shared = READ_ONCE(d->shared_info);

    memset(info, 0, sizeof(*info));
    info->domain = d->id;
    info->max_vcpu_id = XEN_INVALID_MAX_VCPU_ID;
    info->flags = fill_vcpus(d, info);
    if (d->dying == DOM_DEAD)
        info->flags |= XEN_DOMINF_dying;
    if (d->is_shut_down)
        info->flags |= XEN_DOMINF_shutdown;
    if (d->controller_pause_count)
        info->flags |= XEN_DOMINF_paused;
    info->flags |= d->shutdown_code << XEN_DOMINF_shutdownshift;
    info->tot_pages = READ_ONCE(d->mm.tot_pages);
    info->max_pages = READ_ONCE(d->mm.max_pages);
    info->outstanding_pages = READ_ONCE(d->mm.claimed);
    info->shared_info_frame = shared ? mfn_x(virt_to_mfn(shared)) : ~0UL;
    memcpy(info->handle, d->handle, sizeof(info->handle));
    info->gpaddr_bits = features.paddr_bits;
}

long bitmap_from_guest(u64 *map, unsigned n, const struct xenctl_bitmap *from)
{
    unsigned bits = MIN(n, from->nr_bits), bytes = (bits + 7) / 8;

    memset(map, 0, BITS_TO_WORDS(n) * sizeof(u64));
    if (bytes && copy_from_guest(map, (u64)from->bitmap.p, bytes))
        return -EFAULT;
    if (bits % 8)
        ((u8 *)map)[bytes - 1] &= (u8)((1u << bits % 8) - 1);
    return 0;
}

long bitmap_to_guest(const struct xenctl_bitmap *to, const u64 *map, unsigned n)
{
    u64 bytes = (to->nr_bits + 7UL) / 8, ours = MIN(bytes, (n + 7UL) / 8), dst = (u64)to->bitmap.p;

    if (ours && copy_to_guest(dst, map, ours))
        return -EFAULT;
    if (bytes > ours && clear_guest(dst + ours, MIN(bytes - ours, PAGE_SIZE)))
        return -EFAULT;
    return 0;
}
