/* SPDX-License-Identifier: MIT */
/* What others ask and tell the scheduler about a vCPU: affinity, times, its birth. */
#include "cpu/clock.h"
#include "cpu/softirq.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "sched/cap.h"
#include "sched/guest_time.h"
#include "sched/run_queues.h"
#include "sched/sched.h"

static unsigned next_home; /* spreads new vCPUs */

int sched_set_affinity(struct vcpu *v, const u64 *hard, const u64 *soft)
{
    bool some = false;
    unsigned cpu;
    u64 flags;
    struct cpu_sched *s;

    if (hard) {
        for_each_cpu (cpu, &sched_cpus)
            some |= test_bit(hard, cpu);
        if (!some)
            return -EINVAL;
    }
    s = lock_home(v, &flags);
    if (hard)
        memcpy(v->sched.affinity_hard, hard, sizeof(v->sched.affinity_hard));
    if (soft)
        memcpy(v->sched.affinity_soft, soft, sizeof(v->sched.affinity_soft));
    v->sched.migrate = v->sched.running && !sched_cpu_allowed(v, v->cpu);
    if (v->sched.migrate) {
        if (s->curr == v)
            softirq_raise_cpu(v->cpu, SOFTIRQ_SCHEDULE);
    } else if (v->sched.queued && !sched_cpu_allowed(v, v->cpu)) {
        dequeue(s, v);
        place_and_enqueue(s, v, flags);
        return 0;
    } else if (v->sched.queued) {
        find_helper(v); /* one that may run it now */
    }
    spin_unlock_irqrestore(&s->lock, flags);
    return 0;
}

void sched_runstate_get(struct vcpu *v, struct vcpu_runstate_info *out)
{
    u64 flags;
    struct cpu_sched *s = lock_home(v, &flags);
    ns_t t = now();

    *out = v->runstate;
    if (t > out->state_entry_time)
        out->time[out->state] += t - out->state_entry_time;
    spin_unlock_irqrestore(&s->lock, flags);
}

bool sched_is_scheduled(const struct vcpu *v)
{
    return READ_ONCE(cpu_sched[READ_ONCE(v->cpu)].curr) == v;
}

u64 sched_idle_time(unsigned cpu)
{
    struct vcpu_runstate_info rs;

    sched_runstate_get(idle_vcpu[cpu], &rs);
    return rs.time[RUNSTATE_running];
}

static int sched_domain_create(struct domain *d, const struct xen_domctl_createdomain *)
{
    d->sched_weight = 256;
    cap_domain_init(d);
    guest_wallclock_update(d);
    return 0;
}

/* CPUs in turn, so that vCPUs that have never run are spread already. */
static unsigned next_sched_cpu(void)
{
    unsigned long after = __atomic_load_n(&next_home, __ATOMIC_RELAXED) + 1UL;
    unsigned cpu = (unsigned)find_next_bit(sched_cpus.bits, NR_CPUS, after);

    if (cpu == NR_CPUS)
        cpu = (unsigned)find_next_bit(sched_cpus.bits, NR_CPUS, 0);
    cpu %= NR_CPUS;
    __atomic_store_n(&next_home, cpu, __ATOMIC_RELAXED);
    return cpu;
}

static int sched_vcpu_create(struct vcpu *v)
{
    v->sched = (struct sched_vcpu){.queued = false};
    list_init(&v->sched.queue);
    memset(v->sched.affinity_hard, 0xff, sizeof(v->sched.affinity_hard));
    memset(v->sched.affinity_soft, 0xff, sizeof(v->sched.affinity_soft));
    v->cpu = next_sched_cpu();
    v->runstate = (struct vcpu_runstate_info){.state = RUNSTATE_offline, .state_entry_time = now()};
    sched_policy_vcpu_init(v);
    return 0;
}

static int sched_domain_kill(struct domain *d)
{
    cap_stop(d);
    return 0;
}

const struct domain_unit sched_unit = {
    .domain_create = sched_domain_create,
    .domain_kill = sched_domain_kill,
    .vcpu_create = sched_vcpu_create,
};
