/* SPDX-License-Identifier: MIT */
/* The three timers of a vCPU. They sit here because they end in events, which the scheduler's room knows
 * nothing of. */
#ifndef HYP_HYPERCALLS_VCPU_TIMER_H
#define HYP_HYPERCALLS_VCPU_TIMER_H

#include "domain/domain.h"

/* Sets the timers up with the vCPU, stops them when the domain is killed. */
extern const struct domain_unit vcpu_timer_unit;

/* VIRQ_TIMER of current at that system time; at once if it has passed. */
void vcpu_timer_set_singleshot(struct vcpu *v, ns_t when);
void vcpu_timer_stop_singleshot(struct vcpu *v);
/* VIRQ_TIMER every `period` ns of system time in which v runs; 0: never. A vCPU starts with PERIODIC_DEFAULT.
 */
void vcpu_timer_set_periodic(struct vcpu *v, ns_t period);
/* Ends the poll of current at that system time; 0: nothing does. */
void vcpu_timer_set_poll(struct vcpu *v, ns_t when);

#define PERIODIC_DEFAULT (10 * 1000 * 1000L)
#define PERIODIC_MIN     (1000 * 1000L)

#endif
