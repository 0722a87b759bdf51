/* SPDX-License-Identifier: MIT */
/* Copying in and out of the shared page. */
#include <string.h>

#include "xs/daemon/ring.h"

_Static_assert(sizeof(struct xenstore_domain_interface) <= 4096, "the ring is one page");

#define READ_SHARED(field)         __atomic_load_n(&(field), __ATOMIC_ACQUIRE)
#define WRITE_SHARED(field, value) __atomic_store_n(&(field), value, __ATOMIC_RELEASE)

void ring_attach(struct ring *r, struct xenstore_domain_interface *page)
{
    r->page = page;
    r->req_cons = READ_SHARED(page->req_cons);
    r->rsp_prod = READ_SHARED(page->rsp_prod);
    WRITE_SHARED(page->error, XENSTORE_ERROR_NONE);
    WRITE_SHARED(page->server_features, XENSTORE_SERVER_FEATURE_RECONNECTION | XENSTORE_SERVER_FEATURE_ERROR |
                                            XENSTORE_SERVER_FEATURE_WATCHDEPTH);
}

ssize_t ring_read(struct ring *r, void *to, size_t len)
{
    XENSTORE_RING_IDX have = READ_SHARED(r->page->req_prod) - r->req_cons;
    size_t at = MASK_XENSTORE_IDX(r->req_cons), first = XENSTORE_RING_SIZE - at;

    if (have > XENSTORE_RING_SIZE)
        return -EPROTO;
    if (len > have)
        len = have;
    if (first > len)
        first = len;
    memcpy(to, r->page->req + at, first);
    memcpy((char *)to + first, r->page->req, len - first);
    r->req_cons += (XENSTORE_RING_IDX)len;
    if (len)
        WRITE_SHARED(r->page->req_cons, r->req_cons);
    return (ssize_t)len;
}

ssize_t ring_write(struct ring *r, const void *from, size_t len)
{
    XENSTORE_RING_IDX used = r->rsp_prod - READ_SHARED(r->page->rsp_cons);
    size_t at = MASK_XENSTORE_IDX(r->rsp_prod), first = XENSTORE_RING_SIZE - at;

    if (used > XENSTORE_RING_SIZE)
        return -EPROTO;
    if (len > XENSTORE_RING_SIZE - used)
        len = XENSTORE_RING_SIZE - used;
    if (first > len)
        first = len;
    memcpy(r->page->rsp + at, from, first);
    memcpy(r->page->rsp, (const char *)from + first, len - first);
    r->rsp_prod += (XENSTORE_RING_IDX)len;
    if (len)
        WRITE_SHARED(r->page->rsp_prod, r->rsp_prod);
    return (ssize_t)len;
}

bool ring_has_input(const struct ring *r)
{
    return READ_SHARED(r->page->req_prod) != r->req_cons;
}

bool ring_wants_reconnect(const struct ring *r)
{
    return READ_SHARED(r->page->connection) == XENSTORE_RECONNECT;
}

void ring_reconnect(struct ring *r)
{
    r->req_cons = r->rsp_prod = 0;
    WRITE_SHARED(r->page->req_cons, 0);
    WRITE_SHARED(r->page->req_prod, 0);
    WRITE_SHARED(r->page->rsp_cons, 0);
    WRITE_SHARED(r->page->rsp_prod, 0);
    WRITE_SHARED(r->page->error, XENSTORE_ERROR_NONE);
    WRITE_SHARED(r->page->connection, XENSTORE_CONNECTED);
}

void ring_set_error(struct ring *r, uint32_t error)
{
    WRITE_SHARED(r->page->error, error);
}
