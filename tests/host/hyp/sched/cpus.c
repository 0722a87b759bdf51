/* SPDX-License-Identifier: MIT */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include "cpus.h"
#include "cpu/clock.h"
#include "cpu/smp.h"
#include "cpu/softirq.h"
#include "domain/above.h"
#include "lib/printk.h"
#include "lib/string.h"
#include "sched/guest_time.h"
#include "sched/policy.h"
#include "sched/sched.h"
#include "sched/timer.h"

static struct cpu_info infos[NR_CPUS];
static _Thread_local struct cpu_info *this_info = &infos[0];
static _Thread_local unsigned held[LOCK_CONSOLE + 1];
static _Thread_local bool irqs_off;
static void (*handlers[NR_SOFTIRQS])(void);
static ns_t time_now, deadlines[NR_CPUS];
static unsigned kicks[NR_CPUS];
static struct domain *domains[64];
static unsigned domain_count;

u32 softirq_pending[NR_CPUS];
unsigned cpus_count, cpus_switches;
cpumask_t cpu_online_mask;
struct domain idle_domain = {.is_idle = true};
struct vcpu *idle_vcpu[NR_CPUS];

struct cpu_info *get_cpu_info(void)
{
    return this_info;
}

void cpus_enter(unsigned cpu)
{
    this_info = &infos[cpu];
}

void panic(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    abort();
}

/* --- interrupts and locks
 * ----------------------------------------------------------------------------------------- */

static u64 irq_save(void)
{
    bool was = irqs_off;

    irqs_off = true;
    return was;
}

static void irq_restore(u64 flags)
{
    BUG_ON(!irqs_off);
    irqs_off = flags;
}

void spin_lock(struct spinlock *l)
{
    BUG_ON(!l->level || !irqs_off);
    for (unsigned i = l->level; i <= LOCK_CONSOLE; i++)
        BUG_ON(held[i]);
    while (__atomic_exchange_n(&l->cpu_plus1, 1, __ATOMIC_ACQUIRE))
        threads_yield();
    held[l->level]++;
}

void spin_unlock(struct spinlock *l)
{
    BUG_ON(!held[l->level]);
    held[l->level]--;
    __atomic_store_n(&l->cpu_plus1, 0, __ATOMIC_RELEASE);
}

u64 spin_lock_irqsave(struct spinlock *l)
{
    u64 flags = irq_save();

    spin_lock(l);
    return flags;
}

void spin_unlock_irqrestore(struct spinlock *l, u64 flags)
{
    spin_unlock(l);
    irq_restore(flags);
}

/* --- softirqs, IPIs, clock
 * ---------------------------------------------------------------------------------------- */

void softirq_register(enum softirq nr, void (*handler)(void))
{
    handlers[nr] = handler;
}

void softirq_raise_cpu(unsigned cpu, enum softirq nr)
{
    __atomic_fetch_or(&softirq_pending[cpu], 1u << nr, __ATOMIC_SEQ_CST);
}

void softirq_raise(enum softirq nr)
{
    softirq_raise_cpu(this_cpu_id(), nr);
}

void smp_kick(unsigned cpu)
{
    __atomic_fetch_add(&kicks[cpu], 1, __ATOMIC_SEQ_CST);
}

unsigned cpus_take_kicks(unsigned cpu)
{
    return __atomic_exchange_n(&kicks[cpu], 0, __ATOMIC_SEQ_CST);
}

ns_t now(void)
{
    return __atomic_load_n(&time_now, __ATOMIC_SEQ_CST);
}

void cpus_set_time(ns_t t)
{
    __atomic_store_n(&time_now, t, __ATOMIC_SEQ_CST);
}

void clock_set_deadline(ns_t when)
{
    deadlines[this_cpu_id()] = when;
}

ns_t cpus_deadline(unsigned cpu)
{
    return deadlines[cpu];
}

bool cpus_run_pending(unsigned cpu)
{
    bool ran = false;

    cpus_enter(cpu);
    if (deadlines[cpu] && deadlines[cpu] <= now()) {
        deadlines[cpu] = 0;
        softirq_raise(SOFTIRQ_TIMER);
    }
    while (softirq_is_pending(cpu)) {
        u32 bits = __atomic_exchange_n(&softirq_pending[cpu], 0, __ATOMIC_SEQ_CST);

        for (unsigned nr = 0; nr < NR_SOFTIRQS; nr++)
            if (bits & (1u << nr))
                handlers[nr]();
        ran = true;
    }
    BUG_ON(irqs_off);
    return ran;
}

