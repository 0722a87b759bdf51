/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_TOOLSTACK_XLCFG_LEX_H
#define HOSPES_TOOLSTACK_XLCFG_LEX_H

#include <stddef.h>

/* Tokens of xl.cfg; the only user is xlcfg_parse.c. */
enum token_kind {
    TOKEN_END,  /* of the text */
    TOKEN_EOL,  /* newline or ';' */
    TOKEN_WORD, /* a key */
    TOKEN_NUMBER,
    TOKEN_STRING, /* text is the contents, escapes resolved */
    TOKEN_ASSIGN,
    TOKEN_ADD, /* += */
    TOKEN_OPEN,
    TOKEN_CLOSE,
    TOKEN_COMMA,
    TOKEN_ERROR, /* reported */
};

struct lexer {
    const char *source;
    const char *at, *end;
    unsigned int line; /* of the token that was read last */
    unsigned int next_line;
    char *text; /* of WORD, NUMBER, STRING: owned by the lexer, replaced by the next token */
};

void lexer_init(struct lexer *lx, const char *source, const char *text, size_t len);
void lexer_free(struct lexer *lx);
enum token_kind lexer_next(struct lexer *lx);

#endif
