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

static struct spinlock lock; /* of these two */
static unsigned holds;
static bool under_way;
static struct waitq gate;

void suspend_hook_add(struct suspend_hook *hook)
{
    struct suspend_hook **p = &hooks;

    while (*p)
        p = &(*p)->next;
    hook->next = NULL;
    *p = hook;
}

static bool may_hold(void *arg)
{
    bool may;

    (void)arg;
    spin_lock(&lock);
    may = !under_way;
    holds += may;
    spin_unlock(&lock);
    return may;
}

void suspend_hold(void)
{
    waitq_wait(&gate, may_hold, NULL, 0);
}

void suspend_release(void)
{
    uint8_t mask = spin_lock_masked(&lock);

    holds--;
    spin_unlock_masked(&lock, mask);
    waitq_wake(&gate);
}

static bool may_begin(void *arg)
{
    bool may;

    (void)arg;
    spin_lock(&lock);
    may = !under_way && !holds;
    under_way = under_way || may;
    spin_unlock(&lock);
    return may;
}

static void finish(void)
{
    uint8_t mask = spin_lock_masked(&lock);

    under_way = false;
    spin_unlock_masked(&lock, mask);
    waitq_wake(&gate);
}

static void call_before(struct suspend_hook *hook)
{
    if (!hook)
        return;
    call_before(hook->next);
    if (hook->before)
        hook->before(hook->arg);
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
        mm_publish_p2m();
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
    waitq_wait(&gate, may_begin, NULL, 0);
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
    finish();
    return mask != 0xff ? -XEN_EBUSY : cancelled;
}
