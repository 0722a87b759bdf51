/* SPDX-License-Identifier: MIT */
/* Time as guests see it: pvclock in vcpu_info, wallclock in shared_info, runstate areas. */
#ifndef HYP_SCHED_GUEST_TIME_H
#define HYP_SCHED_GUEST_TIME_H

#include "domain/domain.h"

/* Writes v->info->time from this CPU's scale (version odd while writing, never left odd). On switch-in, after
 * calibration, after registration. */
void guest_time_update(struct vcpu *v);
/* wc_* in shared_info of d; of all domains. */
void guest_wallclock_update(struct domain *d);
void guest_wallclock_update_all(void);
/* Writes the registered runstate area of current (address space loaded). Silently skipped if unmapped. */
void guest_runstate_update(struct vcpu *v);

#endif