void cpus_settle(void)
{
    bool again;

    do {
        again = false;
        for (unsigned c = 0; c < cpus_count; c++)
            again |= cpus_run_pending(c);
    } while (again);
}

void cpus_advance(ns_t ns)
{
    ns_t end = now() + ns;

    for (;;) {
        ns_t next = end;

        cpus_settle();
        for (unsigned c = 0; c < cpus_count; c++)
            if (deadlines[c] && deadlines[c] < next)
                next = deadlines[c];
        if (next > now())
            cpus_set_time(next);
        if (next >= end)
            break;
    }
    cpus_settle();
}

/* --- what the domain room does
 * ------------------------------------------------------------------------------------ */

void context_switch(struct vcpu *prev, struct vcpu *next)
{
    unsigned cpu = this_cpu_id();

    BUG_ON(current != prev || prev == next || irqs_off);
    BUG_ON(!prev->sched.running || !next->sched.running || next->cpu != cpu);
    /* `desc_base` is free for the test: one more than the CPU that has the vCPU. */
    BUG_ON(!is_idle_vcpu(next) && __atomic_exchange_n(&next->desc_base, cpu + 1, __ATOMIC_SEQ_CST));
    current = next;
    if (!is_idle_vcpu(prev))
        BUG_ON(__atomic_exchange_n(&prev->desc_base, 0, __ATOMIC_SEQ_CST) != cpu + 1);
    __atomic_fetch_add(&cpus_switches, 1, __ATOMIC_RELAXED);
    sched_context_saved(prev);
}

void vcpu_timer_resumed(struct vcpu *v)
{
    BUG_ON(current != v);
}

void guest_time_update(struct vcpu *v)
{
    BUG_ON(current != v);
}

void guest_runstate_update(struct vcpu *v)
{
    BUG_ON(current != v);
}

void guest_wallclock_update(struct domain *d)
{
    (void)d;
}

void idle_loop(void)
{
    panic("not on a fake CPU\n");
}

struct vcpu *cpus_running(unsigned cpu)
{
    return infos[cpu].vcpu;
}

static void free_domains(void)
{
    for (unsigned i = 0; i < domain_count; i++) {
        for (unsigned k = 0; k < domains[i]->max_vcpus; k++) {
            free(domains[i]->vcpu[k]->info);
            free(domains[i]->vcpu[k]);
        }
        free(domains[i]->vcpu);
        free(domains[i]);
    }
    domain_count = 0;
}

void cpus_reset(unsigned n)
{
    free_domains();
    for (unsigned c = 0; c < NR_CPUS; c++)
        free(idle_vcpu[c]);
    memset(infos, 0, sizeof(infos));
    memset(softirq_pending, 0, sizeof(softirq_pending));
    memset(deadlines, 0, sizeof(deadlines));
    memset(kicks, 0, sizeof(kicks));
    memset(idle_vcpu, 0, sizeof(idle_vcpu));
    memset(&sched_cpus, 0, sizeof(sched_cpus));
    time_now = 1;
    cpus_count = n;
    cpus_switches = 0;
    timers_init();
    sched_init();
    for (unsigned c = 0; c < n; c++) {
        struct vcpu *idle = calloc(1, sizeof(*idle));

        idle->id = c;
        idle->domain = &idle_domain;
        idle_vcpu[c] = idle;
        infos[c].cpu = c;
        infos[c].vcpu = idle;
        cpumask_set(&cpu_online_mask, c);
        cpus_enter(c);
        sched_init_cpu(c);
    }
    cpus_enter(0);
}

struct domain *cpus_domain(unsigned n)
{
    struct domain *d = calloc(1, sizeof(*d));

    d->id = (u16)++domain_count;
    domains[domain_count - 1] = d;
    d->max_vcpus = n;
    d->vcpu = calloc(n, sizeof(*d->vcpu));
    sched_unit.domain_create(d, NULL);
    for (unsigned i = 0; i < n; i++) {
        struct vcpu *v = calloc(1, sizeof(*v));

        v->id = i;
        v->domain = d;
        v->pause_flags = VPF_DOWN;
        v->info = calloc(1, sizeof(*v->info));
        d->vcpu[i] = v;
        sched_unit.vcpu_create(v);
    }
    return d;
}

void cpus_start(struct vcpu *v, u32 flag)
{
    __atomic_fetch_and(&v->pause_flags, ~flag, __ATOMIC_SEQ_CST);
    vcpu_wake(v);
}

void cpus_stop(struct vcpu *v, u32 flag)
{
    __atomic_fetch_or(&v->pause_flags, flag, __ATOMIC_SEQ_CST);
    vcpu_sleep_nosync(v);
}
