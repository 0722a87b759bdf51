/* SPDX-License-Identifier: MIT */
/*
 * The hypercall layer around the memory room: two domains with one vCPU each, guest memory as a buffer, and
 * continuations that run until the call is done.
 */
#ifndef CALLS_GUEST_H
#define CALLS_GUEST_H

#include "two_domains.h"
#include "hypercalls/hypercalls.h"

/* Guest addresses that exist; everything else faults. */
#define GUEST_BASE 0x100000UL
#define GUEST_SIZE 0x40000UL

extern struct domain dom_a, dom_b; /* dom_a is privileged */
extern struct vcpu vcpu_a, vcpu_b;

int guest_setup(void **state);
int guest_teardown(void **state);
/* The calling domain of what follows. */
void act_as(struct vcpu *v);

void *guest(u64 addr);
static inline u64 *guest_words(u64 addr)
{
    return guest(addr);
}
/* Issues a hypercall and, as the guest would, again with the arguments that a continuation left, to the end.
 */
long call(u64 nr, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5);
extern unsigned continuations; /* of all calls since the set-up */
/* The n-th question whether to stop says yes, and each n-th after it: in the hypercall layer and in the
 * memory room. */
void preempt_calls(unsigned n);
/* References to domains that a call took and did not give back. */
int domain_refs_lost(void);

#endif
