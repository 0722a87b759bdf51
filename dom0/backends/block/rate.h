/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_BLOCK_RATE_H
#define HOSPES_BLOCK_RATE_H

#include <stdint.h>

/*
 * A token bucket, kept as the time at which what was spent will have been earned. Times are nanoseconds of
 * one clock that never goes back. A device that was idle may spend a tenth of a second at once.
 */
#define RATE_BURST_NS 100000000ull

struct rate {
    uint64_t per_second; /* 0: no limit */
    uint64_t earned_at;
};

/* Takes effect at once; what was overspent under the old rate is forgiven down to one burst. */
void rate_set(struct rate *rate, uint64_t per_second, uint64_t now);

/* When something may be spent, 0 for now. One larger than a burst is let through and paid off after. */
uint64_t rate_when(const struct rate *rate, uint64_t now);

void rate_spend(struct rate *rate, uint64_t amount, uint64_t now);

#endif
