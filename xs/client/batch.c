/* SPDX-License-Identifier: MIT */
/* Many requests in one go. */
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include "xs/client/conn.h"

_Static_assert(sizeof(((struct xsc_batch *)0)->bytes) <= XSC_EXCHANGE_MAX,
               "no more than has room on the way");

static void fail(struct xsc_batch *b, int error)
{
    if (b->error == 0)
        b->error = error;
}

static void settle(struct xsc_batch *b, struct xsc_answer *answer, int error)
{
    if (answer)
        *answer = (struct xsc_answer){.error = error};
    else
        fail(b, error);
}

static void answered(void *arg, unsigned int index, int error, const char *body, size_t len)
{
    struct xsc_batch *b = arg;
    struct xsc_answer *answer = b->answers[index];

    if (error != 0) {
        if (error != ENOENT || !b->absent_is_fine[index])
            settle(b, answer, error);
    } else if (answer) {
        answer->value = malloc(len + 1);
        answer->len = len;
        answer->error = answer->value ? 0 : ENOMEM;
        if (answer->value)
            memcpy(answer->value, body, len + 1);
    }
    b->answers[index] = NULL;
}

static void flush(struct xsc_batch *b)
{
    if (xsc_exchange(b->xs, b->bytes, b->ends, b->count, answered, b) != 0) {
        fail(b, errno);
        for (unsigned int i = 0; i < b->count; i++)
            if (b->answers[i])
                b->answers[i]->error = errno;
    }
    b->count = 0;
}

static void add(struct xsc_batch *b, uint32_t type, const struct xsc_piece *pieces, unsigned int count,
                struct xsc_answer *answer, bool absent_is_fine)
{
    struct xsd_sockmsg hdr = {.type = type, .tx_id = b->tx};
    size_t have = b->count ? b->ends[b->count - 1] : 0;

    for (unsigned int i = 0; i < count; i++) {
        if (pieces[i].len > XENSTORE_PAYLOAD_MAX - hdr.len) {
            settle(b, answer, E2BIG);
            return;
        }
        hdr.len += (uint32_t)pieces[i].len;
    }
    if (b->count == XSC_BATCH_REQUESTS || sizeof(b->bytes) - have < sizeof(hdr) + hdr.len) {
        flush(b);
        have = 0;
    }
    memcpy(b->bytes + have, &hdr, sizeof(hdr));
    have += sizeof(hdr);
    for (unsigned int i = 0; i < count; i++) {
        if (pieces[i].len)
            memcpy(b->bytes + have, pieces[i].data, pieces[i].len);
        have += pieces[i].len;
    }
    if (answer)
        *answer = (struct xsc_answer){0};
    b->ends[b->count] = have;
    b->answers[b->count] = answer;
    b->absent_is_fine[b->count++] = absent_is_fine;
}

void xsc_batch_begin(struct xsc_batch *b, struct xsc *xs, xsc_tx_t tx)
{
    b->xs = xs;
    b->tx = tx;
    b->error = 0;
    b->count = 0;
}

void xsc_batch_read(struct xsc_batch *b, const char *path, struct xsc_answer *answer)
{
    struct xsc_piece p = {path, strlen(path) + 1};

    add(b, XS_READ, &p, 1, answer, false);
}

void xsc_batch_write(struct xsc_batch *b, const char *path, const void *value, size_t len)
{
    struct xsc_piece p[2] = {{path, strlen(path) + 1}, {value, len}};

    add(b, XS_WRITE, p, 2, NULL, false);
}

void xsc_batch_mkdir(struct xsc_batch *b, const char *path)
{
    struct xsc_piece p = {path, strlen(path) + 1};

    add(b, XS_MKDIR, &p, 1, NULL, false);
}

void xsc_batch_rm(struct xsc_batch *b, const char *path)
{
    struct xsc_piece p = {path, strlen(path) + 1};

    add(b, XS_RM, &p, 1, NULL, true);
}

void xsc_batch_set_perms(struct xsc_batch *b, const char *path, const struct xsc_perm *perms, size_t count)
{
    char text[XENSTORE_PAYLOAD_MAX];
    ssize_t len = xsc_format_perms(text, sizeof(text), perms, count);
    struct xsc_piece p[2] = {{path, strlen(path) + 1}, {text, (size_t)len}};

    if (len < 0)
        fail(b, errno);
    else
        add(b, XS_SET_PERMS, p, 2, NULL, false);
}

int xsc_batch_end(struct xsc_batch *b)
{
    flush(b);
    if (b->error == 0)
        return 0;
    errno = b->error;
    return -1;
}
