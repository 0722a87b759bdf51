/* SPDX-License-Identifier: MIT */
#include <stdlib.h>
#include <string.h>
#include "rooms.h"
#include "boot/boot.h"
#include "boot/efi.h"
#include "cpu/clock.h"
#include "cpu/console.h"
#include "cpu/features.h"
#include "cpu/platform.h"
#include "cpu/smp.h"
#include "domain/cpuid.h"
#include "domain/fpu.h"
#include "event/evtchn.h"
#include "hypercalls/control.h"
#include "hypercalls/hypercalls.h"
#include "hypercalls/sysctl.h"
#include "hypercalls/vcpu_timer.h"
#include "lib/errno.h"
#include "lib/printk.h"
#include "lib/string.h"
#include "mm/alloc.h"
#include "mm/page.h"
#include "sched/guest_time.h"
#include "sched/cap.h"
#include "sched/policy.h"
#include "sched/sched.h"
#include "sched/watchdog.h"

u8 arena[ARENA_SIZE];
struct domain *rooms_guest;
unsigned rooms_continued, rooms_kill_restarts, rooms_pauses, rooms_unpauses, rooms_refs_given, rooms_refs_put;
bool rooms_locked;
long rooms_allocs;
struct xen_domctl_createdomain rooms_created;
u16 rooms_created_domid;

struct domain *dom0;
struct domain idle_domain;
struct vcpu_info dummy_vcpu_info;
struct boot_info boot_info;
struct cpu_features features = {.xsave = true,
                                .xsave_size = 832,
                                .xcr0_mask = 7,
                                .paddr_bits = 40,
                                .rdtscp = true,
                                .max_leaf = 0xd,
                                .max_ext_leaf = 0x80000008,
                                .vendor = "GenuineIntel"};
cpumask_t cpu_online_mask = {{3}};
unsigned cpu_count = 2;
struct cpu_ids cpu_ids[NR_CPUS] = {{0, 1}, {2, 3}};
ns_t sched_rate_limit;
u64 tsc_khz = 2000000, max_mfn = 63;
static struct page_info frames[64];
struct page_info *frame_table = frames;
static u64 all_ram = ~0UL;
u64 *ram_bitmap = &all_ram;
static u8 frame_bytes[64][PAGE_SIZE];
static struct domain domains[2];
static struct vcpu vcpus[2][3];
static struct vcpu *vcpu_lists[2][3];
static struct shared_info shared[2];
static u8 xsave_areas[2][3][832];
static struct cpu_info cpu;

struct cpu_info *get_cpu_info(void)
{
    return &cpu;
}

void rooms_reset(void)
{
    memset(arena, 0, sizeof(arena));
    for (unsigned d = 0; d < 2; d++) {
        free(domains[d].cpuid_custom);
        domains[d] = (struct domain){.id = d ? 5 : 0,
                                     .refs = 1,
                                     .privileged = !d,
                                     .max_vcpus = d ? 3 : 2,
                                     .vcpu = vcpu_lists[d],
                                     .shared_info = &shared[d],
                                     .shutdown_code = ~0u,
                                     .sched_weight = 256};
        for (unsigned v = 0; v < 3; v++) {
            vcpus[d][v] = (struct vcpu){.id = v,
                                        .domain = &domains[d],
                                        .xsave = xsave_areas[d][v],
                                        .info = &shared[d].vcpu_info[v],
                                        .xcr0 = 1};
            memset(vcpus[d][v].sched.affinity_hard, 0xff, sizeof(vcpus[d][v].sched.affinity_hard));
            vcpu_lists[d][v] = &vcpus[d][v];
        }
    }
    memset(frames, 0, sizeof(frames));
    dom0 = &domains[0];
    rooms_guest = &domains[1];
    cpu.vcpu = &vcpus[0][0];
    rooms_continued = rooms_kill_restarts = rooms_pauses = rooms_unpauses = rooms_refs_given =
        rooms_refs_put = 0;
    rooms_locked = false;
    rooms_allocs = 0;
    rooms_created_domid = 0;
    current = &vcpus[0][0];
}

