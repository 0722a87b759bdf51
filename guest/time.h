/* SPDX-License-Identifier: MIT */
#ifndef GUEST_TIME_H
#define GUEST_TIME_H

#include <stdint.h>

static inline uint64_t rdtsc(void)
{
    uint32_t lo, hi;

    asm volatile("rdtsc" : "=a"(lo), "=d"(hi) : : "memory");
    return (uint64_t)hi << 32 | lo;
}

/*
 * System time: ns since the hypervisor's start, as the pvclock record of this vCPU gives it. It never goes
 * back, on whatever vCPU it is read. After a resume it goes on from the time of the suspend, whatever the new
 * hypervisor's is.
 */
uint64_t time_now(void);

/* From guest_suspend(): time_now() is to be `before` now. */
void time_continue(uint64_t before);

/* ns since 1970-01-01 UTC. */
uint64_t time_wallclock(void);

/*
 * Arranges one VIRQ_TIMER on this vCPU at that system time; the caller owns the port of
 * event_bind_virq(VIRQ_TIMER). 0 or the hypervisor's error.
 */
int time_set_timer(uint64_t when);
void time_stop_timer(void);

/*
 * Stops the periodic timer that each vCPU is born with (100 Hz of VIRQ_TIMER). To be called once on each
 * vCPU; guest_start() and smp_start() do.
 */
void time_init_vcpu(void);

/*
 * Other threads run meanwhile. A vCPU that never waited and was given no thread sleeps by polling, which
 * takes no port and leaves VIRQ_TIMER to the application; after that it is the scheduler's.
 */
void time_sleep(uint64_t ns);

#endif
