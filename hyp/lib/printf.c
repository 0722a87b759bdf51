/* SPDX-License-Identifier: MIT */
/* vsnprintf: C's integer, string, character and pointer conversions. No floating point, no %n, no wide
 * characters. */
#include "lib/printk.h"
#include "lib/string.h"

struct out {
    char *buf;
    size_t size, len; /* len counts what did not fit, too */
};

struct spec {
    bool left, zero, plus, space, alt, upper;
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

    if (!sp->left)
        pad(o, sp->width - n, ' ');
    for (int i = 0; i < n; i++)
        put(o, s[i]);
    if (sp->left)
        pad(o, sp->width - n, ' ');
}

static void put_number(struct out *o, const struct spec *sp, u64 v, bool negative)
{
    const char *digits = sp->upper ? "0123456789ABCDEF" : "0123456789abcdef";
    char tmp[24], prefix[3];
    int n = 0, np = 0;

    if (negative)
        prefix[np++] = '-';
    else if (sp->plus)
        prefix[np++] = '+';
    else if (sp->space)
        prefix[np++] = ' ';
    if (sp->alt && sp->base == 16 && v) {
        prefix[np++] = '0';
        prefix[np++] = sp->upper ? 'X' : 'x';
    }
    for (u64 rest = v; rest; rest /= sp->base)
        tmp[n++] = digits[rest % sp->base];
    if (sp->alt && sp->base == 8)
        tmp[n++] = '0';
    if (!n && sp->precision != 0)
        tmp[n++] = '0';

    int zeros = sp->precision > n ? sp->precision - n : 0;
    if (sp->zero && !sp->left && sp->precision < 0 && sp->width > np + n)
        zeros = sp->width - np - n;
    int blanks = sp->width - np - zeros - n;

    if (!sp->left)
        pad(o, blanks, ' ');
    for (int i = 0; i < np; i++)
        put(o, prefix[i]);
    pad(o, zeros, '0');
    while (n)
        put(o, tmp[--n]);
    if (sp->left)
        pad(o, blanks, ' ');
}

static const char *parse_flags(const char *f, struct spec *sp)
{
    for (;; f++) {
        switch (*f) {
        case '-':
            sp->left = true;
            break;
        case '0':
            sp->zero = true;
            break;
        case '+':
            sp->plus = true;
            break;
        case ' ':
            sp->space = true;
            break;
        case '#':
            sp->alt = true;
            break;
        default:
            return f;
        }
    }
}

static const char *parse_count(const char *f, int *n)
{
    *n = 0;
    for (; *f >= '0' && *f <= '9'; f++)
        if (*n < 100000)
            *n = *n * 10 + (*f - '0');
    return f;
}

/* Bytes of the argument: 1, 2, 4 or 8. */
static const char *parse_length(const char *f, unsigned *bytes)
{
    *bytes = 4;
    if (*f == 'h') {
        *bytes = 2;
        if (*++f == 'h') {
            *bytes = 1;
            f++;
        }
    } else if (*f == 'l' || *f == 'z' || *f == 't' || *f == 'j') {
        *bytes = 8;
        if (*f++ == 'l' && *f == 'l')
            f++;
    }
    return f;
}

static s64 sign_extend(u64 v, unsigned bytes)
{
    unsigned shift = 64 - 8 * bytes;
    return (s64)(v << shift) >> shift;
}

static void convert(struct out *o, struct spec *sp, char c, unsigned bytes, va_list *ap)
{
    u64 v;

    switch (c) {
    case 'd':
    case 'i': {
        s64 s = sign_extend(bytes == 8 ? va_arg(*ap, u64) : va_arg(*ap, unsigned), bytes);
        put_number(o, sp, s < 0 ? 0 - (u64)s : (u64)s, s < 0);
        return;
    }
    case 'c':
        pad(o, sp->left ? 0 : sp->width - 1, ' ');
        put(o, (char)va_arg(*ap, int));
        pad(o, sp->left ? sp->width - 1 : 0, ' ');
        return;
    case 's':
        put_string(o, sp, va_arg(*ap, const char *));
        return;
    case 'p':
        sp->base = 16;
        sp->alt = true;
        put_number(o, sp, (u64)va_arg(*ap, void *), false);
        return;
    case 'x':
    case 'X':
        sp->base = 16;
        sp->upper = c == 'X';
        break;
    case 'o':
        sp->base = 8;
        break;
    case 'u':
        break;
    default:
        put(o, '%');
        if (c != '%')
            put(o, c);
        return;
    }
    v = bytes == 8 ? va_arg(*ap, u64) : va_arg(*ap, unsigned);
    if (bytes < 4)
        v &= (1UL << (8 * bytes)) - 1;
    sp->plus = sp->space = false;
    put_number(o, sp, v, false);
}

static void format(struct out *o, const char *f, va_list *ap)
{
    for (; *f; f++) {
        if (*f != '%') {
            put(o, *f);
            continue;
        }
        struct spec sp = {.precision = -1, .base = 10};
        unsigned bytes;

        f = parse_flags(f + 1, &sp);
        if (*f == '*') {
            sp.width = va_arg(*ap, int);
            if (sp.width < 0) {
                sp.left = true;
                sp.width = -sp.width;
            }
            f++;
        } else {
            f = parse_count(f, &sp.width);
        }
        if (*f == '.' && f[1] == '*') {
            sp.precision = va_arg(*ap, int);
            f += 2;
        } else if (*f == '.') {
            f = parse_count(f + 1, &sp.precision);
        }
        f = parse_length(f, &bytes);
        if (!*f)
            return;
        convert(o, &sp, *f, bytes, ap);
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
