/* SPDX-License-Identifier: MIT */
/* Domains: creation, look-up by number, pausing, shutdown. Their end is in kill.c. */
#include <xen/sched.h>
#include "domain/domain.h"
#include "cpu/processor.h"
#include "cpu/softirq.h"
#include "domain/above.h"
#include "domain/life.h"
#include "lib/errno.h"
#include "lib/printk.h"
#include "lib/string.h"
#include "mm/alloc.h"

struct domain *dom0;
struct domain idle_domain;
struct vcpu *idle_vcpu[NR_CPUS];
static struct vcpu *idle_vcpus_of_domain[NR_CPUS];

static struct spinlock list_lock = SPINLOCK_INIT(LOCK_DOMAIN_LIST);
static struct list domains = LIST_INIT(domains); /* by domid, ascending */
static u16 next_domid = 1;

/* --- references and look-up
 * ----------------------------------------------------------------------------------------- */

/* Adds `step` unless the counter stands at `limit`. */
static bool count(u32 *counter, int step, u32 limit)
{
    u32 old = READ_ONCE(*counter);

    do {
        if (old == limit)
            return false;
    } while (!__atomic_compare_exchange_n(counter, &old, old + (u32)step, false, __ATOMIC_SEQ_CST,
                                          __ATOMIC_SEQ_CST));
    return true;
}

bool domain_ref(struct domain *d)
{
    return count(&d->refs, 1, 0);
}

static void free_domain(struct domain *d)
{
    unsigned n = 0;

    while (domain_units[n])
        n++;
    while (n--)
        if (domain_units[n]->domain_free)
            domain_units[n]->domain_free(d);
    for (unsigned i = 0; i < d->max_vcpus; i++)
        if (d->vcpu[i])
            vcpu_destroy(d->vcpu[i]);
    mm_owner_free(&d->mm);
    /* From here on somebody else may have the number. */
    spin_lock(&list_lock);
    list_remove(&d->link);
    spin_unlock(&list_lock);
    hyp_free(d->e820);
    hyp_free(d->cpuid_custom);
    hyp_free(d->vcpu);
    hyp_free(d);
}

void domain_put(struct domain *d)
{
    if (!__atomic_sub_fetch(&d->refs, 1, __ATOMIC_SEQ_CST))
        free_domain(d);
}

struct domain *domain_get_next(unsigned domid)
{
    struct domain *d, *found = NULL;

    spin_lock(&list_lock);
    list_for_each_entry (d, &domains, link) {
        if (d->id >= domid && domain_ref(d)) {
            found = d;
            break;
        }
    }
    spin_unlock(&list_lock);
    return found;
}

struct domain *domain_get(u16 domid)
{
    struct domain *d;

    if (dom0 && domid == 0)
        return domain_ref(dom0) ? dom0 : NULL;
    d = domain_get_next(domid);
    if (d && d->id != domid) {
        domain_put(d);
        d = NULL;
    }
    return d;
}

struct domain *domain_get_any(u16 domid)
{
    if (domid == DOMID_SELF || domid == current->domain->id)
        return domain_ref(current->domain) ? current->domain : NULL;
    return domain_get(domid);
}

/* --- creation
 * ------------------------------------------------------------------------------------------------------- */

static bool domid_used(unsigned id)
{
    struct domain *d;

    list_for_each_entry (d, &domains, link) {
        if (d->id == (u16)id)
            return true;
    }
    return false;
}

/* Puts d on the list under its number, or under the next free one. */
static int publish(struct domain *d, u16 domid, bool choose)
{
    struct domain *pos;
    struct list *at = &domains;
    int rc = 0;

    spin_lock(&list_lock);
    if (choose) {
        unsigned tries = DOMID_FIRST_RESERVED;

        while (domid_used(next_domid) && --tries)
            next_domid = next_domid + 1u < DOMID_FIRST_RESERVED ? (u16)(next_domid + 1) : 1;
        if (!tries)
            rc = -ENOMEM;
        domid = next_domid;
        next_domid = next_domid + 1u < DOMID_FIRST_RESERVED ? (u16)(next_domid + 1) : 1;
    } else if (domid_used(domid)) {
        rc = -EEXIST;
    }
    if (!rc) {
        d->id = domid;
        list_for_each_entry (pos, &domains, link) {
            if (pos->id > domid) {
                at = &pos->link;
                break;
            }
        }
        list_append(at, &d->link);
    }
    spin_unlock(&list_lock);
    return rc;
}

