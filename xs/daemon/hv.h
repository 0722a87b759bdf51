/* SPDX-License-Identifier: MIT */
/*
 * What the daemon needs from the hypervisor: rings of domains, event channels, who lives. Only the
 * stable libraries are used (libxencall, libxenevtchn, libxengnttab, libxenforeignmemory).
 */
#ifndef XS_DAEMON_HV_H
#define XS_DAEMON_HV_H

#include <stdbool.h>
#include <stdint.h>
#include <xen/xen.h>
#include <xen/io/xs_wire.h>

struct hv;

enum hv_state {
    HV_RUNNING,  /* exists and runs, or could */
    HV_SHUTDOWN, /* has shut itself down or crashed */
    HV_DYING,    /* is being destroyed */
    HV_GONE,     /* does not exist */
    HV_UNKNOWN,  /* the hypervisor did not say */
};

/* True if this machine is dom0 of a hypervisor whose store is ours to serve. */
bool hv_present(void);

/* NULL with errno; the message is logged. Binds the VIRQ that tells of dying domains. */
struct hv *hv_open(void);
void hv_close(struct hv *hv);

/* Readable when hv_next_event() has something. */
int hv_event_fd(const struct hv *hv);

/*
 * The next port with an event, unmasked again, or -1. *virq: it is the one that tells that some domain's
 * state has changed.
 */
int hv_next_event(struct hv *hv, bool *virq);

/* Binds a port of the domain: the local port, or -1 with errno. */
int hv_bind(struct hv *hv, unsigned int domid, unsigned int port);
void hv_unbind(struct hv *hv, int port);
void hv_notify(struct hv *hv, int port);

/* Ring of a domain: by its grant, else by frame number. NULL with errno. */
struct xenstore_domain_interface *hv_map_ring(struct hv *hv, unsigned int domid, unsigned long mfn,
                                              bool *by_grant);
void hv_unmap_ring(struct hv *hv, struct xenstore_domain_interface *page, bool by_grant);

/* Ring and port that dom0's own kernel offers; NULL with errno. */
struct xenstore_domain_interface *hv_map_own_ring(unsigned int *port);
void hv_unmap_own_ring(struct xenstore_domain_interface *page);

enum hv_state hv_domain_state(struct hv *hv, unsigned int domid);

#endif
