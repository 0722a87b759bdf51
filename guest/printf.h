/* SPDX-License-Identifier: MIT */
#ifndef GUEST_PRINTF_H
#define GUEST_PRINTF_H

#include <stdarg.h>
#include <stddef.h>

/*
 * Formatted output: %d %i %u %x %X %p %s %c %%, with flags '-' and '0', width, precision for %s,
 * '*' for either, and the lengths hh h l ll z. An unknown conversion is copied as it stands.
 * vsnprintf and snprintf always terminate when size > 0 and return the untruncated length.
 */
int vsnprintf(char *buf, size_t size, const char *fmt, va_list ap) __attribute__((format(printf, 3, 0)));
int snprintf(char *buf, size_t size, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* To the console; one call writes at most 512 bytes. */
int vprintf(const char *fmt, va_list ap) __attribute__((format(printf, 1, 0)));
int printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
