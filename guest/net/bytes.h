/* SPDX-License-Identifier: MIT */
#ifndef GUEST_NET_BYTES_H
#define GUEST_NET_BYTES_H

/* Numbers in network order, at any alignment, and reading a packet without ever leaving it. */

#include <stddef.h>
#include <stdint.h>

static inline uint16_t get16(const uint8_t *p)
{
    return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t get32(const uint8_t *p)
{
    return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static inline void put16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static inline void put32(uint8_t *p, uint32_t v)
{
    put16(p, (uint16_t)(v >> 16));
    put16(p + 2, (uint16_t)v);
}

/* What is left to read of a packet. */
struct view {
    const uint8_t *data;
    size_t len;
};

/* The next n bytes, which are then behind the view; NULL if there are not as many. */
static inline const void *view_take(struct view *v, size_t n)
{
    const uint8_t *at = v->data;

    if (n > v->len)
        return NULL;
    v->data += n;
    v->len -= n;
    return at;
}

#endif
