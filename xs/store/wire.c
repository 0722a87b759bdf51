/* SPDX-License-Identifier: MIT */
/* The table of requests and what is checked for all of them. */
#include <string.h>

#include "xs/store/wire_ops.h"

#define PRIVILEGED 1u /* domain 0 only */
#define NO_TX      2u /* the transaction id is ignored */

static const struct request_type {
    const char *name;
    xs_handler *handler;
    unsigned int flags;
} types[XS_TYPE_COUNT] = {
    [XS_CONTROL] = {"CONTROL", xs_op_control, PRIVILEGED},
    [XS_DIRECTORY] = {"DIRECTORY", xs_op_directory, 0},
    [XS_READ] = {"READ", xs_op_read, 0},
    [XS_GET_PERMS] = {"GET_PERMS", xs_op_get_perms, 0},
    [XS_WATCH] = {"WATCH", xs_op_watch, NO_TX},
    [XS_UNWATCH] = {"UNWATCH", xs_op_unwatch, NO_TX},
    [XS_TRANSACTION_START] = {"TRANSACTION_START", xs_op_transaction_start, 0},
    [XS_TRANSACTION_END] = {"TRANSACTION_END", xs_op_transaction_end, 0},
    [XS_INTRODUCE] = {"INTRODUCE", xs_op_introduce, PRIVILEGED},
    [XS_RELEASE] = {"RELEASE", xs_op_release, PRIVILEGED},
    [XS_GET_DOMAIN_PATH] = {"GET_DOMAIN_PATH", xs_op_get_domain_path, 0},
    [XS_WRITE] = {"WRITE", xs_op_write, 0},
    [XS_MKDIR] = {"MKDIR", xs_op_mkdir, 0},
    [XS_RM] = {"RM", xs_op_rm, 0},
    [XS_SET_PERMS] = {"SET_PERMS", xs_op_set_perms, 0},
    [XS_WATCH_EVENT] = {"WATCH_EVENT", NULL, 0},
    [XS_ERROR] = {"ERROR", NULL, 0},
    [XS_IS_DOMAIN_INTRODUCED] = {"IS_DOMAIN_INTRODUCED", xs_op_is_domain_introduced, PRIVILEGED},
    [XS_RESUME] = {"RESUME", xs_op_resume, PRIVILEGED},
    [XS_SET_TARGET] = {"SET_TARGET", xs_op_set_target, PRIVILEGED},
    [XS_RESET_WATCHES] = {"RESET_WATCHES", xs_op_reset_watches, 0},
    [XS_DIRECTORY_PART] = {"DIRECTORY_PART", xs_op_directory_part, 0},
};

const char *xs_wire_type_name(uint32_t type)
{
    return type < XS_TYPE_COUNT && types[type].name ? types[type].name : "?";
}

static const char *error_name(int errnum)
{
    for (size_t i = 0; i < sizeof(xsd_errors) / sizeof(xsd_errors[0]); i++)
        if (xsd_errors[i].errnum == errnum)
            return xsd_errors[i].errstring;
    return "EINVAL";
}

static int carry_out(struct xs_request *rq, const struct xsd_sockmsg *hdr)
{
    const struct request_type *t;

    if (hdr->type >= XS_TYPE_COUNT || !types[hdr->type].handler)
        return -ENOSYS;
    t = &types[hdr->type];
    if ((t->flags & PRIVILEGED) && !rq->c->who.privileged)
        return -EACCES;
    if (hdr->tx_id && !(t->flags & NO_TX)) {
        rq->tx = xs_tx_find(rq->c, hdr->tx_id);
        if (!rq->tx)
            return -ENOENT;
        if (rq->tx->expired && hdr->type != XS_TRANSACTION_END)
            return -EAGAIN;
    }
    return t->handler(rq);
}

/* Handlers whose answer may be empty (a value, a list) never get "OK" in its place. */
static bool answers_ok(uint32_t type)
{
    return type != XS_READ && type != XS_DIRECTORY;
}

void xs_wire_request(struct xs_client *c, struct xs_host *host, const struct xsd_sockmsg *hdr,
                     const char *body, xs_reply_fn *reply)
{
    struct xs_request rq = {.c = c, .host = host, .body = body, .len = hdr->len};
    struct xsd_sockmsg answer = {.type = hdr->type, .req_id = hdr->req_id, .tx_id = hdr->tx_id};
    int rc = carry_out(&rq, hdr);

    if (rc) {
        const char *name = error_name(-rc);

        answer.type = XS_ERROR;
        rq.reply_len = strlen(name) + 1;
        memcpy(rq.reply, name, rq.reply_len);
    } else if (rq.reply_len == 0 && answers_ok(hdr->type)) {
        xs_put(&rq, "OK", sizeof("OK"));
    }
    xs_tx_expire(c->store);
    answer.len = (uint32_t)rq.reply_len;
    reply(c->ctx, &answer, rq.reply);
    if (rq.first)
        xs_watch_fire_first(rq.first);
}

/* ---- for the handlers ---- */

int xs_put(struct xs_request *rq, const void *data, size_t len)
{
    if (len > sizeof(rq->reply) - rq->reply_len)
        return -E2BIG;
    if (len)
        memcpy(rq->reply + rq->reply_len, data, len);
    rq->reply_len += len;
    return 0;
}

int xs_split(const struct xs_request *rq, const char **v, int max)
{
    size_t at = 0;
    int n = 0;

    if (rq->len && rq->body[rq->len - 1] != '\0')
        return -EINVAL;
    for (; at < rq->len; n++) {
        if (n < max)
            v[n] = rq->body + at;
        at += strlen(rq->body + at) + 1;
    }
    return n;
}

const char *xs_one_string(const struct xs_request *rq)
{
    const char *s;

    return xs_split(rq, &s, 1) == 1 ? s : NULL;
}

int xs_client_path(const struct xs_request *rq, const char *in, bool allow_special, char out[XS_PATH_BUF],
                   size_t *rel_off)
{
    int rc;

    if (!in)
        return -EINVAL;
    rc = xs_path_canon(in, rq->c->who.domid, allow_special, out, rel_off);
    if (!rc && xs_over_quota(rq->c, XS_QUOTA_PATH, strlen(out)))
        rc = -EINVAL;
    return rc;
}

int xs_parse_number(const char *text, unsigned long max, unsigned long *value)
{
    unsigned long n = 0;

    if (*text == '\0')
        return -EINVAL;
    for (; *text; text++) {
        unsigned long digit = (unsigned long)(*text - '0');

        if (*text < '0' || *text > '9' || n > (max - digit) / 10)
            return -EINVAL;
        n = n * 10 + digit;
    }
    *value = n;
    return 0;
}
