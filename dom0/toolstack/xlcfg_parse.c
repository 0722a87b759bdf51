/* SPDX-License-Identifier: MIT */
#include "dom0/toolstack/xlcfg.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "dom0/toolstack/report.h"
#include "dom0/toolstack/xlcfg_lex.h"

#define OVERRIDE_SOURCE "command line"

static void value_free(struct xlcfg_value *value)
{
    free(value->text);
    for (size_t i = 0; i < value->count; i++)
        value_free(&value->items[i]);
    free(value->items);
    memset(value, 0, sizeof(*value));
}

void xlcfg_free(struct xlcfg *cfg)
{
    for (size_t i = 0; i < cfg->count; i++) {
        free(cfg->settings[i].key);
        value_free(&cfg->settings[i].value);
    }
    free(cfg->settings);
    memset(cfg, 0, sizeof(*cfg));
}

static struct xlcfg_setting *find(const struct xlcfg *cfg, const char *key)
{
    for (size_t i = 0; i < cfg->count; i++)
        if (strcmp(cfg->settings[i].key, key) == 0)
            return &cfg->settings[i];
    return NULL;
}

const struct xlcfg_setting *xlcfg_find(const struct xlcfg *cfg, const char *key)
{
    return find(cfg, key);
}

static int out_of_memory(const struct lexer *lx)
{
    report_error_at(lx->source, lx->line, "out of memory");
    return -1;
}

/* Appends an empty item to a list; NULL without memory. Grows by doubling at powers of two. */
static struct xlcfg_value *list_append(struct xlcfg_value *list)
{
    if ((list->count & (list->count - 1)) == 0) {
        size_t room = list->count ? list->count * 2 : 1;
        struct xlcfg_value *grown = realloc(list->items, room * sizeof(*grown));

        if (!grown)
            return NULL;
        list->items = grown;
    }
    memset(&list->items[list->count], 0, sizeof(*list->items));
    return &list->items[list->count++];
}

static enum token_kind next_in_list(struct lexer *lx)
{
    enum token_kind t;

    do {
        t = lexer_next(lx);
    } while (t == TOKEN_EOL);
    return t;
}

static int parse_value(struct lexer *lx, enum token_kind t, struct xlcfg_value *value, unsigned int depth);

/* Behind the '['. Newlines may stand anywhere, a comma may end the list. */
static int parse_list(struct lexer *lx, struct xlcfg_value *value, unsigned int depth)
{
    enum token_kind t = next_in_list(lx);

    value->kind = XLCFG_LIST;
    while (t != TOKEN_CLOSE) {
        struct xlcfg_value *item = t == TOKEN_ERROR ? NULL : list_append(value);

        if (t == TOKEN_ERROR)
            return -1;
        if (!item)
            return out_of_memory(lx);
        if (parse_value(lx, t, item, depth + 1) != 0)
            return -1;
        t = next_in_list(lx);
        if (t == TOKEN_COMMA) {
            t = next_in_list(lx);
        } else if (t != TOKEN_CLOSE) {
            if (t != TOKEN_ERROR)
                report_error_at(lx->source, lx->line,
                                "expected ',' or ']' in the list that begins in line %u", value->line);
            return -1;
        }
    }
    return 0;
}

static int parse_value(struct lexer *lx, enum token_kind t, struct xlcfg_value *value, unsigned int depth)
{
    value->line = lx->line;
    switch (t) {
    case TOKEN_STRING:
    case TOKEN_NUMBER:
        value->kind = t == TOKEN_STRING ? XLCFG_STRING : XLCFG_NUMBER;
        value->text = lx->text;
        lx->text = NULL;
        return 0;
    case TOKEN_OPEN:
        if (depth >= XLCFG_MAX_DEPTH) {
            report_error_at(lx->source, lx->line, "lists inside lists are too deep");
            return -1;
        }
        return parse_list(lx, value, depth);
    case TOKEN_WORD:
        report_error_at(lx->source, lx->line,
                        "expected a value, found the word %.40s (a string needs quotes)", lx->text);
        return -1;
    case TOKEN_ERROR:
        return -1;
    default:
        report_error_at(lx->source, lx->line, "expected a value: a string in quotes, a number or a list");
        return -1;
    }
}

