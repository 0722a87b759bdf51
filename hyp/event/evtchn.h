/* SPDX-License-Identifier: MIT */
/* Event channels (2-level ABI), VIRQs, PIRQs. Typed arguments, no guest pointers. Errors as Xen's. */
#ifndef HYP_EVENT_EVTCHN_H
#define HYP_EVENT_EVTCHN_H

#include <xen/event_channel.h>
#include "domain/domain.h"

extern const struct domain_unit evtchn_unit;

int evtchn_alloc_unbound(struct domain *d, u16 remote, u32 *port);
int evtchn_bind_interdomain(struct domain *ld, u16 remote_dom, u32 remote_port, u32 *local_port);
int evtchn_bind_virq(struct domain *d, u32 virq, u32 vcpu, u32 *port);
int evtchn_bind_ipi(struct domain *d, u32 vcpu, u32 *port);
int evtchn_bind_pirq(struct domain *d, u32 pirq, u32 *port); /* one domain a line: nobody to share with */
int evtchn_bind_vcpu(struct domain *d, u32 port, u32 vcpu);
int evtchn_close(struct domain *d, u32 port);
int evtchn_send(struct domain *d, u32 port);
int evtchn_status(struct domain *d, struct evtchn_status *s);
int evtchn_unmask(struct domain *d, u32 port);
int evtchn_reset(struct domain *d);
/* True if any of the ports is pending (for poll). */
bool evtchn_port_pending(struct domain *d, u32 port);
bool evtchn_port_valid(struct domain *d, u32 port);

/* From the hypervisor, any context (interrupts too). */
void send_guest_vcpu_virq(struct vcpu *v, u32 virq);
void send_guest_global_virq(struct domain *d, u32 virq); /* d NULL: nobody */
/* dom0's VIRQ_DOM_EXC, VIRQ_CONSOLE... */
void send_dom0_virq(u32 virq);
/* For `debug-keys e`. */
void evtchn_dump(struct domain *d);

#endif
