/* SPDX-License-Identifier: MIT */
#ifndef GUEST_EVENTS_H
#define GUEST_EVENTS_H

/*
 * Event channels, two-level. A handler runs on the vCPU that the port is bound to, with upcalls
 * masked, on the stack of the thread that it interrupts; it must not wait.
 */

#include <stdbool.h>
#include <stdint.h>
#include <xen/xen.h>

#define EVENTS_MAX_PORTS 4096u

typedef void (*event_handler_t)(unsigned port, void *data);

/* Masks all ports and forgets all handlers: at the start, and in the new domain after a resume. */
void events_init(void);

/* Negative errno on failure, else the port, still masked and with no handler. */
int event_alloc_unbound(domid_t remote);
int event_bind_interdomain(domid_t remote, unsigned remote_port);
int event_bind_virq(unsigned virq, unsigned vcpu);
int event_bind_ipi(unsigned vcpu);

/* Moves an interdomain or unbound port to another vCPU; they begin on vCPU 0. While it is masked. */
int event_bind_vcpu(unsigned port, unsigned vcpu);

/* Sets the handler and unmasks; handler NULL masks. */
void event_handle(unsigned port, event_handler_t handler, void *data);

void event_mask(unsigned port);

/* Unmasks; a pending event is delivered at once. */
void event_unmask(unsigned port);

/* Errors of the hypervisor, 0 when sent. */
int event_send(unsigned port);
int event_close(unsigned port);

bool event_pending(unsigned port);

/* Atomically clears the pending bit; returns whether it was set. */
bool event_clear(unsigned port);

/* Sleeps until an event is pending for this vCPU and its handlers have run. */
void events_wait(void);

/* From the event callback. */
void events_upcall(void);

#endif
