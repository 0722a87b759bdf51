/* SPDX-License-Identifier: MIT */
/* Accounting of a vCPU's time by RUNSTATE_. Under the lock of its run queue; readers use
 * sched_runstate_get(). */
#ifndef HYP_SCHED_RUNSTATE_H
#define HYP_SCHED_RUNSTATE_H

#include "domain/domain.h"

/* Closes the present state at `t` and enters `state`. The sum of all times stays equal to t minus the time of
 * creation. */
static inline void runstate_change(struct vcpu *v, int state, ns_t t)
{
    struct vcpu_runstate_info *rs = &v->runstate;

    if (t > rs->state_entry_time) {
        rs->time[rs->state] += t - rs->state_entry_time;
        rs->state_entry_time = t;
    }
    rs->state = state;
}

/* The state of a vCPU that is not runnable. */
static inline int runstate_of_sleeper(const struct vcpu *v)
{
    u32 why = READ_ONCE(v->pause_flags);

    /* One that only its domain's cap keeps from running wants to. */
    return why == VPF_CAPPED                   ? RUNSTATE_runnable
           : why & (VPF_BLOCKED | VPF_POLLING) ? RUNSTATE_blocked
                                               : RUNSTATE_offline;
}

#endif
