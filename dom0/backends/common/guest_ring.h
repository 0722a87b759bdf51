/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_BACKEND_GUEST_RING_H
#define HOSPES_BACKEND_GUEST_RING_H

#include <stdbool.h>
#include <stdint.h>

#include "dom0/backends/common/loop.h"

/*
 * What a backend shares with its guests: pages that they grant, and event channels. One descriptor of
 * /dev/xen/gntdev and of /dev/xen/evtchn a daemon, opened while the worker is still root.
 */
struct guest_access;

/* NULL after a log line. */
struct guest_access *guest_access_open(void);

/* Serves event channels from the loop. 0, or -1 with errno. */
int guest_access_start(struct guest_access *access, struct loop *loop);

/* All is to be unmapped and unbound before. NULL is allowed. */
void guest_access_close(struct guest_access *access);

/* For what is not below: the handle of libxengnttab (xengnttab_handle *), to copy grants and to map them one
 * by one. */
struct xengntdev_handle;
struct xengntdev_handle *guest_access_gnttab(struct guest_access *access);

/*
 * Maps n pages of domain domid side by side, all or none; prot as in mmap(). NULL with errno (EINVAL: the
 * guest has not granted one of them to us). The guest may change the pages at any time: copy, then check,
 * then use.
 */
void *guest_map(struct guest_access *access, uint32_t domid, const uint32_t *refs, unsigned int n, int prot);

/* What guest_map() gave, whole. NULL is allowed. */
void guest_unmap(struct guest_access *access, void *pages, unsigned int n);

struct guest_port;

/*
 * The guest has sent an event. Events that come until the port is unmasked are one event. True: unmask it
 * now; false: guest_port_unmask() will be called later (until then the guest cannot make us do anything). The
 * port may be unbound in here.
 */
typedef bool guest_port_callback(void *arg);

/*
 * Binds a channel that domain domid offers to us; works as well on one that a daemon before us had bound. The
 * callback is called at least once, from the loop's next round on: what was sent before raises no event. NULL
 * with errno.
 */
struct guest_port *guest_port_bind(struct guest_access *access, uint32_t domid, uint32_t remote_port,
                                   guest_port_callback *callback, void *arg);

void guest_port_notify(struct guest_port *port);
void guest_port_unmask(struct guest_port *port);

/* NULL is allowed. */
void guest_port_unbind(struct guest_port *port);

#endif
