/* SPDX-License-Identifier: MIT */
/* Between wire.c (common checks, table) and the handlers of single request types. */
#ifndef XS_STORE_WIRE_OPS_H
#define XS_STORE_WIRE_OPS_H

#include "xs/store/path.h"
#include "xs/store/tx.h"
#include "xs/store/watch.h"
#include "xs/store/wire.h"

struct xs_request {
    struct xs_client *c;
    struct xs_host *host;
    struct xs_tx *tx; /* NULL: none given */
    const char *body;
    size_t len;
    size_t reply_len;
    struct xs_watch *first; /* set: this watch fires once the reply is out */
    char reply[XENSTORE_PAYLOAD_MAX];
};

/*
 * A handler checks its payload, acts, and puts its answer; one that puts nothing answers "OK". Returns 0 or a
 * negative errno.
 */
typedef int xs_handler(struct xs_request *rq);

xs_handler xs_op_directory, xs_op_directory_part, xs_op_read, xs_op_get_perms, xs_op_write, xs_op_mkdir,
    xs_op_rm, xs_op_set_perms, xs_op_watch, xs_op_unwatch, xs_op_reset_watches, xs_op_transaction_start,
    xs_op_transaction_end, xs_op_introduce, xs_op_release, xs_op_resume, xs_op_set_target,
    xs_op_get_domain_path, xs_op_is_domain_introduced, xs_op_control;

/* Appends to the answer: 0, or -E2BIG beyond the payload limit. */
int xs_put(struct xs_request *rq, const void *data, size_t len);

/*
 * Splits the payload into its strings. Returns how many there are, at most `max` of them in v; -EINVAL
 * if the last one is not terminated.
 */
int xs_split(const struct xs_request *rq, const char **v, int max);

/* The payload as one single string, or NULL. */
const char *xs_one_string(const struct xs_request *rq);

/* xs_path_canon() for this client, with its quota for the length of paths. */
int xs_client_path(const struct xs_request *rq, const char *in, bool allow_special, char out[XS_PATH_BUF],
                   size_t *rel_off);

/* Reads a decimal number of at most `max`: 0 or -EINVAL. */
int xs_parse_number(const char *text, unsigned long max, unsigned long *value);

#endif
