/* SPDX-License-Identifier: MIT */
/* The usual string functions, freestanding. */
#ifndef HYP_LIB_STRING_H
#define HYP_LIB_STRING_H
#include "lib/types.h"
#ifdef HYP_HOST_TEST
#include <string.h>
#else
void *memcpy(void *dst, const void *src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
char *strchr(const char *s, int c);
char *strstr(const char *hay, const char *needle);
#endif
/* Copies at most size-1 characters and always terminates; returns strlen(src). */
size_t hyp_strlcpy(char *dst, const char *src, size_t size);
/* Decimal, 0x hexadecimal or 0 octal with an optional size suffix k, M, G, T; *end gets the first character
 * not used. */
u64 parse_size(const char *s, const char **end);
u64 parse_u64(const char *s, const char **end);
#endif
