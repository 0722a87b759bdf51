/* SPDX-License-Identifier: MIT */
/*
 * Physical interrupts of a domain: pirq numbers, the interrupt line (cpu/irq.h) behind each, the event
 * channel bound to each.
 *
 * Only a privileged domain has any; for others every function gives -EPERM or -EINVAL as noted. A line
 * belongs to one domain at a time. A GSI can be bound before its trigger mode is known: it is connected when
 * pirq_setup_gsi() follows.
 */
#ifndef HYP_EVENT_PIRQ_H
#define HYP_EVENT_PIRQ_H

#include <xen/physdev.h>
#include "domain/domain.h"

extern const struct domain_unit pirq_unit;

/* *pirq < 0: choose one (or the one that the line has already); on success the number. -EPERM, -EINVAL no
 * such GSI or number, -EEXIST line or number is in other use, -ENOSPC. */
int pirq_map_gsi(struct domain *d, int gsi, int *pirq);
/* Types MSI, MSI_SEG and MULTI_MSI (one vector: without interrupt remapping there are no more). As above, and
 * -ENODEV, -EDOM, -EOPNOTSUPP. */
int pirq_map_msi(struct domain *d, const struct physdev_map_pirq *map, int *pirq);
/* Unbinds if need be (the event channel stays, silent). -EINVAL: not mapped. */
int pirq_unmap(struct domain *d, int pirq);
/* Keeps a free number for a later map of that type: the number, -EPERM or -ENOSPC. */
int pirq_reserve(struct domain *d, int type);
/* Trigger mode and polarity of a GSI. -EINVAL, -EEXIST: was set before. */
int pirq_setup_gsi(int gsi, bool level, bool active_low);
/* XENIRQSTAT_*. */
int pirq_status(struct domain *d, u32 pirq, u32 *flags);
int pirq_eoi(struct domain *d, u32 pirq);

/* For event channels; LOCK_EVTCHN of d is held. */
int pirq_bind(struct domain *d, u32 pirq, u32 port);
/* After return no interrupt raises the port any more. Nothing if the pirq is not bound to it. */
void pirq_unbind(struct domain *d, u32 pirq, u32 port);
void pirq_set_affinity(struct domain *d, u32 pirq, unsigned cpu);

#endif
