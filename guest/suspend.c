/* SPDX-License-Identifier: MIT */
/*
 * The order is that of dependence. While the domain is suspended no frame may be mapped that is not its own,
 * and start_info names its rings by pfn: so shared_info and the grant table go last, when nothing wants an
 * event or the console any more, and come back first.
 */
#include "guest/suspend.h"
#include "guest/events.h"
#include "guest/grant.h"
#include "guest/guest.h"
#include "guest/mm.h"
#include "guest/thread_internal.h"
#include "guest/time.h"
#include "guest/vcpu.h"
#include "guest/xenbus_internal.h"

static struct suspend_hook *hooks;

void suspend_hook_add(struct suspend_hook *hook)
{
    struct suspend_hook **p = &hooks;

    while (*p)
        p = &(*p)->next;
    hook->next = NULL;
    *p = hook;
}

static void call_before(struct suspend_hook *hook)
{
    if (!hook)
        return;
    call_before(hook->next);
    if (hook->before)
        hook->before(hook->arg);
}

/* Where the toolstack finds the p2m list: the page tables, and the address in them. */
static void publish_p2m(void)
{
    shared_info->arch.max_pfn = start_info->nr_pages;
    shared_info->arch.p2m_vaddr = start_info->mfn_list;
    shared_info->arch.p2m_cr3 = xen_pfn_to_cr3(virt_to_mfn(mm_root()));
}

static void map_shared_info(uint64_t maddr)
{
    long rc = hv_update_va_mapping((unsigned long)shared_info, maddr | PTE_RW, UVMF_TLB_FLUSH | UVMF_ALL);

    if (rc)
        panic("cannot map shared_info at machine address %lx: %ld", maddr, rc);
}

/* The page of the image behind the mapping, so that the addresses of its parts stay good. */
static void unmap_shared_info(void)
{
    map_shared_info((uint64_t)virt_to_mfn(shared_info) << PAGE_SHIFT);
    for (unsigned i = 0; i < XEN_LEGACY_MAX_VCPUS; i++)
        shared_info->vcpu_info[i].evtchn_upcall_mask = 1;
}

static void name_rings(unsigned long (*convert)(unsigned long))
{
    if (start_info->store_mfn)
        start_info->store_mfn = convert(start_info->store_mfn);
    if (start_info->console.domU.mfn)
        start_info->console.domU.mfn = (xen_pfn_t)convert(start_info->console.domU.mfn);
}

/* Upcalls masked, the other vCPUs stopped. True: the domain is the same as before. */
static bool go_down(void)
{
    struct sched_shutdown arg = {.reason = SHUTDOWN_suspend};
    uint64_t before = time_now();
    unsigned long start_info_mfn = virt_to_mfn(start_info);
    bool cancelled;

    publish_p2m();
    grant_suspend();
    unmap_shared_info();
    name_rings(mfn_to_pfn);
    /* The third argument is for the toolstack: it finds start_info by it, and puts the new frame there. */
    cancelled = hypercall3(__HYPERVISOR_sched_op, SCHEDOP_shutdown, (unsigned long)&arg, start_info_mfn) != 0;
    if (cancelled)
        name_rings(pfn_to_mfn);
    map_shared_info(start_info->shared_info);
    upcall_mask_set(1);
    if (!cancelled) {
        events_init();
        time_continue(before);
    }
    grant_resume();
    return cancelled;
}

int guest_suspend(void)
{
    uint8_t mask;
    bool cancelled;

    if (guest_is_dom0() || this_vcpu()->id)
        return -XEN_EINVAL;
    call_before(hooks);
    xenbus_suspend();
    mask = upcall_mask_set(1);
    if (!sched_stop_others()) {
        upcall_mask_restore(mask);
        cancelled = true;
    } else {
        cancelled = go_down();
        if (!cancelled)
            sched_bind_again();
        sched_go_on();
        upcall_mask_restore(mask);
        mask = 0xff;
    }
    xenbus_resume(cancelled);
    for (struct suspend_hook *h = hooks; h; h = h->next)
        if (h->after)
            h->after(h->arg, cancelled);
    return mask != 0xff ? -XEN_EBUSY : cancelled;
}
