/* SPDX-License-Identifier: MIT */
/* Domains that have been introduced, and their connections over the shared ring. */
#ifndef XS_DAEMON_DOMAIN_H
#define XS_DAEMON_DOMAIN_H

#include "xs/daemon/ring.h"
#include "xs/daemon/server.h"

struct domain {
    struct conn conn; /* first: a domain's connection is part of it */
    LIST_ENTRY(domain) link;
    unsigned int domid;
    struct ring ring;
    bool by_grant; /* how the ring is mapped */
    bool own;      /* dom0's: mapped in its own way */
    bool notify;   /* the ring has moved, the domain does not know it yet */
    bool shutdown; /* @releaseDomain has been fired for its shutdown */
    int port;      /* local event channel, or -1 */
};

struct domain *domain_find(struct server *srv, unsigned int domid);

/* Connects dom0's own kernel: 0 or a negative errno. */
int domain_open_own(struct server *srv);

/* What the protocol's requests of these names do. */
int domain_introduce(struct xs_host *h, unsigned int domid, unsigned long mfn, unsigned int port);
int domain_release(struct xs_host *h, unsigned int domid);
int domain_resume(struct xs_host *h, unsigned int domid);
int domain_set_target(struct xs_host *h, unsigned int domid, unsigned int target);
bool domain_is_introduced(struct xs_host *h, unsigned int domid);

/* Handles what the hypervisor's event descriptor has to say. */
void domain_events(struct server *srv);

/*
 * Breaks off domains that keep others waiting for longer than EVENT_TIMEOUT_MS. True if one might do so
 * later.
 */
bool domain_check_stalls(struct server *srv);

void domain_close_all(struct server *srv);

#endif
