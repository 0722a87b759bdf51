/* SPDX-License-Identifier: MIT */
#include "dom0/toolstack/xlcfg_lex.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "dom0/toolstack/report.h"

void lexer_init(struct lexer *lx, const char *source, const char *text, size_t len)
{
    *lx = (struct lexer){.source = source, .at = text, .end = text + len, .line = 1, .next_line = 1};
}

void lexer_free(struct lexer *lx)
{
    free(lx->text);
    lx->text = NULL;
}

static enum token_kind fail(const struct lexer *lx, const char *why)
{
    report_error_at(lx->source, lx->line, "%s", why);
    return TOKEN_ERROR;
}

/* Room for `bytes` of token text and its end. */
static bool start_text(struct lexer *lx, size_t bytes)
{
    free(lx->text);
    lx->text = malloc(bytes + 1);
    return lx->text != NULL;
}

static enum token_kind take_run(struct lexer *lx, enum token_kind kind, size_t len)
{
    if (!start_text(lx, len))
        return fail(lx, "out of memory");
    memcpy(lx->text, lx->at, len);
    lx->text[len] = '\0';
    lx->at += len;
    return kind;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)tolower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The character behind a backslash at lx->at; moves past it. -1: reported. */
static int take_escape(struct lexer *lx)
{
    static const char names[] = "abfnrtv", codes[] = "\a\b\f\n\r\t\v";
    char c = *lx->at++;
    const char *name = strchr(names, c);

    if (c == '\\' || c == '\'' || c == '"')
        return (unsigned char)c;
    if (c != '\0' && name)
        return codes[name - names];
    if (c == 'x' && lx->end - lx->at >= 2 && hex_digit(lx->at[0]) >= 0 && hex_digit(lx->at[1]) >= 0) {
        int value = hex_digit(lx->at[0]) * 16 + hex_digit(lx->at[1]);

        lx->at += 2;
        if (value != 0)
            return value;
    }
    fail(lx, "a backslash in a string stands before none of \\ ' \" a b f n r t v xHH");
    return -1;
}

static enum token_kind take_string(struct lexer *lx, char quote)
{
    size_t used = 0;
    char *shrunk;

    lx->at++;
    if (!start_text(lx, (size_t)(lx->end - lx->at)))
        return fail(lx, "out of memory");
    while (lx->at < lx->end && *lx->at != quote && *lx->at != '\n') {
        int c = (unsigned char)*lx->at++;

        if (c == '\\' && lx->at < lx->end)
            c = take_escape(lx);
        if (c < 0)
            return TOKEN_ERROR;
        lx->text[used++] = (char)c;
    }
    if (lx->at == lx->end || *lx->at != quote)
        return fail(lx, "a string is not closed on its line");
    lx->at++;
    lx->text[used] = '\0';
    /* The room was for the longest that the string could have been. */
    shrunk = realloc(lx->text, used + 1);
    if (shrunk)
        lx->text = shrunk;
    return TOKEN_STRING;
}

static enum token_kind take_long_string(struct lexer *lx, char quote)
{
    const char close[3] = {quote, quote, quote};
    const char *start = lx->at + 3;
    const char *stop = start <= lx->end ? memmem(start, (size_t)(lx->end - start), close, 3) : NULL;

    if (!stop)
        return fail(lx, "a string in triple quotes is not closed");
    lx->at = start;
    if (take_run(lx, TOKEN_STRING, (size_t)(stop - start)) == TOKEN_ERROR)
        return TOKEN_ERROR;
    lx->at += 3;
    for (const char *c = start; c < stop; c++)
        lx->next_line += *c == '\n';
    return TOKEN_STRING;
}

static bool starts_long(const struct lexer *lx, char quote)
{
    return lx->end - lx->at >= 3 && lx->at[1] == quote && lx->at[2] == quote;
}

static enum token_kind take_word(struct lexer *lx)
{
    const char *p = lx->at;
    bool number = isdigit((unsigned char)*p);

    while (p < lx->end && (isalnum((unsigned char)*p) || *p == '_'))
        p++;
    return take_run(lx, number ? TOKEN_NUMBER : TOKEN_WORD, (size_t)(p - lx->at));
}

static void skip_blank(struct lexer *lx)
{
    while (lx->at < lx->end && (*lx->at == ' ' || *lx->at == '\t' || *lx->at == '\r'))
        lx->at++;
    if (lx->at < lx->end && *lx->at == '#')
        while (lx->at < lx->end && *lx->at != '\n')
            lx->at++;
}

enum token_kind lexer_next(struct lexer *lx)
{
    char c;

    skip_blank(lx);
    lx->line = lx->next_line;
    if (lx->at == lx->end)
        return TOKEN_END;
    c = *lx->at;
    if (isalnum((unsigned char)c) || c == '_')
        return take_word(lx);
    if (c == '"' || c == '\'')
        return starts_long(lx, c) ? take_long_string(lx, c) : take_string(lx, c);
    lx->at++;
    switch (c) {
    case '\n':
        lx->next_line++;
        return TOKEN_EOL;
    case ';':
        return TOKEN_EOL;
    case '=':
        return TOKEN_ASSIGN;
    case '[':
        return TOKEN_OPEN;
    case ']':
        return TOKEN_CLOSE;
    case ',':
        return TOKEN_COMMA;
    case '+':
        if (lx->at < lx->end && *lx->at == '=') {
            lx->at++;
            return TOKEN_ADD;
        }
        break;
    default:
        break;
    }
    if (isprint((unsigned char)c))
        report_error_at(lx->source, lx->line, "unexpected '%c'", c);
    else
        report_error_at(lx->source, lx->line, "unexpected byte 0x%02x", (unsigned char)c);
    return TOKEN_ERROR;
}
