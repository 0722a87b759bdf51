/* SPDX-License-Identifier: MIT */
/* Numbers and bounded copies of strings. */
#include "lib/string.h"
#include "lib/types.h"

size_t hyp_strlcpy(char *dst, const char *src, size_t size)
{
    size_t n = strlen(src);

    if (size) {
        size_t take = MIN(n, size - 1);
        memcpy(dst, src, take);
        dst[take] = '\0';
    }
    return n;
}

static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Too large a number becomes the largest there is: every caller has an upper limit anyway. */
u64 parse_u64(const char *s, const char **end)
{
    unsigned base = 10;
    u64 v = 0;

    if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X') && digit_value(s[2]) >= 0) {
        base = 16;
        s += 2;
    } else if (s[0] == '0') {
        base = 8;
    }
    for (int d; (d = digit_value(*s)) >= 0 && (unsigned)d < base; s++)
        if (__builtin_mul_overflow(v, (u64)base, &v) || __builtin_add_overflow(v, (u64)d, &v))
            v = ~0UL;
    if (end)
        *end = s;
    return v;
}

u64 parse_size(const char *s, const char **end)
{
    const char *p;
    u64 v = parse_u64(s, &p);
    unsigned shift = 0;

    switch (p == s ? '\0' : *p) {
    case 'k':
    case 'K':
        shift = 10;
        break;
    case 'm':
    case 'M':
        shift = 20;
        break;
    case 'g':
    case 'G':
        shift = 30;
        break;
    case 't':
    case 'T':
        shift = 40;
        break;
    default:
        break;
    }
    if (shift) {
        p++;
        v = v > (~0UL >> shift) ? ~0UL : v << shift;
    }
    if (end)
        *end = p;
    return v;
}