void rooms_call_from_guest(bool guest)
{
    current = &vcpus[guest][0];
}

void panic(const char *fmt, ...)
{
    (void)fmt;
    abort();
}

void printk(enum log_level level, const char *fmt, ...)
{
    (void)level, (void)fmt;
}

size_t hyp_strlcpy(char *dst, const char *src, size_t size)
{
    strncpy(dst, src, size - 1);
    return strlen(src);
}

/* --- guest memory
 * ------------------------------------------------------------------------------------------------- */

static bool in_arena(u64 p, size_t n)
{
    return p >= (u64)arena && n <= ARENA_SIZE && p - (u64)arena <= ARENA_SIZE - n;
}

int copy_from_guest(void *dst, u64 src, size_t n)
{
    if (!in_arena(src, n))
        return -EFAULT;
    memcpy(dst, (void *)src, n);
    return 0;
}

int copy_to_guest(u64 dst, const void *src, size_t n)
{
    if (!in_arena(dst, n))
        return -EFAULT;
    memcpy((void *)dst, src, n);
    return 0;
}

int clear_guest(u64 dst, size_t n)
{
    if (!in_arena(dst, n))
        return -EFAULT;
    memset((void *)dst, 0, n);
    return 0;
}

void cap_set(struct domain *d, u32 percent)
{
    d->sched_cap = percent;
}

int watchdog_arm(struct domain *d, u32 id, u32 seconds)
{
    (void)d;
    return seconds && id <= NR_WATCHDOGS ? (int)id : -EINVAL;
}

u32 pci_conf_read(u8 bus, u8 devfn, u16 reg, unsigned size)
{
    (void)reg, (void)size;
    return bus || devfn ? ~0u : 0x12378086;
}

int get_guest_u64(u64 *dst, u64 src)
{
    return copy_from_guest(dst, src, sizeof(*dst));
}

int put_guest_u64(u64 dst, u64 value)
{
    return copy_to_guest(dst, &value, sizeof(value));
}

/* --- locks, heap, continuations
 * ----------------------------------------------------------------------------------- */

bool spin_trylock(struct spinlock *l)
{
    if (l->cpu_plus1)
        return false;
    l->cpu_plus1 = 1;
    rooms_locked |= l->level == LOCK_DOMCTL;
    return true;
}

void spin_lock(struct spinlock *l)
{
    BUG_ON(l->cpu_plus1);
    l->cpu_plus1 = 1;
}

void spin_unlock(struct spinlock *l)
{
    BUG_ON(!l->cpu_plus1);
    l->cpu_plus1 = 0;
}

void *hyp_zalloc(size_t size)
{
    rooms_allocs++;
    return calloc(1, size);
}

void hyp_free(void *p)
{
    rooms_allocs -= p != NULL;
    free(p);
}

long hypercall_continue(u64 nr, unsigned n_args, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5)
{
    (void)n_args, (void)a1, (void)a2, (void)a3, (void)a4, (void)a5;
    rooms_continued++;
    return (long)nr;
}

bool hypercall_preempt_needed(void)
{
    return false;
}

/* --- domains
 * ------------------------------------------------------------------------------------------------------ */

struct domain *domain_get_next(unsigned domid)
{
    for (unsigned i = 0; i < 2; i++) {
        if (domains[i].id >= domid) {
            rooms_refs_given++;
            return &domains[i];
        }
    }
    return NULL;
}

struct domain *domain_get(u16 domid)
{
    struct domain *d = domain_get_next(domid);

    if (d && d->id != domid) {
        domain_put(d);
        d = NULL;
    }
    return d;
}

void domain_put(struct domain *d)
{
    (void)d;
    rooms_refs_put++;
}

int domain_create(u16 domid, const struct xen_domctl_createdomain *cfg, bool privileged, struct domain **out)
{
    BUG_ON(privileged);
    rooms_created = *cfg;
    rooms_created_domid = domid;
    if (domid == 5)
        return -EEXIST;
    rooms_refs_given++;
    *out = rooms_guest;
    return 0;
}

