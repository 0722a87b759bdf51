/* SPDX-License-Identifier: MIT */
#include "guest/net/bytes.h"
#include "guest/net/checksum.h"
#include "guest/net/wire.h"
#include "guest/string.h"

uint64_t checksum_add(uint64_t sum, const void *data, size_t len)
{
    const uint8_t *p = data;

    /* Words of 32 bits in 64: frames are far too short to carry out of that. */
    for (; len >= 4; p += 4, len -= 4) {
        uint32_t word;

        __builtin_memcpy(&word, p, sizeof(word));
        sum += word;
    }
    if (len) {
        uint32_t word = 0;

        memcpy(&word, p, len);
        sum += word;
    }
    return sum;
}

uint16_t checksum_fold(uint64_t sum)
{
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

uint64_t checksum_pseudo(uint32_t from, uint32_t to, uint8_t protocol, uint16_t len)
{
    struct pseudo_header pseudo = {.protocol = protocol};

    put32(pseudo.from, from);
    put32(pseudo.to, to);
    put16(pseudo.len, len);
    return checksum_add(0, &pseudo, sizeof(pseudo));
}
