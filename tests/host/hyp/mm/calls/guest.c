/* SPDX-License-Identifier: MIT */
#include "guest.h"
#include <stdlib.h>
#include <string.h>
#include "boot/boot.h"
#include "cpu/percpu.h"
#include "grant/grant.h"
#include "hypercalls/memory_op.h"
#include "mm/guest_access.h"

struct domain dom_a, dom_b;
struct vcpu vcpu_a, vcpu_b;
struct boot_info boot_info;
unsigned continuations;

static u8 memory[GUEST_SIZE];
static unsigned period, questions;
static bool continued;
static u64 next_nr, next_args[5];
static int refs_before[2];

/* --- guest memory --- */

static bool exists(u64 addr, size_t n)
{
    return guest_range_ok(addr, n) && addr >= GUEST_BASE && n <= GUEST_SIZE &&
           addr - GUEST_BASE <= GUEST_SIZE - n;
}
void *guest(u64 addr)
{
    return &memory[addr - GUEST_BASE];
}
int copy_from_guest(void *dst, u64 src, size_t n)
{
    if (!n)
        return 0;
    if (!exists(src, n))
        return -EFAULT;
    memcpy(dst, guest(src), n);
    return 0;
}
int copy_to_guest(u64 dst, const void *src, size_t n)
{
    if (!n)
        return 0;
    if (!exists(dst, n))
        return -EFAULT;
    memcpy(guest(dst), src, n);
    return 0;
}
int get_guest_u64(u64 *dst, u64 src)
{
    return copy_from_guest(dst, src, sizeof(*dst));
}
int put_guest_u64(u64 dst, u64 value)
{
    return copy_to_guest(dst, &value, sizeof(value));
}

/* --- domains --- */

struct domain *domain_get(u16 domid)
{
    struct domain *d = domid == dom_a.id ? &dom_a : domid == dom_b.id ? &dom_b : NULL;

    if (d)
        d->refs++;
    return d;
}
void domain_put(struct domain *d)
{
    d->refs--;
}
int hypercall_domain(u16 domid, struct domain **d)
{
    *d = domain_get(domid == DOMID_SELF ? current->domain->id : domid);
    if (!*d)
        return -ESRCH;
    if (*d != current->domain && !current->domain->privileged) {
        domain_put(*d);
        return -EPERM;
    }
    return 0;
}
int domain_refs_lost(void)
{
    return (int)dom_a.refs - refs_before[0] + (int)dom_b.refs - refs_before[1];
}

/* --- vCPUs: only what the memory hypercalls ask of them --- */

static int set_root(mfn_t *slot, struct mm_owner *mm, mfn_t l4)
{
    mfn_t old = *slot;

    if (mfn_eq(old, l4))
        return 0;
    int rc = mfn_eq(l4, MFN_NONE) ? 0 : pt_get_root(mm, l4);
    if (rc)
        return rc;
    if (!mfn_eq(l4, MFN_NONE))
        hold(l4, PGT_l4);
    *slot = l4;
    if (!mfn_eq(old, MFN_NONE)) {
        drop(old, PGT_l4);
        pt_put_root(old);
    }
    return 0;
}
int vcpu_set_kernel_root(struct vcpu *v, mfn_t l4)
{
    return set_root(&v->guest_l4, mm_of(v->domain), l4);
}
int vcpu_set_user_root(struct vcpu *v, mfn_t l4)
{
    return set_root(&v->guest_l4_user, mm_of(v->domain), l4);
}
void vcpu_set_ldt(struct vcpu *v, u64 base, unsigned entries)
{
    v->ldt_base = base;
    v->ldt_entries = entries;
}
mfn_t m2p_step_frame(u64 step)
{
    return step < 2 ? mfn_of(100) : MFN_NONE;
}
int grant_table_get_frame(struct domain *d, u32 idx, mfn_t *mfn)
{
    (void)d;
    *mfn = mfn_of(1000 + idx);
    return idx < 4 ? 0 : -EINVAL;
}

/* --- continuations --- */

long hypercall_continue(u64 nr, unsigned n_args, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    const u64 args[] = {a1, a2, a3, a4, a5};

    continued = true;
    continuations++;
    next_nr = nr;
    memcpy(next_args, args, n_args * sizeof(u64));
    return (long)nr;
}
bool hypercall_preempt_needed(void)
{
    return period && ++questions % period == 0;
}
void preempt_calls(unsigned n)
{
    period = n;
    questions = 0;
    fake_preempt_every(n);
}

