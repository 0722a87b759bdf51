/* SPDX-License-Identifier: MIT */
#include "hostile.h"

static uint64_t state = 1;

void random_seed(uint64_t seed)
{
    state = (seed + 1) * 0x9e3779b97f4a7c15ul;
    if (!state)
        state = 1;
}

uint64_t rnd(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

unsigned below(unsigned n)
{
    return (unsigned)(rnd() % n);
}

uint64_t odd_number(void)
{
    uint64_t power = 1ul << below(64);

    switch (below(5)) {
    case 0:
        return below(300);
    case 1:
        return power;
    case 2:
        return power - 1;
    case 3:
        return -(uint64_t)below(300);
    default:
        return rnd() >> below(64);
    }
}

void random_fill(void *data, size_t size)
{
    uint8_t *bytes = data;

    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)rnd();
}
