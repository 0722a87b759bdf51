/* SPDX-License-Identifier: MIT */
/* What a sector holds that a test has written. */
#include "blktest.h"
#include "guest/guest.h"

#define MAGIC 0x484f53504553424bul

static uint64_t follow(uint64_t x)
{
    return x * 6364136223846793005ul + 1442695040888963407ul;
}

void sector_fill(uint64_t *words, uint64_t seed, uint64_t sector, uint32_t generation)
{
    uint64_t x = seed ^ sector << 32 ^ generation;

    words[0] = MAGIC ^ seed;
    words[1] = sector;
    words[2] = generation;
    for (unsigned i = 3; i < SECTOR_WORDS; i++)
        words[i] = x = follow(x);
}

bool sector_is(const uint64_t *words, uint64_t seed, uint64_t sector, uint32_t generation)
{
    uint64_t expected[SECTOR_WORDS];

    sector_fill(expected, seed, sector, generation);
    return !memcmp(words, expected, sizeof(expected));
}

bool sector_is_ours(const uint64_t *words, uint64_t seed)
{
    return words[0] == (MAGIC ^ seed);
}

bool sector_is_zero(const uint64_t *words)
{
    for (unsigned i = 0; i < SECTOR_WORDS; i++)
        if (words[i])
            return false;
    return true;
}
