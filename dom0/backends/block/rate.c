/* SPDX-License-Identifier: MIT */
#include "dom0/backends/block/rate.h"

#define NS_PER_S 1000000000ull

void rate_set(struct rate *rate, uint64_t per_second, uint64_t now)
{
    rate->per_second = per_second;
    if (rate->earned_at > now + RATE_BURST_NS)
        rate->earned_at = now + RATE_BURST_NS;
}

uint64_t rate_when(const struct rate *rate, uint64_t now)
{
    if (rate->per_second == 0 || rate->earned_at <= now + RATE_BURST_NS)
        return 0;
    return rate->earned_at - RATE_BURST_NS;
}

void rate_spend(struct rate *rate, uint64_t amount, uint64_t now)
{
    if (rate->per_second == 0)
        return;
    if (rate->earned_at < now)
        rate->earned_at = now;
    /* 128 bits: an amount of 2^30 bytes times a thousand million is more than 64 hold comfortably. */
    rate->earned_at += (uint64_t)((unsigned __int128)amount * NS_PER_S / rate->per_second);
}
