/* SPDX-License-Identifier: MIT */
/* Eight bytes a step: table[k][b] is the remainder of byte b followed by k zero bytes. */
#include "lib/crc32.h"

#define POLYNOMIAL_REFLECTED 0xedb88320u

static u32 table[8][256];

static void make_tables(void)
{
    for (u32 b = 0; b < 256; b++) {
        u32 r = b;

        for (int bit = 0; bit < 8; bit++)
            r = r >> 1 ^ (r & 1 ? POLYNOMIAL_REFLECTED : 0);
        table[0][b] = r;
    }
    for (u32 b = 0; b < 256; b++)
        for (int k = 1; k < 8; k++)
            table[k][b] = table[k - 1][b] >> 8 ^ table[0][table[k - 1][b] & 0xff];
}

static u32 step8(u32 crc, const u8 *p)
{
    u64 v;

    __builtin_memcpy(&v, p, 8);
    v ^= crc;
    return table[7][v & 0xff] ^ table[6][v >> 8 & 0xff] ^ table[5][v >> 16 & 0xff] ^
           table[4][v >> 24 & 0xff] ^ table[3][v >> 32 & 0xff] ^ table[2][v >> 40 & 0xff] ^
           table[1][v >> 48 & 0xff] ^ table[0][v >> 56];
}

u32 crc32(u32 crc, const u8 *data, size_t n)
{
    if (!table[0][1])
        make_tables();
    crc = ~crc;
    for (; n >= 8; n -= 8, data += 8)
        crc = step8(crc, data);
    while (n--)
        crc = crc >> 8 ^ table[0][(crc ^ *data++) & 0xff];
    return ~crc;
}
