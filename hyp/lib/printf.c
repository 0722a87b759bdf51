/* SPDX-License-Identifier: MIT */
/* vsnprintf: as much of C's as messages use, lib/printk.h says what. */
#include "lib/printk.h"
#include "lib/string.h"

struct out {
    char *buf;
    size_t size, len; /* len counts what did not fit, too */
};

struct spec {
    bool zero, alt;
    int width, precision; /* precision -1: none */
    unsigned base;
};

static void put(struct out *o, char c)
{
    if (o->len < o->size)
        o->buf[o->len] = c;
    o->len++;
}

static void pad(struct out *o, int n, char c)
{
    for (; n > 0; n--)
        put(o, c);
}

static void put_string(struct out *o, const struct spec *sp, const char *s)
{
    if (!s)
        s = "(null)";
    int n = (int)strnlen(s, sp->precision >= 0 ? (size_t)sp->precision : 0x7fffffff);

    pad(o, sp->width - n, ' ');
    for (int i = 0; i < n; i++)
        put(o, s[i]);
}

static void put_number(struct out *o, const struct spec *sp, u64 v, bool negative)
{
    bool prefixed = sp->alt && sp->base == 16 && v;
    char tmp[24];
    int n = 0;

    for (u64 rest = v; rest; rest /= sp->base)
        tmp[n++] = "0123456789abcdef"[rest % sp->base];
    if (!n && sp->precision != 0)
        tmp[n++] = '0';

    int zeros = sp->precision > n ? sp->precision - n : 0, rest = sp->width - n - negative - 2 * prefixed;
    if (sp->zero && sp->precision < 0 && rest > 0)
        zeros = rest;
    pad(o, rest - zeros, ' ');
    if (negative)
        put(o, '-');
    if (prefixed) {
        put(o, '0');
        put(o, 'x');
    }
    pad(o, zeros, '0');
    while (n)
        put(o, tmp[--n]);
}

static const char *parse_count(const char *f, int *n)
{
    *n = 0;
    for (; *f >= '0' && *f <= '9'; f++)
        if (*n < 100000)
            *n = *n * 10 + (*f - '0');
    return f;
}

/* The argument is a word, or two if `wide`. */
static void convert(struct out *o, struct spec *sp, char c, bool wide, va_list *ap)
{
    s64 s;

    switch (c) {
    case 'd':
        s = wide ? va_arg(*ap, s64) : va_arg(*ap, int);
        put_number(o, sp, s < 0 ? 0 - (u64)s : (u64)s, s < 0);
        return;
    case 'c':
        pad(o, sp->width - 1, ' ');
        put(o, (char)va_arg(*ap, int));
        return;
    case 's':
        put_string(o, sp, va_arg(*ap, const char *));
        return;
    case 'p':
        sp->alt = wide = true;
        sp->base = 16;
        break;
    case 'x':
        sp->base = 16;
        break;
    case 'u':
        break;
    default:
        put(o, '%');
        if (c != '%')
            put(o, c);
        return;
    }
    put_number(o, sp, wide ? va_arg(*ap, u64) : va_arg(*ap, unsigned), false);
}

static void format(struct out *o, const char *f, va_list *ap)
{
    for (; *f; f++) {
        if (*f != '%') {
            put(o, *f);
            continue;
        }
        struct spec sp = {.precision = -1, .base = 10};
        bool wide;

        for (f++; *f == '0' || *f == '#'; f++)
            *(*f == '0' ? &sp.zero : &sp.alt) = true;
        f = parse_count(f, &sp.width);
        if (*f == '.' && f[1] == '*') {
            sp.precision = va_arg(*ap, int);
            f += 2;
        } else if (*f == '.') {
            f = parse_count(f + 1, &sp.precision);
        }
        wide = *f == 'l' || *f == 'z';
        f += wide;
        if (!*f)
            return;
        convert(o, &sp, *f, wide, ap);
    }
}

int vsnprintf(char *buf, size_t size, const char *fmt, va_list ap)
{
    struct out o = {.buf = buf, .size = size};
    va_list copy;

    va_copy(copy, ap);
    format(&o, fmt, &copy);
    va_end(copy);
    if (size)
        buf[MIN(o.len, size - 1)] = '\0';
    return (int)o.len;
}

int snprintf(char *buf, size_t size, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    int n = vsnprintf(buf, size, fmt, ap);
    va_end(ap);
    return n;
}
