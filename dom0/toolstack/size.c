/* SPDX-License-Identifier: MIT */
#include "dom0/toolstack/size.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

#define MAX_KIB (UINT64_C(1) << 40) /* a pebibyte */

bool size_parse(const char *text, uint64_t *kib)
{
    char *end;
    uint64_t value;
    unsigned int shift = 20; /* to bytes */

    if (!isdigit((unsigned char)*text))
        return false;
    errno = 0;
    value = strtoull(text, &end, 10);
    switch (tolower((unsigned char)*end)) {
    case 'b':
        shift = 0;
        break;
    case 'k':
        shift = 10;
        break;
    case '\0':
    case 'm':
        break;
    case 'g':
        shift = 30;
        break;
    case 't':
        shift = 40;
        break;
    default:
        return false;
    }
    if (errno || (*end && end[1]) || value > UINT64_MAX >> shift)
        return false;
    *kib = (value << shift) >> 10;
    return *kib > 0 && *kib <= MAX_KIB;
}
