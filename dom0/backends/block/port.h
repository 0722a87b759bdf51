/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_BLOCK_PORT_H
#define HOSPES_BLOCK_PORT_H

#include <stdbool.h>
#include <stdint.h>

#include "dom0/backends/block/uring.h"

/*
 * Event channels of the rings. As the common library's (guest_ring.h), but read and unmasked through the
 * io_uring that the daemon waits in: an event costs no system call beyond the wait.
 *
 * An event masks its port. It is the owner's to call port_unmask() when it has looked at the ring and asked
 * for the next event; a guest that sends more meanwhile reaches nobody.
 */
struct ports;
struct port;

typedef void port_callback(void *arg);

/* Opens /dev/xen/evtchn. NULL with errno. */
struct ports *ports_open(struct uring *uring);

/* All are unbound. NULL is allowed. */
void ports_close(struct ports *ports);

/*
 * Binds a channel that domain domid offers, or that a daemon before us had bound. What was sent before raises
 * no event: whoever binds looks at the ring. NULL with errno.
 */
struct port *port_bind(struct ports *ports, uint32_t domid, uint32_t remote, port_callback *callback,
                       void *arg);

void port_notify(struct port *port);

/* Takes effect with the next wait. */
void port_unmask(struct port *port);

/* NULL is allowed. */
void port_unbind(struct port *port);

#endif
