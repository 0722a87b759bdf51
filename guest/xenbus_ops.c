/* SPDX-License-Identifier: MIT */
/* Reading and changing nodes of the store. */
#include "guest/guest.h"
#include "guest/heap.h"
#include "guest/store_ring.h"
#include "guest/xenbus_internal.h"

/* Of one listing, those again of a list that changed meanwhile included. */
#define MAX_PARTS 256u

char *xenbus_format(const char *fmt, va_list ap, int *rc)
{
    va_list again;
    char *path;
    int len;

    va_copy(again, ap);
    len = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    *rc = -XEN_ENAMETOOLONG;
    if (len < 0 || len >= XENSTORE_ABS_PATH_MAX)
        return NULL;
    path = heap_alloc((size_t)len + 1);
    *rc = path ? 0 : -XEN_ENOMEM;
    if (path)
        vsnprintf(path, (size_t)len + 1, fmt, ap);
    return path;
}

/* A request on a path, with a value behind it if there is one. */
static int request_path(uint32_t type, xenbus_tx_t tx, const char *fmt, va_list ap, const char *value,
                        struct xenbus_answer *answer)
{
    struct xenbus_part parts[2];
    int rc;
    char *path = xenbus_format(fmt, ap, &rc);

    if (!path)
        return rc;
    parts[0] = (struct xenbus_part){path, strlen(path) + 1};
    parts[1] = (struct xenbus_part){value, value ? strlen(value) : 0};
    rc = xenbus_request(type, tx, parts, value ? 2 : 1, answer);
    heap_free(path);
    return rc;
}

int xenbus_read(xenbus_tx_t tx, char *value, size_t size, const char *path_fmt, ...)
{
    struct xenbus_answer a;
    va_list ap;
    int rc;

    va_start(ap, path_fmt);
    rc = request_path(XS_READ, tx, path_fmt, ap, NULL, &a);
    va_end(ap);
    if (rc)
        return rc;
    rc = a.len < size ? (int)a.len : -XEN_ERANGE;
    if (rc >= 0)
        memcpy(value, a.body, a.len + 1);
    heap_free(a.body);
    return rc;
}

int xenbus_read_uint(xenbus_tx_t tx, uint64_t *value, const char *path_fmt, ...)
{
    struct xenbus_answer a;
    va_list ap;
    int rc;

    va_start(ap, path_fmt);
    rc = request_path(XS_READ, tx, path_fmt, ap, NULL, &a);
    va_end(ap);
    if (rc)
        return rc;
    rc = store_number(a.body, a.len, value);
    heap_free(a.body);
    return rc;
}

int xenbus_write(xenbus_tx_t tx, const char *value, const char *path_fmt, ...)
{
    va_list ap;
    int rc;

    va_start(ap, path_fmt);
    rc = request_path(XS_WRITE, tx, path_fmt, ap, value, NULL);
    va_end(ap);
    return rc;
}

int xenbus_write_uint(xenbus_tx_t tx, uint64_t value, const char *path_fmt, ...)
{
    char text[24];
    va_list ap;
    int rc;

    snprintf(text, sizeof(text), "%lu", value);
    va_start(ap, path_fmt);
    rc = request_path(XS_WRITE, tx, path_fmt, ap, text, NULL);
    va_end(ap);
    return rc;
}

int xenbus_rm(xenbus_tx_t tx, const char *path_fmt, ...)
{
    va_list ap;
    int rc;

    va_start(ap, path_fmt);
    rc = request_path(XS_RM, tx, path_fmt, ap, NULL, NULL);
    va_end(ap);
    return rc;
}

static int list_in_parts(xenbus_tx_t tx, struct store_listing *l, const char *path)
{
    int rc = 0;

    for (unsigned i = 0; i < MAX_PARTS && !rc; i++) {
        char offset[24];
        struct xenbus_part parts[2] = {{path, strlen(path) + 1}, {offset, 0}};
        struct xenbus_answer a;

        parts[1].len = (size_t)snprintf(offset, sizeof(offset), "%zu", l->len) + 1;
        rc = xenbus_request(XS_DIRECTORY_PART, tx, parts, 2, &a);
        if (rc)
            return rc == -XEN_ENOSYS ? -XEN_E2BIG : rc;
        rc = store_listing_add(l, a.body, a.len);
        heap_free(a.body);
    }
    return rc == 1 ? store_count_names(l->names, l->len) : rc ? rc : -XEN_EIO;
}

static int list_path(xenbus_tx_t tx, struct store_listing *l, const char *path)
{
    struct xenbus_part part = {path, strlen(path) + 1};
    struct xenbus_answer a;
    int rc = xenbus_request(XS_DIRECTORY, tx, &part, 1, &a);

    if (rc == -XEN_E2BIG)
        return list_in_parts(tx, l, path);
    if (rc)
        return rc;
    rc = a.len <= l->size ? store_count_names(a.body, a.len) : -XEN_ERANGE;
    if (rc >= 0)
        memcpy(l->names, a.body, a.len);
    heap_free(a.body);
    return rc;
}

int xenbus_list(xenbus_tx_t tx, char *names, size_t size, const char *path_fmt, ...)
{
    struct store_listing l = {.names = names, .size = size};
    char *path;
    va_list ap;
    int rc;

    va_start(ap, path_fmt);
    path = xenbus_format(path_fmt, ap, &rc);
    va_end(ap);
    if (path)
        rc = list_path(tx, &l, path);
    heap_free(path);
    return rc;
}
