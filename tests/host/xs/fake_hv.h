/* SPDX-License-Identifier: MIT */
/* A hypervisor for the daemon's tests: rings are plain memory, event channels are flags. */
#ifndef TESTS_HOST_XS_FAKE_HV_H
#define TESTS_HOST_XS_FAKE_HV_H

#include "xs/daemon/hv.h"

#define FAKE_DOMAINS   8
#define FAKE_VIRQ_PORT 1

struct fake_domain {
    enum hv_state state;
    struct xenstore_domain_interface ring;
    int local_port; /* the daemon's end, or -1 */
    unsigned int mapped;
    unsigned int notified;
    bool no_grant; /* its ring can only be mapped by frame number */
    bool no_map;
    bool no_bind;
};

/* Indexed by domid; 0 is dom0, whose own ring is there as well. */
extern struct fake_domain fake[FAKE_DOMAINS];

void fake_reset(void);

/* The event that hv_next_event() returns next; -1 for none. */
extern int fake_event;

#endif
