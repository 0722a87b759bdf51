/* SPDX-License-Identifier: MIT */
/* Requests about nodes: values, lists, permissions. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xs/client/conn.h"

static const char *path_request(struct xsc *xs, uint32_t type, xsc_tx_t tx, const char *path, size_t *len)
{
    struct xsc_piece p = {path, strlen(path) + 1};

    return xsc_request(xs, type, tx, &p, 1, len);
}

/* Formats into a buffer of the longest path; -1 with E2BIG if it does not fit. */
#define PATH_BUF (XENSTORE_ABS_PATH_MAX + 1)

__attribute__((format(printf, 2, 0))) static int format_path(char buf[PATH_BUF], const char *fmt,
                                                             va_list args)
{
    int n = vsnprintf(buf, PATH_BUF, fmt, args);

    if (n >= 0 && n < PATH_BUF)
        return 0;
    errno = E2BIG;
    return -1;
}

/* ---- values ---- */

char *xsc_read(struct xsc *xs, xsc_tx_t tx, const char *path, size_t *len)
{
    size_t n;
    const char *value = path_request(xs, XS_READ, tx, path, &n);
    char *copy = value ? malloc(n + 1) : NULL;

    if (copy) {
        memcpy(copy, value, n + 1);
        if (len)
            *len = n;
    }
    return copy;
}

char *xsc_readf(struct xsc *xs, xsc_tx_t tx, const char *path_fmt, ...)
{
    char path[PATH_BUF];
    va_list args;
    int rc;

    va_start(args, path_fmt);
    rc = format_path(path, path_fmt, args);
    va_end(args);
    return rc ? NULL : xsc_read(xs, tx, path, NULL);
}

/* Numbers are decimal, as the tools write them, or 0x...; never octal. */
static int base_of(const char *text)
{
    return text[0] == '0' && (text[1] == 'x' || text[1] == 'X') ? 16 : 10;
}

int xsc_read_u64(struct xsc *xs, xsc_tx_t tx, const char *path, uint64_t *value)
{
    const char *text = path_request(xs, XS_READ, tx, path, NULL);
    unsigned long long n;
    char *end;

    if (!text)
        return -1;
    errno = 0;
    n = strtoull(text, &end, base_of(text));
    if (end == text || *end || text[0] < '0' || text[0] > '9')
        errno = EINVAL;
    if (errno)
        return -1;
    *value = n;
    return 0;
}

int xsc_read_int(struct xsc *xs, xsc_tx_t tx, const char *path, int *value)
{
    const char *text = path_request(xs, XS_READ, tx, path, NULL);
    long n;
    char *end;

    if (!text)
        return -1;
    errno = 0;
    n = strtol(text, &end, base_of(text));
    if (end == text || *end || ((text[0] < '0' || text[0] > '9') && text[0] != '-'))
        errno = EINVAL;
    else if (n != (int)n)
        errno = ERANGE;
    if (errno)
        return -1;
    *value = (int)n;
    return 0;
}

int xsc_write(struct xsc *xs, xsc_tx_t tx, const char *path, const void *value, size_t len)
{
    struct xsc_piece p[2] = {{path, strlen(path) + 1}, {value, len}};

    return xsc_request(xs, XS_WRITE, tx, p, 2, NULL) ? 0 : -1;
}

int xsc_writef(struct xsc *xs, xsc_tx_t tx, const char *value, const char *path_fmt, ...)
{
    char path[PATH_BUF];
    va_list args;
    int rc;

    va_start(args, path_fmt);
    rc = format_path(path, path_fmt, args);
    va_end(args);
    return rc ? rc : xsc_write(xs, tx, path, value, strlen(value));
}

int xsc_printf(struct xsc *xs, xsc_tx_t tx, const char *path, const char *value_fmt, ...)
{
    char value[XENSTORE_PAYLOAD_MAX];
    va_list args;
    int n;

    va_start(args, value_fmt);
    n = vsnprintf(value, sizeof(value), value_fmt, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof(value)) {
        errno = E2BIG;
        return -1;
    }
    return xsc_write(xs, tx, path, value, (size_t)n);
}

int xsc_mkdir(struct xsc *xs, xsc_tx_t tx, const char *path)
{
    return path_request(xs, XS_MKDIR, tx, path, NULL) ? 0 : -1;
}

int xsc_rm(struct xsc *xs, xsc_tx_t tx, const char *path)
{
    return path_request(xs, XS_RM, tx, path, NULL) ? 0 : -1;
}

int xsc_exists(struct xsc *xs, xsc_tx_t tx, const char *path)
{
    if (path_request(xs, XS_READ, tx, path, NULL))
        return 1;
    return errno == ENOENT ? 0 : -1;
}

/* ---- lists ---- */

