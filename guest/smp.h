/* SPDX-License-Identifier: MIT */
#ifndef GUEST_SMP_H
#define GUEST_SMP_H

/*
 * vCPUs, bare. thread_start() brings a vCPU up by itself: smp_start() is for those that want one without the
 * scheduler.
 */

#define SMP_MAX_VCPUS 32u

struct vcpu_local;

/* From guest_start(), before anything that asks for this_vcpu(). */
void smp_init(void);

/* vCPUs of the domain, running or not; at least 1. */
unsigned smp_vcpus(void);

/* vcpu < SMP_MAX_VCPUS. */
struct vcpu_local *smp_vcpu(unsigned vcpu);

/*
 * Starts a vCPU that was never started: it runs fn(arg) with events unmasked on a stack of its own
 * and then stops itself. Returns 0 or a negative errno. To be called on one vCPU at a time.
 */
int smp_start(unsigned vcpu, void (*fn)(void *), void *arg);

/* 1 while the vCPU runs, 0 while it does not, a negative errno when there is no such vCPU. */
int smp_is_up(unsigned vcpu);

#endif
