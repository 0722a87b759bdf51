/* SPDX-License-Identifier: MIT */
/* Searches in bit arrays. */
#include "lib/bitops.h"

static unsigned long find_next(const u64 *map, unsigned long size, unsigned long start, u64 invert)
{
    if (start >= size)
        return size;

    unsigned long word = start / 64;
    u64 bits = (READ_ONCE(map[word]) ^ invert) & (~0UL << (start % 64));

    while (!bits) {
        if (++word * 64 >= size)
            return size;
        bits = READ_ONCE(map[word]) ^ invert;
    }
    unsigned long bit = word * 64 + (unsigned long)__builtin_ctzl(bits);
    return MIN(bit, size);
}

unsigned long find_next_bit(const u64 *map, unsigned long size, unsigned long start)
{
    return find_next(map, size, start, 0);
}

unsigned long find_next_zero_bit(const u64 *map, unsigned long size, unsigned long start)
{
    return find_next(map, size, start, ~0UL);
}
