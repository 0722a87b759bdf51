/* SPDX-License-Identifier: MIT */
#include <xen/errno.h>
#include "guest/store_ring.h"
#include "guest/string.h"

#define READ_SHARED(field)         __atomic_load_n(&(field), __ATOMIC_ACQUIRE)
#define WRITE_SHARED(field, value) __atomic_store_n(&(field), value, __ATOMIC_RELEASE)

_Static_assert(sizeof(struct xenstore_domain_interface) <= 4096, "the ring is one page");

void store_ring_attach(struct store_ring *r, struct xenstore_domain_interface *page)
{
    r->page = page;
    r->req_prod = READ_SHARED(page->req_prod);
    r->rsp_cons = READ_SHARED(page->rsp_prod);
    WRITE_SHARED(page->rsp_cons, r->rsp_cons);
}

long store_ring_write(struct store_ring *r, const void *from, size_t len)
{
    XENSTORE_RING_IDX used = r->req_prod - READ_SHARED(r->page->req_cons);
    size_t at = MASK_XENSTORE_IDX(r->req_prod), first = XENSTORE_RING_SIZE - at;

    if (used > XENSTORE_RING_SIZE)
        return -XEN_EIO;
    if (len > XENSTORE_RING_SIZE - used)
        len = XENSTORE_RING_SIZE - used;
    if (first > len)
        first = len;
    memcpy(r->page->req + at, from, first);
    memcpy(r->page->req, (const char *)from + first, len - first);
    r->req_prod += (XENSTORE_RING_IDX)len;
    if (len)
        WRITE_SHARED(r->page->req_prod, r->req_prod);
    return (long)len;
}

long store_ring_read(struct store_ring *r, void *to, size_t len)
{
    XENSTORE_RING_IDX have = READ_SHARED(r->page->rsp_prod) - r->rsp_cons;
    size_t at = MASK_XENSTORE_IDX(r->rsp_cons), first = XENSTORE_RING_SIZE - at;

    if (have > XENSTORE_RING_SIZE)
        return -XEN_EIO;
    if (len > have)
        len = have;
    if (first > len)
        first = len;
    memcpy(to, r->page->rsp + at, first);
    memcpy((char *)to + first, r->page->rsp, len - first);
    r->rsp_cons += (XENSTORE_RING_IDX)len;
    if (len)
        WRITE_SHARED(r->page->rsp_cons, r->rsp_cons);
    return (long)len;
}

bool store_ring_can_write(const struct store_ring *r)
{
    return r->req_prod - READ_SHARED(r->page->req_cons) != XENSTORE_RING_SIZE;
}

bool store_ring_can_read(const struct store_ring *r)
{
    return READ_SHARED(r->page->rsp_prod) != r->rsp_cons;
}

bool store_ring_refused(const struct store_ring *r)
{
    return (READ_SHARED(r->page->server_features) & XENSTORE_SERVER_FEATURE_ERROR) &&
           READ_SHARED(r->page->error) != XENSTORE_ERROR_NONE;
}

bool store_ring_can_reconnect(const struct store_ring *r)
{
    return READ_SHARED(r->page->server_features) & XENSTORE_SERVER_FEATURE_RECONNECTION;
}

void store_ring_reconnect(struct store_ring *r)
{
    WRITE_SHARED(r->page->connection, XENSTORE_RECONNECT);
}

bool store_ring_connected(const struct store_ring *r)
{
    return READ_SHARED(r->page->connection) == XENSTORE_CONNECTED;
}

/* One step: the missing part of the head, or of the body. */
static long pull_part(struct store_reader *rd, struct store_ring *r, void *part, size_t size, size_t done)
{
    long n = store_ring_read(r, (char *)part + done, size - done);

    if (n > 0)
        rd->have += (uint32_t)n;
    return n;
}

