/* SPDX-License-Identifier: MIT */
/*
 * The wire protocol on top of the store: one request in, one reply out. The transport cuts the byte stream
 * into messages and has already refused payloads beyond XENSTORE_PAYLOAD_MAX.
 */
#ifndef XS_STORE_WIRE_H
#define XS_STORE_WIRE_H

#include <errno.h>
#include <stdint.h>
#include <xen/io/xs_wire.h>

#include "xs/store/store.h"

/* Named by the protocol's documents; the 4.17 header does not have it yet. */
#ifndef XENSTORE_SERVER_FEATURE_WATCHDEPTH
#define XENSTORE_SERVER_FEATURE_WATCHDEPTH 4
#endif

/* What requests about domains and the server need from the embedder. All return 0 or a negative errno. */
struct xs_host {
    int (*introduce)(struct xs_host *h, unsigned int domid, unsigned long mfn, unsigned int port);
    int (*release)(struct xs_host *h, unsigned int domid);
    int (*resume)(struct xs_host *h, unsigned int domid);
    int (*set_target)(struct xs_host *h, unsigned int domid, unsigned int target);
    bool (*is_introduced)(struct xs_host *h, unsigned int domid);

    /* argv[0..argc) are the words of a CONTROL request; writes the answer (text, at most the payload limit).
     */
    int (*control)(struct xs_host *h, unsigned int argc, const char *const *argv, FILE *answer);
};

/* Takes the reply to the request at hand; ctx is the client's. It must not end the client. */
typedef void xs_reply_fn(void *ctx, const struct xsd_sockmsg *hdr, const void *body);

/*
 * Carries out one request. hdr->len is the length of `body`. Exactly one reply is given before it returns;
 * events that the request causes go to their clients before or after that.
 */
void xs_wire_request(struct xs_client *c, struct xs_host *host, const struct xsd_sockmsg *hdr,
                     const char *body, xs_reply_fn *reply);

/* The protocol's name of a request or reply type, for logs; "?" for an unknown one. */
const char *xs_wire_type_name(uint32_t type);

#endif
