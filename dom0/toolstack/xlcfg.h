/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_TOOLSTACK_XLCFG_H
#define HOSPES_TOOLSTACK_XLCFG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The syntax of xl.cfg, knowing no key:
 *
 *   settings  key = value | key += value, each ended by a newline or ';'
 *   value     'string' "string" """string""" number [ value, ... ]
 *   comment   # to the end of the line
 *
 * Strings in single or double quotes end on their line and know \n \t \\ \' \" \xHH ...; tripled ones go on
 * over lines and are taken as they are. A later setting of the same key replaces an earlier one; += adds to
 * it.
 */

#define XLCFG_MAX_BYTES ((size_t)1 << 20)
#define XLCFG_MAX_DEPTH 8

enum xlcfg_kind {
    XLCFG_STRING,
    XLCFG_NUMBER, /* written without quotes; text has the digits */
    XLCFG_LIST,
};

struct xlcfg_value {
    enum xlcfg_kind kind;
    unsigned int line;
    char *text;                /* string or number */
    struct xlcfg_value *items; /* list */
    size_t count;
};

struct xlcfg_setting {
    char *key;
    const char *source; /* for messages; lives as long as the file's name that the parser was given */
    unsigned int line;
    struct xlcfg_value value;
};

/* Settings in the order of their first appearance, each key once. */
struct xlcfg {
    struct xlcfg_setting *settings;
    size_t count;
};

/* Adds what text says; 0, or -1 after a report with source and line. */
int xlcfg_parse(struct xlcfg *cfg, const char *source, const char *text, size_t len);

/*
 * Adds one override of the command line, "key=value" or "key+=value". A value that is neither quoted, a list
 * nor a number is taken as a string, because the shell has eaten its quotes. number is its place among the
 * overrides.
 */
int xlcfg_parse_override(struct xlcfg *cfg, const char *override, unsigned int number);

void xlcfg_free(struct xlcfg *cfg);

const struct xlcfg_setting *xlcfg_find(const struct xlcfg *cfg, const char *key);

/* --- xlcfg_value.c: values of the right kind; -1 after a report "SOURCE:LINE: KEY: ..." --- */

/* Text of a string or number; *text is borrowed. */
int xlcfg_get_string(const struct xlcfg_setting *s, const char **text);
/* Decimal or 0x number in [min, max], quoted or not. */
int xlcfg_get_number(const struct xlcfg_setting *s, uint64_t min, uint64_t max, uint64_t *value);
int xlcfg_get_bool(const struct xlcfg_setting *s, bool *value);
/* Checks that it is a list of strings. */
int xlcfg_check_string_list(const struct xlcfg_setting *s);
/* Neither "", 0, nor []: the setting asks for something. */
bool xlcfg_is_set(const struct xlcfg_setting *s);

#endif