int store_reader_pull(struct store_reader *rd, struct store_ring *r)
{
    const uint32_t head = sizeof(rd->head);
    long n;

    if (rd->have >= head && rd->have == head + rd->head.len)
        rd->have = 0;
    if (rd->have < head) {
        n = pull_part(rd, r, &rd->head, head, rd->have);
        if (n < 0 || rd->have < head)
            return n < 0 ? (int)n : 0;
        if (rd->head.len > XENSTORE_PAYLOAD_MAX) {
            rd->have = 0;
            return -XEN_EIO;
        }
    }
    n = pull_part(rd, r, rd->body, rd->head.len, rd->have - head);
    if (n < 0 || rd->have < head + rd->head.len)
        return n < 0 ? (int)n : 0;
    rd->body[rd->head.len] = '\0';
    return 1;
}

int store_error(const char *body, size_t len)
{
    static const struct {
        const char *name;
        int error;
    } errors[] = {
        {"EINVAL", XEN_EINVAL},       {"EACCES", XEN_EACCES}, {"EEXIST", XEN_EEXIST},
        {"EISDIR", XEN_EISDIR},       {"ENOENT", XEN_ENOENT}, {"ENOMEM", XEN_ENOMEM},
        {"ENOSPC", XEN_ENOSPC},       {"EIO", XEN_EIO},       {"E2BIG", XEN_E2BIG},
        {"ENOTEMPTY", XEN_ENOTEMPTY}, {"ENOSYS", XEN_ENOSYS}, {"EROFS", XEN_EROFS},
        {"EBUSY", XEN_EBUSY},         {"EAGAIN", XEN_EAGAIN}, {"EPERM", XEN_EPERM},
        {"EISCONN", XEN_EISCONN},
    };

    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        size_t n = strlen(errors[i].name);

        if (len >= n && memcmp(body, errors[i].name, n) == 0 && (len == n || body[n] == '\0'))
            return -errors[i].error;
    }
    return -XEN_EINVAL;
}

int store_number(const char *text, size_t len, uint64_t *value)
{
    uint64_t v = 0;

    if (!len)
        return -XEN_EINVAL;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < '0' || text[i] > '9')
            return -XEN_EINVAL;
        if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, (uint64_t)(text[i] - '0'), &v))
            return -XEN_ERANGE;
    }
    *value = v;
    return 0;
}

bool store_event(const char *body, size_t len, const char **path, uint32_t *token)
{
    size_t path_len = strnlen(body, len), token_len;
    uint64_t number;

    if (path_len == len)
        return false;
    token_len = strnlen(body + path_len + 1, len - path_len - 1);
    /* The token is terminated, or ends with the message. */
    if (store_number(body + path_len + 1, token_len, &number) || number > UINT32_MAX)
        return false;
    *path = body;
    *token = (uint32_t)number;
    return true;
}

int store_count_names(const char *body, size_t len)
{
    int n = 0;

    if (len && body[len - 1] != '\0')
        return -XEN_EIO;
    for (size_t i = 0; i < len; i++)
        n += body[i] == '\0';
    return n;
}

/* Only the end of the list has two NULs in a row; a name may come in two parts. */
static bool is_last_part(const struct store_listing *l, const char *part, size_t len)
{
    if (part[len - 1] != '\0')
        return false;
    if (len > 1)
        return part[len - 2] == '\0';
    return !l->len || l->names[l->len - 1] == '\0';
}

int store_listing_add(struct store_listing *l, const char *body, size_t len)
{
    size_t stamp = strnlen(body, len) + 1;
    bool last;

    if (stamp >= len || stamp > sizeof(l->stamp))
        return -XEN_EIO;
    if (l->len && strcmp(l->stamp, body) != 0) {
        l->len = 0;
        return 0;
    }
    memcpy(l->stamp, body, stamp);
    body += stamp;
    len -= stamp;
    last = is_last_part(l, body, len);
    if (last)
        len--;
    if (len > l->size - l->len)
        return -XEN_ERANGE;
    memcpy(l->names + l->len, body, len);
    l->len += len;
    return last;
}
