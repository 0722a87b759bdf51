/* SPDX-License-Identifier: MIT */
#include "dom0/toolstack/xlcfg.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "dom0/toolstack/report.h"

int xlcfg_get_string(const struct xlcfg_setting *s, const char **text)
{
    if (s->value.kind == XLCFG_LIST) {
        report_error_at(s->source, s->line, "%s: expected a string, found a list", s->key);
        return -1;
    }
    *text = s->value.text;
    return 0;
}

int xlcfg_get_number(const struct xlcfg_setting *s, uint64_t min, uint64_t max, uint64_t *value)
{
    unsigned long long v;
    const char *text;
    char *end;

    if (xlcfg_get_string(s, &text) != 0)
        return -1;
    errno = 0;
    /* xl takes hexadecimal but no octal: a leading zero means nothing. */
    v = strtoull(text, &end, strncasecmp(text, "0x", 2) == 0 ? 16 : 10);
    if (!isdigit((unsigned char)*text) || *end != '\0') {
        report_error_at(s->source, s->line, "%s: \"%.40s\" is not a number", s->key, text);
        return -1;
    }
    if (errno == ERANGE || v < min || v > max) {
        report_error_at(s->source, s->line, "%s: %.40s is not in the range %" PRIu64 " to %" PRIu64, s->key,
                        text, min, max);
        return -1;
    }
    *value = v;
    return 0;
}

int xlcfg_get_bool(const struct xlcfg_setting *s, bool *value)
{
    uint64_t number;

    if (xlcfg_get_number(s, 0, 1, &number) != 0)
        return -1;
    *value = number != 0;
    return 0;
}

int xlcfg_check_string_list(const struct xlcfg_setting *s)
{
    if (s->value.kind != XLCFG_LIST) {
        report_error_at(s->source, s->line, "%s: expected a list of strings: [ '...', '...' ]", s->key);
        return -1;
    }
    for (size_t i = 0; i < s->value.count; i++) {
        if (s->value.items[i].kind != XLCFG_STRING) {
            report_error_at(s->source, s->value.items[i].line, "%s: item %zu of the list is not a string",
                            s->key, i + 1);
            return -1;
        }
    }
    return 0;
}

bool xlcfg_is_set(const struct xlcfg_setting *s)
{
    const char *zero;

    if (s->value.kind == XLCFG_LIST)
        return s->value.count > 0;
    zero = s->value.text;
    return *zero != '\0' && strcmp(zero, "0") != 0;
}