static long run_once(u64 nr, const u64 *x)
{
    switch (nr) {
    case __HYPERVISOR_mmu_update:
        return do_mmu_update(x[0], x[1], x[2], x[3], x[4]);
    case __HYPERVISOR_mmuext_op:
        return do_mmuext_op(x[0], x[1], x[2], x[3], x[4]);
    case __HYPERVISOR_memory_op:
        return do_memory_op(x[0], x[1], x[2], x[3], x[4]);
    case __HYPERVISOR_update_va_mapping:
        return do_update_va_mapping(x[0], x[1], x[2], x[3], x[4]);
    case __HYPERVISOR_update_va_mapping_otherdomain:
        return do_update_va_mapping_otherdomain(x[0], x[1], x[2], x[3], x[4]);
    default:
        fail_msg("hypercall %lu", nr);
        return 0;
    }
}

long call(u64 nr, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    const u64 args[] = {a1, a2, a3, a4, a5};
    long rc;

    next_nr = nr;
    memcpy(next_args, args, sizeof(args));
    do {
        continued = false;
        rc = run_once(next_nr, next_args);
    } while (continued);
    return rc;
}

/* --- life --- */

static void make(struct domain *d, struct vcpu *v, struct owner_frames *frames, bool privileged)
{
    static struct vcpu *list[2];
    unsigned i = d == &dom_b;

    memset(v, 0, sizeof(*v));
    v->domain = d;
    v->cpu = i;
    v->guest_l4 = v->guest_l4_user = MFN_NONE;
    list[i] = v;
    d->vcpu = &list[i];
    d->max_vcpus = 1;
    d->privileged = privileged;
    d->max_grant_frames = 4;
    spin_lock_init(&d->lock, LOCK_DOMAIN);
    (void)frames;
}

/* The frames are those of two_domains, now with a struct domain around their owner. */
static void begin(struct domain *d, u16 id, struct owner_frames *o)
{
    memset(d, 0, sizeof(*d));
    d->id = id;
    mm_owner_init(&d->mm, id);
    d->mm.max_pages = FRAMES + 8;
    for (unsigned i = 0; i < FRAMES; i++)
        o->frame[i] = page_to_mfn(alloc_domain_pages(&d->mm, 0, 0, 0));
    d->refs = 1;
}

static u64 free_before;

int guest_setup(void **state)
{
    fake_reset();
    if (!free_before) {
        /* Lets the auditor take its memory and register what the tests hold. */
        two_domains_setup(state);
        two_domains_teardown(state);
    }
    free_before = free_page_count();
    begin(&dom_a, 0, &a);
    begin(&dom_b, 5, &b);
    dom_a.mm.may_map_mmio = true;
    make(&dom_a, &vcpu_a, &a, true);
    make(&dom_b, &vcpu_b, &b, false);
    memset(memory, 0, sizeof(memory));
    boot_info.e820_count = 0;
    continuations = 0;
    preempt_calls(0);
    refs_before[0] = (int)dom_a.refs;
    refs_before[1] = (int)dom_b.refs;
    act_as(&vcpu_a);
    return 0;
}

int guest_teardown(void **state)
{
    struct vcpu *const vcpus[] = {&vcpu_a, &vcpu_b};
    int lost = domain_refs_lost();

    (void)state;
    preempt_calls(0);
    for (unsigned i = 0; i < 2; i++) {
        struct domain *d = vcpus[i]->domain;

        vcpu_set_kernel_root(vcpus[i], MFN_NONE);
        vcpu_set_user_root(vcpus[i], MFN_NONE);
        d->mm.dying = true;
        while (mm_relinquish(&d->mm) == -ERESTART)
            ;
        hyp_free(d->e820);
        d->e820 = NULL;
        if (mm_owner_has_frames(&d->mm))
            return -1;
        mm_owner_free(&d->mm);
    }
    return lost == 0 && mm_audit() == 0 && free_page_count() == free_before ? 0 : -1;
}

void act_as(struct vcpu *v)
{
    fake_set_cpu(v == &vcpu_b);
    current = v;
    cpumask_set(&v->domain->mm.dirty_cpus, v->cpu);
}