static int create_parts(struct domain *d, const struct xen_domctl_createdomain *cfg)
{
    int rc = 0;

    d->shared_info = alloc_shared_page(&d->mm, false);
    d->vcpu = hyp_zalloc(sizeof(*d->vcpu) * d->max_vcpus);
    if (!d->shared_info || !d->vcpu)
        return -ENOMEM;
    for (unsigned i = 0; i < ARRAY_SIZE(d->shared_info->vcpu_info); i++)
        d->shared_info->vcpu_info[i].evtchn_upcall_mask = 1;
    for (unsigned i = 0; !rc && i < d->max_vcpus; i++)
        rc = vcpu_create(d, i, &d->vcpu[i]);
    for (unsigned u = 0; !rc && domain_units[u]; u++) {
        if (domain_units[u]->domain_create)
            rc = domain_units[u]->domain_create(d, cfg);
        for (unsigned i = 0; !rc && domain_units[u]->vcpu_create && i < d->max_vcpus; i++)
            rc = domain_units[u]->vcpu_create(d->vcpu[i]);
    }
    return rc;
}

static void undo_parts(struct domain *d)
{
    if (d->vcpu) {
        /* Nothing has run and no guest memory exists: no step can be preempted for long. */
        while (kill_units(d) == -ERESTART)
            ;
    } else {
        d->max_vcpus = 0;
    }
    if (d->shared_info)
        free_shared_page(d->shared_info);
    free_domain(d);
}

int domain_create(u16 domid, const struct xen_domctl_createdomain *cfg, bool privileged, struct domain **out)
{
    bool choose = domid >= DOMID_FIRST_RESERVED;
    struct domain *d;
    int rc;

    if (!cfg->max_vcpus || cfg->max_vcpus > MAX_VCPUS_PER_DOMAIN || (domid == 0 && !privileged))
        return -EINVAL;
    d = hyp_zalloc(sizeof(*d));
    if (!d)
        return -ENOMEM;
    list_init(&d->link);
    spin_lock_init(&d->lock, LOCK_DOMAIN);
    /* The list's own reference (gone when the domain is dead and drained) and the caller's. Invisible (0)
     * until complete. */
    d->refs = 0;
    d->max_vcpus = cfg->max_vcpus;
    d->privileged = privileged;
    d->pause_count = d->controller_pause_count = 1;
    d->shutdown_code = ~0u;
    memcpy(d->handle, cfg->handle, sizeof(d->handle));
    rc = publish(d, domid, choose);
    if (rc) {
        hyp_free(d);
        return rc;
    }
    mm_owner_init(&d->mm, d->id);
    d->mm.may_map_mmio = privileged;
    rc = create_parts(d, cfg);
    if (rc) {
        undo_parts(d);
        return rc;
    }
    __atomic_store_n(&d->refs, 2, __ATOMIC_SEQ_CST);
    *out = d;
    return 0;
}

int idle_vcpu_create(unsigned cpu)
{
    struct vcpu *v = hyp_zalloc(sizeof(*v));

    if (!v)
        return -ENOMEM;
    v->id = cpu;
    v->cpu = cpu;
    v->domain = &idle_domain;
    v->info = &dummy_vcpu_info;
    v->guest_l4 = v->guest_l4_user = v->info_mfn = MFN_NONE;
    idle_vcpu[cpu] = v;
    idle_domain.vcpu[cpu] = v;
    return 0;
}

