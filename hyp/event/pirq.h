/* SPDX-License-Identifier: MIT */
/* Physical interrupts of a domain: pirq numbers, their interrupt line (cpu/irq.h), the event channel bound to each. */
#ifndef HYP_EVENT_PIRQ_H
#define HYP_EVENT_PIRQ_H

#include <xen/physdev.h>
#include "domain/domain.h"

extern const struct domain_unit pirq_unit;

int pirq_map_gsi(struct domain *d, int gsi, int *pirq);
int pirq_map_msi(struct domain *d, const struct physdev_map_pirq *map, int *pirq);
int pirq_unmap(struct domain *d, int pirq);
int pirq_setup_gsi(int gsi, bool level, bool active_low);
int pirq_status(struct domain *d, u32 pirq, u32 *flags);
int pirq_eoi(struct domain *d, u32 pirq);
/* For evtchn_bind_pirq and close. */
int pirq_bind(struct domain *d, u32 pirq, u32 port, bool share);
void pirq_unbind(struct domain *d, u32 pirq);

#endif
