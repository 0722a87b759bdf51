/* SPDX-License-Identifier: MIT */
#include <stdbool.h>
#include <stdint.h>
#include "guest/console.h"
#include "guest/printf.h"
#include "guest/string.h"

struct out {
    char *buf;
    size_t size;
    size_t len; /* of the untruncated text */
};

struct spec {
    bool left, zero, upper;
    int width, precision; /* -1: not given */
    int length;           /* bytes of the integer argument */
};

static void put(struct out *o, char c)
{
    if (o->len + 1 < o->size)
        o->buf[o->len] = c;
    o->len++;
}

static void pad(struct out *o, int n, char c)
{
    for (; n > 0; n--)
        put(o, c);
}

static void put_text(struct out *o, const struct spec *s, const char *text, size_t len)
{
    int fill = s->width - (int)len;

    if (!s->left)
        pad(o, fill, ' ');
    for (size_t i = 0; i < len; i++)
        put(o, text[i]);
    if (s->left)
        pad(o, fill, ' ');
}

static void put_number(struct out *o, const struct spec *s, unsigned long v, unsigned base, bool negative)
{
    const char *digits = s->upper ? "0123456789ABCDEF" : "0123456789abcdef";
    char tmp[24];
    size_t n = sizeof(tmp);

    do {
        tmp[--n] = digits[v % base];
        v /= base;
    } while (v);
    if (s->zero && !s->left) {
        int fill = s->width - (int)(sizeof(tmp) - n) - negative;

        if (negative)
            put(o, '-');
        pad(o, fill, '0');
        for (; n < sizeof(tmp); n++)
            put(o, tmp[n]);
        return;
    }
    if (negative)
        tmp[--n] = '-';
    put_text(o, s, tmp + n, sizeof(tmp) - n);
}

static const char *parse_spec(struct spec *s, const char *f, va_list *ap)
{
    *s = (struct spec){.precision = -1, .length = sizeof(int)};
    for (; *f == '-' || *f == '0'; f++) {
        if (*f == '-')
            s->left = true;
        else
            s->zero = true;
    }
    if (*f == '*') {
        s->width = va_arg(*ap, int);
        f++;
    }
    for (; *f >= '0' && *f <= '9'; f++)
        s->width = s->width * 10 + (*f - '0');
    if (*f == '.') {
        s->precision = 0;
        f++;
        if (*f == '*') {
            s->precision = va_arg(*ap, int);
            f++;
        }
        for (; *f >= '0' && *f <= '9'; f++)
            s->precision = s->precision * 10 + (*f - '0');
    }
    for (; *f == 'h' || *f == 'l' || *f == 'z'; f++)
        s->length = *f == 'h' ? s->length / 2 : 8;
    return f;
}

static unsigned long truncate_to(unsigned long v, int bytes)
{
    return bytes >= 8 ? v : v & ((1ul << (bytes * 8)) - 1);
}

static void convert(struct out *o, struct spec *s, char conv, va_list *ap)
{
    long v;
    const char *text;
    char c;

    switch (conv) {
    case 'd':
    case 'i':
        v = s->length == 8 ? va_arg(*ap, long) : va_arg(*ap, int);
        if (s->length == 1)
            v = (signed char)v;
        else if (s->length == 2)
            v = (short)v;
        put_number(o, s, v < 0 ? 0ul - (unsigned long)v : (unsigned long)v, 10, v < 0);
        break;
    case 'u':
    case 'x':
    case 'X':
        s->upper = conv == 'X';
        v = s->length == 8 ? va_arg(*ap, long) : (long)va_arg(*ap, unsigned);
        put_number(o, s, truncate_to((unsigned long)v, s->length), conv == 'u' ? 10 : 16, false);
        break;
    case 'p':
        s->zero = true;
        s->width = 16;
        put_number(o, s, (uintptr_t)va_arg(*ap, void *), 16, false);
        break;
    case 's':
        text = va_arg(*ap, const char *);
        if (!text)
            text = "(null)";
        put_text(o, s, text, strnlen(text, s->precision < 0 ? SIZE_MAX : (size_t)s->precision));
        break;
    case 'c':
        c = (char)va_arg(*ap, int);
        put_text(o, s, &c, 1);
        break;
    case '%':
        put(o, '%');
        break;
    default:
        put(o, '%');
        put(o, conv);
        break;
    }
}

int vsnprintf(char *buf, size_t size, const char *fmt, va_list ap)
{
    struct out o = {.buf = buf, .size = size};
    struct spec s;
    va_list args;

    va_copy(args, ap);
    while (*fmt) {
        if (*fmt != '%') {
            put(&o, *fmt++);
            continue;
        }
        fmt = parse_spec(&s, fmt + 1, &args);
        if (*fmt == '\0')
            break;
        convert(&o, &s, *fmt++, &args);
    }
    va_end(args);
    if (size)
        buf[o.len < size ? o.len : size - 1] = '\0';
    return (int)o.len;
}

int snprintf(char *buf, size_t size, const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(buf, size, fmt, ap);
    va_end(ap);
    return n;
}

int vprintf(const char *fmt, va_list ap)
{
    char buf[512];
    int n = vsnprintf(buf, sizeof(buf), fmt, ap);

    console_write(buf, n < (int)sizeof(buf) ? (size_t)n : sizeof(buf) - 1);
    return n;
}

int printf(const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vprintf(fmt, ap);
    va_end(ap);
    return n;
}