void domain_init(void)
{
    idle_domain.id = DOMID_IDLE;
    idle_domain.is_idle = true;
    idle_domain.refs = 1;
    idle_domain.max_vcpus = NR_CPUS;
    idle_domain.vcpu = idle_vcpus_of_domain;
    list_init(&idle_domain.link);
    spin_lock_init(&idle_domain.lock, LOCK_DOMAIN);
    kill_init();
}

/* --- pausing
 * -------------------------------------------------------------------------------------------------------- */

static void set_pause_flag(struct vcpu *v, u32 flag)
{
    __atomic_fetch_or(&v->pause_flags, flag, __ATOMIC_SEQ_CST);
    vcpu_sleep_nosync(v);
}

static void clear_pause_flag(struct vcpu *v, u32 flag)
{
    __atomic_fetch_and(&v->pause_flags, ~flag, __ATOMIC_SEQ_CST);
    vcpu_wake(v);
}

void vcpu_sync(struct vcpu *v)
{
    while (READ_ONCE(v->sched.running) || READ_ONCE(v->sched.moving))
        cpu_relax();
}

void domain_pause_nosync(struct domain *d)
{
    struct vcpu *v;

    spin_lock(&d->lock);
    if (d->pause_count++ == 0)
        for_each_vcpu (d, v)
            set_pause_flag(v, VPF_DOM_PAUSED);
    spin_unlock(&d->lock);
}

void domain_pause(struct domain *d)
{
    struct vcpu *v;

    ASSERT(d != current->domain);
    domain_pause_nosync(d);
    for_each_vcpu (d, v)
        vcpu_sync(v);
}

void domain_unpause(struct domain *d)
{
    struct vcpu *v;

    spin_lock(&d->lock);
    ASSERT(d->pause_count);
    if (--d->pause_count == 0)
        for_each_vcpu (d, v)
            clear_pause_flag(v, VPF_DOM_PAUSED);
    spin_unlock(&d->lock);
}

int domain_pause_by_toolstack(struct domain *d)
{
    if (!count(&d->controller_pause_count, 1, 255))
        return -ERANGE;
    domain_pause(d);
    return 0;
}

int domain_unpause_by_toolstack(struct domain *d)
{
    if (!count(&d->controller_pause_count, -1, 0))
        return -EINVAL;
    d->creation_finished = true;
    domain_unpause(d);
    return 0;
}

void vcpu_pause(struct vcpu *v)
{
    ASSERT(v != current);
    spin_lock(&v->domain->lock);
    if (v->pause_count++ == 0)
        set_pause_flag(v, VPF_PAUSED);
    spin_unlock(&v->domain->lock);
    vcpu_sync(v);
}

void vcpu_unpause(struct vcpu *v)
{
    spin_lock(&v->domain->lock);
    ASSERT(v->pause_count);
    if (--v->pause_count == 0)
        clear_pause_flag(v, VPF_PAUSED);
    spin_unlock(&v->domain->lock);
}

/* --- shutdown
 * ---------------------------------------------------------------------------------------------------------
 */

void domain_shutdown(struct domain *d, u32 reason)
{
    bool first;

    spin_lock(&d->lock);
    first = !d->is_shut_down;
    if (first) {
        d->is_shut_down = true;
        d->shutdown_code = reason;
    }
    spin_unlock(&d->lock);
    if (d->privileged && d == dom0)
        machine_shutdown(reason);
    if (!first)
        return;
    domain_pause_nosync(d);
    domain_exception();
}

void domain_resume(struct domain *d)
{
    bool was;

    domain_pause(d);
    spin_lock(&d->lock);
    was = d->is_shut_down;
    d->is_shut_down = false;
    d->shutdown_code = ~0u;
    spin_unlock(&d->lock);
    if (was)
        domain_unpause(d);
    domain_unpause(d);
}

void domain_crash(struct domain *d, const char *fmt, ...)
{
    char text[160];
    va_list ap;

    if (READ_ONCE(d->is_shut_down))
        return;
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    gprintk(LOG_WARNING, "d%u crashed: %s\n", d->id, text);
    domain_shutdown(d, SHUTDOWN_crash);
}
