/* SPDX-License-Identifier: MIT */
/* Which vCPU runs where. The policy sits behind this interface. */
#ifndef HYP_SCHED_SCHED_H
#define HYP_SCHED_SCHED_H

#include "domain/domain.h"

void sched_init(void);          /* boot CPU */
void sched_init_cpu(unsigned c); /* each CPU, before its idle loop */
extern const struct domain_unit sched_unit;

/* The vCPU may have become runnable (flags cleared, event pending): puts it on a queue, kicks a CPU. Any context, also interrupts. */
void vcpu_wake(struct vcpu *v);
/* A VPF_ flag was set: takes it off the queue, or kicks the CPU where it runs. */
void vcpu_sleep_nosync(struct vcpu *v);
/* Makes the CPU on which v runs look at pending events; wakes it if it is blocked. For event delivery. */
void vcpu_kick(struct vcpu *v);
static inline bool vcpu_is_runnable(const struct vcpu *v)
{
    return READ_ONCE(v->pause_flags) == 0;
}
/* For the current vCPU: give the CPU away. */
void sched_yield(void);
/* Block until an event is deliverable: the race-free order (set flag, look again) is inside. */
void sched_block(struct vcpu *v);
int sched_set_affinity(struct vcpu *v, const u64 *hard, const u64 *soft); /* NULL: leave */
/* Time in each RUNSTATE_, up to this moment. */
void sched_runstate_get(struct vcpu *v, struct vcpu_runstate_info *out);
u64 sched_idle_time(unsigned cpu); /* ns */
/* The idle loop; never returns. */
void idle_loop(void) __noreturn;
/* Name and number as sysctl reports them. */
extern const char sched_name[];
#define SCHED_ID_REPORTED 5 /* XEN_SCHEDULER_CREDIT2: see docs */

#endif