int domain_kill(struct domain *d)
{
    if (d == current->domain)
        return -EINVAL;
    if (rooms_kill_restarts) {
        rooms_kill_restarts--;
        return -ERESTART;
    }
    return 0;
}

void domain_pause(struct domain *d)
{
    BUG_ON(d == current->domain);
    rooms_pauses++;
}

void domain_unpause(struct domain *d)
{
    (void)d;
    rooms_unpauses++;
}

void vcpu_pause(struct vcpu *v)
{
    BUG_ON(v == current);
    rooms_pauses++;
}

void vcpu_unpause(struct vcpu *v)
{
    (void)v;
    rooms_unpauses++;
}

int domain_pause_by_toolstack(struct domain *d)
{
    return d->controller_pause_count++ > 100 ? -ERANGE : 0;
}

int domain_unpause_by_toolstack(struct domain *d)
{
    if (!d->controller_pause_count)
        return -EINVAL;
    d->controller_pause_count--;
    return 0;
}

void domain_resume(struct domain *d)
{
    d->is_shut_down = false;
}

void domain_shutdown(struct domain *d, u32 reason)
{
    d->is_shut_down = true;
    d->shutdown_code = reason;
}

int vcpu_set_context(struct vcpu *v, const struct vcpu_guest_context *c)
{
    if (c->user_regs.rip == 0xbad)
        return -EINVAL;
    v->initialised = true;
    v->regs = c->user_regs;
    return 0;
}

void vcpu_get_context(struct vcpu *v, struct vcpu_guest_context *c)
{
    c->user_regs = v->regs;
}

void vcpu_reset(struct vcpu *v)
{
    v->initialised = false;
}

int vcpu_register_info(struct vcpu *v, mfn_t mfn, unsigned offset)
{
    (void)v, (void)mfn;
    return offset % 8 ? -ENXIO : 0;
}

static bool fpu_xcr0_valid(u64 xcr0)
{
    return (xcr0 & 1) && !(xcr0 & ~7UL);
}

int fpu_import_xsave(struct vcpu *v, u64 xcr0, u64 components, const void *area, size_t size)
{
    if (!fpu_xcr0_valid(xcr0) || !fpu_xcr0_valid(components) || size < 576 || size > 832)
        return -EINVAL;
    memcpy(v->xsave, area, size);
    v->xcr0 = xcr0;
    return 0;
}

/* A policy of five leaves; feature words of leaf 1 are 0xff in the host and 0x0f for guests. */
void policy_cpuid(enum policy_kind kind, u32 leaf, u32 sub, struct cpuid_leaf *out)
{
    u32 features_word = kind == POLICY_HOST ? 0xff : 0x0f;

    (void)sub;
    *out = (struct cpuid_leaf){0};
    if (leaf == 0)
        out->a = 0xd;
    else if (leaf == 1)
        out->c = out->d = features_word;
    else if (leaf == 0x80000000u)
        out->a = 0x80000008u;
}

unsigned policy_leaves(enum policy_kind kind, xen_cpuid_leaf_t *buf, unsigned max)
{
    static const u32 leaves[] = {0, 1, 2, 0x80000000u, 0x80000001u};

    for (unsigned i = 0; i < ARRAY_SIZE(leaves) && i < max; i++) {
        struct cpuid_leaf l;

        policy_cpuid(kind, leaves[i], 0, &l);
        buf[i] = (xen_cpuid_leaf_t){leaves[i], XEN_CPUID_NO_SUBLEAF, l.a, l.b, l.c, l.d};
    }
    return ARRAY_SIZE(leaves);
}

unsigned domain_policy_leaves(const struct domain *d, xen_cpuid_leaf_t *buf, unsigned max)
{
    const struct xen_cpuid_leaf_list *l = d->cpuid_custom;

    if (!l)
        return policy_leaves(POLICY_PV, buf, max);
    if (max)
        memcpy(buf, l->leaf, MIN(l->count, max) * sizeof(*buf));
    return l->count;
}

/* --- scheduler, time, events
 * -------------------------------------------------------------------------------------- */

