/* SPDX-License-Identifier: MIT */
#include "guest/guest.h"
#include "guest/time.h"
#include "guest/vcpu.h"

/* (delta * mul) >> 32 without losing the upper half. */
static uint64_t scale(uint64_t delta, uint32_t mul, int8_t by)
{
    delta = by < 0 ? delta >> -by : delta << by;
    return (uint64_t)(((unsigned __int128)delta * mul) >> 32);
}

/* From the hypervisor's time to ours; not 0 only in a domain that was resumed. */
static uint64_t shift;

/* ns since the record's time stamp; none on a processor whose TSC is behind the one that it was made on. */
static uint64_t since(const struct vcpu_time_info *t)
{
    int64_t ticks = (int64_t)(rdtsc() - t->tsc_timestamp);

    return ticks > 0 ? scale((uint64_t)ticks, t->tsc_to_system_mul, t->tsc_shift) : 0;
}

static uint64_t system_time(void)
{
    const struct vcpu_time_info *t = &this_vcpu()->info->time;
    uint32_t version;
    uint64_t ns;

    do {
        version = __atomic_load_n(&t->version, __ATOMIC_ACQUIRE);
        ns = t->system_time + since(t);
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
    } while ((version & 1) || version != __atomic_load_n(&t->version, __ATOMIC_RELAXED));
    return ns;
}

/* Records of different processors, and one record before and after it was renewed, agree only roughly: our
 * time stands still rather than going back. */
uint64_t time_now(void)
{
    static uint64_t latest;
    uint64_t now = system_time() + shift, seen = __atomic_load_n(&latest, __ATOMIC_RELAXED);

    while (now > seen)
        if (__atomic_compare_exchange_n(&latest, &seen, now, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
            return now;
    return seen;
}

void time_continue(uint64_t before)
{
    shift = before - system_time();
}

uint64_t time_wallclock(void)
{
    uint32_t version;
    uint64_t base;

    do {
        version = __atomic_load_n(&shared_info->wc_version, __ATOMIC_ACQUIRE);
        base = ((uint64_t)shared_info->wc_sec_hi << 32 | shared_info->wc_sec) * 1000000000ul +
               shared_info->wc_nsec;
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
    } while ((version & 1) || version != __atomic_load_n(&shared_info->wc_version, __ATOMIC_RELAXED));
    return base + system_time();
}

int time_set_timer(uint64_t when)
{
    struct vcpu_set_singleshot_timer arg = {.timeout_abs_ns = when - shift};

    return (int)hv_vcpu_op(VCPUOP_set_singleshot_timer, this_vcpu()->id, &arg);
}

void time_stop_timer(void)
{
    hv_vcpu_op(VCPUOP_stop_singleshot_timer, this_vcpu()->id, NULL);
}

void time_init_vcpu(void)
{
    hv_vcpu_op(VCPUOP_stop_periodic_timer, this_vcpu()->id, NULL);
}
