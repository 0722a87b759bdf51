/* SPDX-License-Identifier: MIT */
#ifndef GUEST_SMP_H
#define GUEST_SMP_H

#define SMP_MAX_VCPUS 32u

/* vCPUs of the domain, running or not; at least 1. */
unsigned smp_vcpus(void);

/*
 * Starts a vCPU that was never started: it runs fn(arg) with events unmasked on a stack of its own
 * and then stops itself. Returns 0 or a negative errno. To be called on one vCPU at a time.
 */
int smp_start(unsigned vcpu, void (*fn)(void *), void *arg);

/* True while the vCPU runs. */
int smp_is_up(unsigned vcpu);

#endif