int sched_set_affinity(struct vcpu *v, const u64 *hard, const u64 *soft)
{
    if (hard && !(hard[0] & cpu_online_mask.bits[0]))
        return -EINVAL;
    if (hard)
        memcpy(v->sched.affinity_hard, hard, sizeof(v->sched.affinity_hard));
    if (soft)
        memcpy(v->sched.affinity_soft, soft, sizeof(v->sched.affinity_soft));
    return 0;
}

void sched_runstate_get(struct vcpu *v, struct vcpu_runstate_info *out)
{
    (void)v;
    *out = (struct vcpu_runstate_info){.time = {1000, 2, 3, 4}};
}

bool sched_is_scheduled(const struct vcpu *v)
{
    return v == current;
}

u64 sched_idle_time(unsigned c)
{
    return c + 7;
}

void hyp_sched_yield(void);
void hyp_sched_yield(void)
{
}

void sched_block(struct vcpu *v)
{
    v->pause_flags |= VPF_BLOCKED;
}

void vcpu_kick(struct vcpu *v)
{
    (void)v;
}

void vcpu_wake(struct vcpu *v)
{
    (void)v;
}

void vcpu_sleep_nosync(struct vcpu *v)
{
    (void)v;
}

void guest_time_update(struct vcpu *v)
{
    (void)v;
}

void guest_wallclock_update(struct domain *d)
{
    (void)d;
}

void guest_wallclock_update_all(void)
{
}

void vcpu_timer_set_singleshot(struct vcpu *v, ns_t when)
{
    (void)v, (void)when;
}

void vcpu_timer_stop_singleshot(struct vcpu *v)
{
    (void)v;
}

void vcpu_timer_set_periodic(struct vcpu *v, ns_t period)
{
    v->periodic_period = period;
}

void vcpu_timer_set_poll(struct vcpu *v, ns_t when)
{
    (void)v, (void)when;
}

bool evtchn_port_valid(struct domain *d, u32 port)
{
    (void)d;
    return port && port < 100;
}

bool evtchn_port_pending(struct domain *d, u32 port)
{
    (void)d;
    return port == 7;
}

ns_t now(void)
{
    return 123456789;
}

void wallclock_set(u64 sec, u32 nsec, ns_t at)
{
    (void)sec, (void)nsec, (void)at;
}

/* --- machine, memory
 * ---------------------------------------------------------------------------------------------- */

bool efi_read_tables(paddr_t system_table, struct efi_tables *t)
{
    (void)system_table, (void)t;
    return false;
}

void smp_stop_others(void)
{
}

void machine_power_off(u16 a, u16 b)
{
    (void)a, (void)b;
    abort();
}

size_t console_ring_read(char *buf, size_t n, u32 *index, bool clear)
{
    static const char text[] = "a line of the hypervisor\n";
    size_t got = 0;

    while (got < n && *index < sizeof(text) - 1)
        buf[got++] = text[(*index)++];
    (void)clear;
    return got;
}

u64 free_page_count(void)
{
    return 1000;
}

u64 total_page_count(void)
{
    return 4000;
}

u64 claimed_page_count(void)
{
    return 10;
}

void *mfn_to_virt(mfn_t mfn)
{
    return frame_bytes[mfn_x(mfn)];
}

mfn_t virt_to_mfn(const void *va)
{
    (void)va;
    return mfn_of(40);
}

/* Frames from 32 on are the guest's; odd ones are never writable. */
bool get_page(struct page_info *pg, const struct mm_owner *owner)
{
    return pg - frames >= 32 && owner == &rooms_guest->mm;
}

void put_page(struct page_info *pg)
{
    (void)pg;
}

int get_page_type(struct page_info *pg, u64 type, bool preemptible)
{
    (void)type, (void)preemptible;
    return (pg - frames) % 2 ? -EINVAL : 0;
}

void put_page_and_type(struct page_info *pg)
{
    (void)pg;
}

long sysctl_debug_keys(struct xen_sysctl *op)
{
    (void)op;
    return 0;
}