/* Turns NUL-separated names into pointers with the names behind them, in one block. */
static char **name_list(const char *names, size_t len, size_t *count)
{
    size_t n = 0, i = 0;
    char **list, *copy;

    for (size_t at = 0; at < len; at++)
        n += names[at] == '\0';
    list = malloc((n + 1) * sizeof(char *) + len);
    if (!list)
        return NULL;
    copy = (char *)(list + n + 1);
    if (len)
        memcpy(copy, names, len);
    for (; i < n; i++) {
        list[i] = copy;
        copy += strlen(copy) + 1;
    }
    list[n] = NULL;
    if (count)
        *count = n;
    return list;
}

struct parts {
    char stamp[32];
    char *names;
    size_t len;
};

/* Asks for the part of the list behind what is there. 1: that was the last; 0: go on; -1 with errno. */
static int next_part(struct xsc *xs, xsc_tx_t tx, const char *path, struct parts *pt)
{
    char off[24], *grown;
    struct xsc_piece p[2] = {{path, strlen(path) + 1}, {off, 0}};
    size_t len, stamp_len;
    const char *reply;

    p[1].len = (size_t)snprintf(off, sizeof(off), "%zu", pt->len) + 1;
    reply = xsc_request(xs, XS_DIRECTORY_PART, tx, p, 2, &len);
    if (!reply)
        return -1;
    stamp_len = strlen(reply) + 1;
    if (stamp_len >= len || stamp_len > sizeof(pt->stamp)) {
        errno = EIO;
        return -1;
    }
    if (pt->len && strcmp(pt->stamp, reply) != 0) {
        pt->len = 0;
        return 0;
    }
    memcpy(pt->stamp, reply, stamp_len);
    reply += stamp_len;
    len -= stamp_len;
    grown = realloc(pt->names, pt->len + len);
    if (!grown)
        return -1;
    pt->names = grown;
    memcpy(grown + pt->len, reply, len);
    pt->len += len;
    /* Some servers cut in the middle of a name; only the end of the list has two NULs in a row. */
    if (grown[pt->len - 1] != '\0' || (pt->len >= 2 && grown[pt->len - 2] != '\0'))
        return 0;
    pt->len--; /* the NUL that says "last part" */
    return 1;
}

static char **directory_in_parts(struct xsc *xs, xsc_tx_t tx, const char *path, size_t *count)
{
    struct parts pt = {0};
    char **list = NULL;
    int rc;

    do
        rc = next_part(xs, tx, path, &pt);
    while (rc == 0);
    if (rc == 1)
        list = name_list(pt.names, pt.len, count);
    else if (errno == ENOSYS)
        errno = E2BIG;
    free(pt.names);
    return list;
}

char **xsc_directory(struct xsc *xs, xsc_tx_t tx, const char *path, size_t *count)
{
    size_t len;
    const char *names = path_request(xs, XS_DIRECTORY, tx, path, &len);

    if (names)
        return name_list(names, len, count);
    return errno == E2BIG ? directory_in_parts(xs, tx, path, count) : NULL;
}

/* ---- permissions ---- */

static int parse_perm(const char *text, struct xsc_perm *perm)
{
    char *end;
    unsigned long domid = strtoul(text + 1, &end, 10);

    if (text[0] == '\0' || !strchr("nrwb", text[0]) || end == text + 1 || *end || domid > UINT16_MAX) {
        errno = EIO;
        return -1;
    }
    perm->access = text[0];
    perm->domid = (unsigned int)domid;
    return 0;
}

struct xsc_perm *xsc_get_perms(struct xsc *xs, xsc_tx_t tx, const char *path, size_t *count)
{
    size_t len, n = 0;
    const char *text = path_request(xs, XS_GET_PERMS, tx, path, &len), *end;
    struct xsc_perm *perms;

    if (!text)
        return NULL;
    end = text + len;
    /* The shortest entry, "r1" with its NUL, is 3 bytes. */
    perms = malloc((len / 3 + 1) * sizeof(*perms));
    while (perms && text < end) {
        if (parse_perm(text, &perms[n])) {
            free(perms);
            return NULL;
        }
        n++;
        text += strlen(text) + 1;
    }
    if (perms)
        *count = n;
    return perms;
}

ssize_t xsc_format_perms(char *text, size_t size, const struct xsc_perm *perms, size_t count)
{
    size_t len = 0;

    for (size_t i = 0; i < count; i++) {
        int n = snprintf(text + len, size - len, "%c%u", perms[i].access, perms[i].domid);

        if (n < 0 || (size_t)n >= size - len) {
            errno = E2BIG;
            return -1;
        }
        len += (size_t)n + 1;
    }
    return (ssize_t)len;
}

int xsc_set_perms(struct xsc *xs, xsc_tx_t tx, const char *path, const struct xsc_perm *perms, size_t count)
{
    char text[XENSTORE_PAYLOAD_MAX];
    ssize_t len = xsc_format_perms(text, sizeof(text), perms, count);
    struct xsc_piece p[2] = {{path, strlen(path) + 1}, {text, (size_t)len}};

    if (len < 0)
        return -1;
    return xsc_request(xs, XS_SET_PERMS, tx, p, 2, NULL) ? 0 : -1;
}
