/* SPDX-License-Identifier: MIT */
#include "sched/run_queues.h"
#include "cpu/softirq.h"
#include "sched/sched.h"

struct cpu_sched cpu_sched[NR_CPUS];
cpumask_t sched_cpus; /* those that have called sched_init_cpu() */
cpumask_t idle_cpus;
ns_t sched_rate_limit;
unsigned nr_queued;

void run_queues_init(void)
{
    sched_cpus = idle_cpus = (cpumask_t){{0}};
    nr_queued = 0;
    sched_rate_limit = 0;
    for (unsigned c = 0; c < NR_CPUS; c++) {
        cpu_sched[c] = (struct cpu_sched){.lock = SPINLOCK_INIT(LOCK_SCHED)};
        list_init(&cpu_sched[c].queue.vcpus);
    }
}

unsigned sched_load_hint(unsigned cpu)
{
    const struct cpu_sched *s = &cpu_sched[cpu];

    return READ_ONCE(s->queue.length) + !is_idle_vcpu(READ_ONCE(s->curr));
}

bool sched_cpu_allowed(const struct vcpu *v, unsigned cpu)
{
    return test_bit(v->sched.affinity_hard, cpu);
}

struct cpu_sched *lock_home(struct vcpu *v, u64 *flags)
{
    for (;;) {
        unsigned cpu = READ_ONCE(v->cpu);
        struct cpu_sched *s = &cpu_sched[cpu];

        *flags = spin_lock_irqsave(&s->lock);
        if (v->cpu == cpu)
            return s;
        spin_unlock_irqrestore(&s->lock, *flags);
    }
}

void dequeue(struct cpu_sched *s, struct vcpu *v)
{
    sched_policy_dequeue(&s->queue, v);
    __atomic_fetch_sub(&nr_queued, 1, __ATOMIC_RELAXED);
}

void find_helper(const struct vcpu *v)
{
    unsigned cpu;

    smp_mb();
    if (READ_ONCE(v->sched.running))
        return;
    for_each_cpu (cpu, &idle_cpus) {
        if (sched_cpu_allowed(v, cpu)) {
            cpumask_clear(&idle_cpus, cpu);
            softirq_raise_cpu(cpu, SOFTIRQ_SCHEDULE);
            return;
        }
    }
}

void find_helpers(struct cpu_sched *s)
{
    struct vcpu *v;

    list_for_each_entry (v, &s->queue.vcpus, sched.queue) {
        if (cpumask_empty(&idle_cpus))
            return;
        find_helper(v);
    }
}

void enqueue(struct cpu_sched *s, struct vcpu *v, enum enqueue_reason why)
{
    __atomic_fetch_add(&nr_queued, 1, __ATOMIC_RELAXED);
    sched_policy_enqueue(&s->queue, v, why);
    if (why == ENQ_STOLEN)
        return; /* the thief is about to pick */
    if (is_idle_vcpu(s->curr)) {
        cpumask_clear(&idle_cpus, v->cpu);
        softirq_raise_cpu(v->cpu, SOFTIRQ_SCHEDULE);
        return;
    }
    if (sched_policy_preempts(v, s->curr))
        softirq_raise_cpu(v->cpu, SOFTIRQ_SCHEDULE);
    else
        find_helper(v);
}

bool wants_queue(const struct cpu_sched *s, const struct vcpu *v)
{
    return vcpu_is_runnable(v) && !v->sched.queued && !v->sched.moving && s->curr != v;
}

bool finish_move(struct vcpu *v)
{
    bool wanted = vcpu_is_runnable(v);

    __atomic_store_n(&v->sched.moving, false, __ATOMIC_SEQ_CST);
    return wanted;
}

void place_and_enqueue(struct cpu_sched *s, struct vcpu *v, u64 flags)
{
    for (;;) {
        unsigned cpu = v->sched.running ? v->cpu : sched_policy_place(v, &idle_cpus);

        if (cpu == v->cpu) {
            enqueue(s, v, ENQ_WOKEN);
            break;
        }
        v->sched.moving = true;
        WRITE_ONCE(v->cpu, cpu);
        spin_unlock_irqrestore(&s->lock, flags);
        s = &cpu_sched[cpu];
        flags = spin_lock_irqsave(&s->lock);
        if (!finish_move(v))
            break;
        if (sched_cpu_allowed(v, cpu)) {
            enqueue(s, v, ENQ_WOKEN);
            break;
        }
    }
    spin_unlock_irqrestore(&s->lock, flags);
}
