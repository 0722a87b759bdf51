/* SPDX-License-Identifier: MIT */
#ifndef GUEST_STORE_RING_H
#define GUEST_STORE_RING_H

/*
 * The client's end of the two byte queues in the page that is shared with the store, and the reassembly of
 * messages from it. No hypercalls and no threads: this part is tested on the host.
 *
 * The store may change any byte of the page at any time: its indices are read once a call and checked, ours
 * are kept here and only published there.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xen/io/xs_wire.h>

struct store_ring {
    struct xenstore_domain_interface *page;
    XENSTORE_RING_IDX req_prod, rsp_cons;
};

/* Takes over the page; what the store has answered to somebody before is dropped. */
void store_ring_attach(struct store_ring *r, struct xenstore_domain_interface *page);

/*
 * Copies up to len bytes into the requests or out of the responses. Returns how many, 0 if there is no room
 * or nothing; -XEN_EIO if the store's index is impossible.
 */
long store_ring_write(struct store_ring *r, const void *from, size_t len);
long store_ring_read(struct store_ring *r, void *to, size_t len);

/* Whether that call would return something other than 0. */
bool store_ring_can_write(const struct store_ring *r);
bool store_ring_can_read(const struct store_ring *r);

/* The store has said that it serves this ring no more. */
bool store_ring_refused(const struct store_ring *r);

/* Whether the store knows how to begin anew; the request to do so; whether it has. */
bool store_ring_can_reconnect(const struct store_ring *r);
void store_ring_reconnect(struct store_ring *r);
bool store_ring_connected(const struct store_ring *r);

/* A message that is being put together. All zero is the beginning of one. */
struct store_reader {
    struct xsd_sockmsg head;
    uint32_t have;                       /* bytes of head and body so far */
    char body[XENSTORE_PAYLOAD_MAX + 1]; /* terminated when the message is whole */
};

/*
 * Takes what the ring has: 1 when head and body are a whole message (the next call begins another), 0 when
 * more is to come, -XEN_EIO when the store broke the protocol.
 */
int store_reader_pull(struct store_reader *rd, struct store_ring *r);

/* The error that an answer of type XS_ERROR names, negative. */
int store_error(const char *body, size_t len);

/*
 * Takes a watch event apart: path points into body, and the token is a decimal number of ours. False if it is
 * not of that form.
 */
bool store_event(const char *body, size_t len, const char **path, uint32_t *token);

/* A decimal number and nothing else, as the store's values spell it: 0, -XEN_EINVAL, -XEN_ERANGE. */
int store_number(const char *text, size_t len, uint64_t *value);

/* How many names a directory's listing has; negative if the last one is not terminated. */
int store_count_names(const char *body, size_t len);

/* A listing that comes in parts, into memory of the caller's. stamp is the store's mark of the list's state.
 */
struct store_listing {
    char *names;
    size_t size, len;
    char stamp[24];
};

/*
 * Adds an answer of XS_DIRECTORY_PART: 1 when that was the last part, 0 when more is to be asked for from
 * offset len on (0 again if the list changed meanwhile), -XEN_ERANGE when it does not fit, -XEN_EIO when it
 * is none.
 */
int store_listing_add(struct store_listing *l, const char *body, size_t len);

#endif
