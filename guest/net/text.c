/* SPDX-License-Identifier: MIT */
#include "guest/net/stack.h"
#include "guest/printf.h"

/* A decimal number up to max at *s, which is moved behind it; no sign, at least one and at most three digits.
 */
static bool parse_number(const char **s, unsigned max, unsigned *value)
{
    unsigned digits = 0;

    for (*value = 0; **s >= '0' && **s <= '9' && digits < 3; digits++)
        *value = *value * 10 + (unsigned)(*(*s)++ - '0');
    return digits && *value <= max;
}

bool ipv4_parse(const char *text, uint32_t *addr, uint32_t *mask)
{
    unsigned part;

    *addr = 0;
    for (unsigned i = 0; i < 4; i++) {
        if (i && *text++ != '.')
            return false;
        if (!parse_number(&text, 255, &part))
            return false;
        *addr = *addr << 8 | part;
    }
    if (mask) {
        if (*text++ != '/' || !parse_number(&text, 32, &part))
            return false;
        *mask = part ? ~0u << (32 - part) : 0;
    }
    return *text == '\0';
}

const char *ipv4_text(char *buf, uint32_t addr)
{
    snprintf(buf, IPV4_TEXT, "%u.%u.%u.%u", addr >> 24, addr >> 16 & 255, addr >> 8 & 255, addr & 255);
    return buf;
}