/* += : strings are joined, list items appended. */
static int add_value(const struct lexer *lx, struct xlcfg_value *to, struct xlcfg_value *from)
{
    if ((to->kind == XLCFG_LIST) != (from->kind == XLCFG_LIST)) {
        report_error_at(lx->source, from->line, "+= cannot add a list to a string or a string to a list");
        return -1;
    }
    if (to->kind == XLCFG_LIST) {
        for (size_t i = 0; i < from->count; i++) {
            struct xlcfg_value *item = list_append(to);

            if (!item)
                return out_of_memory(lx);
            *item = from->items[i];
            memset(&from->items[i], 0, sizeof(from->items[i]));
        }
    } else {
        size_t old = strlen(to->text), more = strlen(from->text);
        char *joined = realloc(to->text, old + more + 1);

        if (!joined)
            return out_of_memory(lx);
        memcpy(joined + old, from->text, more + 1);
        to->text = joined;
        to->kind = XLCFG_STRING;
    }
    return 0;
}

/* Takes key and value over when it succeeds. */
static int store(struct xlcfg *cfg, const struct lexer *lx, char *key, unsigned int line, bool add,
                 struct xlcfg_value *value)
{
    struct xlcfg_setting *s = find(cfg, key), *grown;

    if (s && add) {
        if (add_value(lx, &s->value, value) != 0)
            return -1;
        value_free(value);
        free(key);
        return 0;
    }
    if (s) {
        value_free(&s->value);
        free(key);
    } else {
        grown = realloc(cfg->settings, (cfg->count + 1) * sizeof(*grown));
        if (!grown)
            return out_of_memory(lx);
        cfg->settings = grown;
        s = &cfg->settings[cfg->count++];
        s->key = key;
    }
    s->source = lx->source;
    s->line = line;
    s->value = *value;
    return 0;
}

/* Behind the key, which is freed or stored. */
static int parse_setting(struct xlcfg *cfg, struct lexer *lx, char *key)
{
    unsigned int line = lx->line;
    struct xlcfg_value value;
    enum token_kind op = lexer_next(lx), t;
    int rc = -1;

    memset(&value, 0, sizeof(value));
    if (op != TOKEN_ASSIGN && op != TOKEN_ADD) {
        if (op != TOKEN_ERROR)
            report_error_at(lx->source, line, "expected '=' behind %.40s", key);
    } else if (parse_value(lx, lexer_next(lx), &value, 0) == 0) {
        t = lexer_next(lx);
        if (t == TOKEN_EOL || t == TOKEN_END)
            rc = store(cfg, lx, key, line, op == TOKEN_ADD, &value);
        else if (t != TOKEN_ERROR)
            report_error_at(lx->source, lx->line, "unexpected text behind the value of %.40s", key);
    }
    if (rc != 0) {
        value_free(&value);
        free(key);
    }
    return rc;
}

int xlcfg_parse(struct xlcfg *cfg, const char *source, const char *text, size_t len)
{
    struct lexer lx;
    enum token_kind t;
    int rc = 0;

    lexer_init(&lx, source, text, len);
    while (rc == 0 && (t = lexer_next(&lx)) != TOKEN_END) {
        if (t == TOKEN_EOL)
            continue;
        rc = -1;
        if (t == TOKEN_WORD) {
            char *key = lx.text;

            lx.text = NULL;
            rc = parse_setting(cfg, &lx, key);
        } else if (t != TOKEN_ERROR) {
            report_error_at(source, lx.line, "expected KEY = VALUE");
        }
    }
    lexer_free(&lx);
    return rc;
}

static bool is_number(const char *text)
{
    char *end;

    if (!isdigit((unsigned char)*text))
        return false;
    strtoull(text, &end, 0);
    return *end == '\0';
}

int xlcfg_parse_override(struct xlcfg *cfg, const char *override, unsigned int number)
{
    const char *equals = strchr(override, '=');
    struct lexer lx;
    struct xlcfg_value value;
    bool add = equals && equals > override && equals[-1] == '+';
    size_t key_len = equals ? (size_t)(equals - override) - (add ? 1 : 0) : 0;
    char *key;

    lexer_init(&lx, OVERRIDE_SOURCE, override, strlen(override));
    lx.line = lx.next_line = number;
    if (key_len == 0 ||
        strspn(override, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_0123456789") != key_len) {
        report_error_at(OVERRIDE_SOURCE, number, "\"%.60s\" is not KEY=VALUE", override);
        return -1;
    }
    if ((equals[1] && strchr("\"'[", equals[1])) || is_number(equals + 1)) {
        int rc;

        key = strndup(override, key_len);
        lx.at = override + key_len;
        rc = key ? parse_setting(cfg, &lx, key) : out_of_memory(&lx);
        lexer_free(&lx);
        return rc;
    }
    key = strndup(override, key_len);
    value = (struct xlcfg_value){.kind = XLCFG_STRING, .line = number, .text = strdup(equals + 1)};
    if (!key || !value.text || store(cfg, &lx, key, number, add, &value) != 0) {
        if (!key || !value.text)
            out_of_memory(&lx);
        value_free(&value);
        free(key);
        return -1;
    }
    return 0;
}
