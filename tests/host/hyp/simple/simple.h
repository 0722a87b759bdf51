/* SPDX-License-Identifier: MIT */
/*
 * A machine just large enough for the event and grant rooms: a thread is a CPU, locks are real and check
 * their order, the heap is malloc() and can be told to fail, domains are made here and found by number.
 */
#ifndef SIMPLE_H
#define SIMPLE_H

#include "lib/types.h"
#include "domain/domain.h"

/* The calling thread acts for this vCPU from now on. */
void simple_enter(struct vcpu *v);

/* A domain with its rooms' units created; one reference is the list's. */
struct domain *simple_domain(u16 id, unsigned vcpus, bool privileged, const struct domain_unit *const *units);
/* Runs the units' kill steps to the end and drops the list's reference. Returns how often a step asked to be
 * called again. */
unsigned simple_kill(struct domain *d);
/* Domains whose memory is not given back yet. */
extern unsigned simple_domains;

/* Allocations not given back; the n-th from now fails (0: none). */
extern long simple_allocs;
extern long simple_fail_alloc;

/* Kicks of v, wake-ups of v. */
extern unsigned simple_kicks, simple_wakes;
/* Locks that the calling thread holds. */
unsigned simple_locks_held(void);

/* Called when a domain's last reference is gone, before its units' domain_free. */
extern void (*simple_on_free)(struct domain *d);

#endif
