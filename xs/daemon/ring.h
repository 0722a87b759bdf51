/* SPDX-License-Identifier: MIT */
/*
 * The two byte queues in the page that is shared with a domain. The domain may change any byte of it at any
 * time: each index of its is read once per call and checked, our own indices are kept here and only
 * published there.
 */
#ifndef XS_DAEMON_RING_H
#define XS_DAEMON_RING_H

#include <stdbool.h>
#include <sys/types.h>

#include "xs/store/wire.h"

struct ring {
    struct xenstore_domain_interface *page;
    XENSTORE_RING_IDX req_cons;
    XENSTORE_RING_IDX rsp_prod;
};

/* Takes over a page as it is (a domain may have been restored), and says what the server can do. */
void ring_attach(struct ring *r, struct xenstore_domain_interface *page);

/*
 * Copies up to `len` bytes of the requests out, or of the responses in. Returns how many, 0 if there is
 * nothing or no room; -EPROTO if the domain's index is impossible.
 */
ssize_t ring_read(struct ring *r, void *to, size_t len);
ssize_t ring_write(struct ring *r, const void *from, size_t len);

/* Whether ring_read() would return something other than 0. */
bool ring_has_input(const struct ring *r);

/* The domain asks for a new beginning. */
bool ring_wants_reconnect(const struct ring *r);

/* Empties both queues and tells the domain that it is connected. */
void ring_reconnect(struct ring *r);

/* Tells the domain why it is no longer served (XENSTORE_ERROR_*). */
void ring_set_error(struct ring *r, uint32_t error);

#endif
