/* SPDX-License-Identifier: MIT */
/* Domains, without anything of them that runs. */
#include <stdlib.h>
#include "simple.h"
#include "lib/errno.h"
#include "lib/printk.h"
#include "sched/sched.h"

#define MAX_DOMIDS 16

struct domain *dom0;
unsigned simple_domains, simple_kicks, simple_wakes;
void (*simple_on_free)(struct domain *d);
static struct domain *domains[MAX_DOMIDS];
static const struct domain_unit *const *domain_parts[MAX_DOMIDS];
static u32 list_lock;

static void lock_list(void)
{
    while (__atomic_exchange_n(&list_lock, 1, __ATOMIC_ACQUIRE))
        ;
}

static void unlock_list(void)
{
    __atomic_store_n(&list_lock, 0, __ATOMIC_RELEASE);
}

bool domain_ref(struct domain *d)
{
    u32 n = __atomic_load_n(&d->refs, __ATOMIC_SEQ_CST);

    do {
        if (!n)
            return false;
    } while (!__atomic_compare_exchange_n(&d->refs, &n, n + 1, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
    return true;
}

struct domain *domain_get(u16 domid)
{
    struct domain *d = NULL;

    lock_list();
    if (domid < MAX_DOMIDS && domains[domid] && domain_ref(domains[domid]))
        d = domains[domid];
    unlock_list();
    return d;
}

struct domain *domain_get_any(u16 domid)
{
    return domain_get(domid == DOMID_SELF ? current->domain->id : domid);
}

struct domain *domain_get_next(unsigned domid)
{
    struct domain *d = NULL;

    for (; !d && domid < MAX_DOMIDS; domid++)
        d = domain_get((u16)domid);
    return d;
}

void domain_put(struct domain *d)
{
    const struct domain_unit *const *units = domain_parts[d->id];

    BUG_ON(simple_locks_held());
    if (__atomic_sub_fetch(&d->refs, 1, __ATOMIC_SEQ_CST))
        return;
    lock_list();
    domains[d->id] = NULL;
    unlock_list();
    if (simple_on_free)
        simple_on_free(d);
    for (unsigned i = 0; units[i]; i++)
        if (units[i]->domain_free)
            units[i]->domain_free(d);
    for (unsigned i = 0; i < d->max_vcpus; i++)
        free(d->vcpu[i]);
    free(d->vcpu);
    free(d->shared_info);
    free(d);
    __atomic_fetch_sub(&simple_domains, 1, __ATOMIC_RELAXED);
}

struct domain *simple_domain(u16 id, unsigned vcpus, bool privileged, const struct domain_unit *const *units)
{
    const struct xen_domctl_createdomain cfg = {
        .max_evtchn_port = 1023, .max_grant_frames = 4, .max_maptrack_frames = 4};
    struct domain *d = calloc(1, sizeof(*d));

    BUG_ON(!d || id >= MAX_DOMIDS || domains[id]);
    d->id = id;
    d->mm.id = id;
    d->refs = 1;
    d->privileged = privileged;
    d->max_vcpus = vcpus;
    d->vcpu = calloc(vcpus, sizeof(*d->vcpu));
    d->shared_info = calloc(1, PAGE_SIZE);
    for (unsigned i = 0; i < vcpus; i++) {
        struct vcpu *v = d->vcpu[i] = calloc(1, sizeof(*v));

        v->id = i;
        v->domain = d;
        v->info = &d->shared_info->vcpu_info[i];
    }
    domain_parts[id] = units;
    for (unsigned i = 0; units[i]; i++)
        BUG_ON(units[i]->domain_create && units[i]->domain_create(d, &cfg));
    lock_list();
    domains[id] = d;
    unlock_list();
    __atomic_fetch_add(&simple_domains, 1, __ATOMIC_RELAXED);
    if (id == 0)
        dom0 = d;
    return d;
}

unsigned simple_kill(struct domain *d)
{
    const struct domain_unit *const *units = domain_parts[d->id];
    unsigned again = 0;

    d->mm.dying = true;
    for (unsigned i = 0; units[i]; i++) {
        int rc;

        while (units[i]->domain_kill && (rc = units[i]->domain_kill(d)) != 0) {
            BUG_ON(rc != -ERESTART);
            again++;
        }
    }
    if (d == dom0)
        dom0 = NULL;
    domain_put(d);
    return again;
}

void vcpu_kick(struct vcpu *v)
{
    (void)v;
    __atomic_fetch_add(&simple_kicks, 1, __ATOMIC_RELAXED);
}

void vcpu_wake(struct vcpu *v)
{
    (void)v;
    __atomic_fetch_add(&simple_wakes, 1, __ATOMIC_RELAXED);
}
