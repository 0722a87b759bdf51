/* SPDX-License-Identifier: MIT */
#include "dom0/toolstack/number.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

bool number_parse(const char *text, uint32_t min, uint32_t max, uint32_t *value)
{
    unsigned long long number;
    char *end;

    if (!isdigit((unsigned char)*text))
        return false;
    errno = 0;
    number = strtoull(text, &end, 10);
    if (errno != 0 || *end != '\0' || number < min || number > max)
        return false;
    *value = (uint32_t)number;
    return true;
}
