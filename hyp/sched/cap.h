/* SPDX-License-Identifier: MIT */
/*
 * The cap of a domain: how much of one CPU's time it may use, in percent, all its vCPUs together.
 *
 * Each period it is given its share; what it ran is taken from that. A vCPU that is switched out, or asked
 * for the next, while nothing is left is parked (VPF_CAPPED) until the refill. A domain can get into debt by
 * what its vCPUs run between two looks, and has to work it off before it runs again, so that over many
 * periods it has its share and no more.
 */
#ifndef HYP_SCHED_CAP_H
#define HYP_SCHED_CAP_H

#include "domain/domain.h"

void cap_domain_init(struct domain *d);
/* 0: no cap. Not in interrupt context, and not while the domain begins to die. */
void cap_set(struct domain *d, u32 percent);
/* No more refills. The domain is dying and off all CPUs. */
void cap_stop(struct domain *d);

/* v has run for `ran`; parks it if its domain has nothing left. Under the lock of its run queue. */
void cap_charge(struct vcpu *v, ns_t ran);
/* How long a vCPU of the domain may run now: `slice` at most. */
ns_t cap_limit(const struct domain *d, ns_t slice);

#endif
