/* SPDX-License-Identifier: MIT */
/*
 * Which vCPU runs where. The policy (order on a queue, length of a slice, choice of the CPU) sits behind
 * sched/policy.h.
 *
 * A vCPU belongs to the run queue of v->cpu. It is in one of these states, all under that queue's lock: not
 * runnable; queued; scheduled (it is what that CPU runs); moving to another CPU. Beside that, `sched.running`
 * says that its register state is on v->cpu and not in struct vcpu: from the moment it is scheduled until
 * context_switch() has called sched_context_saved(). Only a vCPU that is neither queued nor running changes
 * its CPU. One that is paused, neither running nor moving is nobody's (vcpu_sync()).
 */
#ifndef HYP_SCHED_SCHED_H
#define HYP_SCHED_SCHED_H

#include "domain/above.h" /* vcpu_wake(), vcpu_sleep_nosync(), sched_context_saved(), idle_loop() */
#include "domain/domain.h"

void sched_init(void);           /* boot CPU, after domain_init() */
void sched_init_cpu(unsigned c); /* each CPU (the boot CPU too), before its idle loop */
extern const struct domain_unit sched_unit;

/* Makes the CPU on which v runs look at pending events; ends a block or a poll. For event delivery: after the
 * pending bits are set. Any context. */
void vcpu_kick(struct vcpu *v);
static inline bool vcpu_is_runnable(const struct vcpu *v)
{
    return READ_ONCE(v->pause_flags) == 0;
}
/* For the current vCPU: give the CPU away. */
void sched_yield(void);
/* Block current until an event is deliverable: the race-free order (set flag, look again) is inside. */
void sched_block(struct vcpu *v);
/* CPUs that v may (hard) and should (soft) run on; NULL: leave. -EINVAL: no online CPU would be left. */
int sched_set_affinity(struct vcpu *v, const u64 *hard, const u64 *soft);
/* hypercalls/vcpu_timer.c: a vCPU with a periodic timer has been loaded on this CPU. */
void vcpu_timer_resumed(struct vcpu *v);
/* Time in each RUNSTATE_, up to this moment. */
void sched_runstate_get(struct vcpu *v, struct vcpu_runstate_info *out);
/* True while v is what a CPU runs (not merely the last context on it). A hint. */
bool sched_is_scheduled(const struct vcpu *v);
u64 sched_idle_time(unsigned cpu); /* ns */
/* As sysctl reports it. Tools then send the weight and cap of credit2, which is what we keep. */
#define SCHED_ID_REPORTED XEN_SCHEDULER_CREDIT2

#endif
