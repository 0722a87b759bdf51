/* SPDX-License-Identifier: MIT */
/* Requests about nodes: lists, values, permissions. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "xs/store/wire_ops.h"

int xs_op_directory(struct xs_request *rq)
{
    const struct xs_node *n;
    char path[XS_PATH_BUF], *names;
    size_t len;
    int rc = xs_client_path(rq, xs_one_string(rq), false, path, NULL);

    if (!rc)
        rc = xs_store_list(rq->c, rq->tx, path, &n);
    if (!rc)
        rc = xs_store_names(n, &names, &len);
    if (rc)
        return rc;
    rc = xs_put(rq, names, len);
    free(names);
    return rc;
}

/*
 * Answers with the list's stamp and as many whole names from byte `off` of the list as fit; the part that
 * holds the last name, or begins behind it, ends with one NUL more.
 */
static int put_part(struct xs_request *rq, const struct xs_node *n, const char *names, size_t len, size_t off)
{
    char stamp[24];
    size_t room, part = 0;
    int rc = xs_put(rq, stamp, (size_t)snprintf(stamp, sizeof(stamp), "%" PRIu64, n->list_stamp) + 1);

    if (rc)
        return rc;
    room = sizeof(rq->reply) - rq->reply_len - 1;
    while (off + part < len) {
        size_t next = strlen(names + off + part) + 1;

        if (part + next > room)
            break;
        part += next;
    }
    if (off < len)
        rc = xs_put(rq, names + off, part);
    if (!rc && off + part >= len)
        rc = xs_put(rq, "", 1);
    return rc;
}

int xs_op_directory_part(struct xs_request *rq)
{
    const struct xs_node *n;
    const char *v[2];
    char path[XS_PATH_BUF], *names;
    unsigned long off;
    size_t len;
    int rc;

    if (xs_split(rq, v, 2) != 2 || xs_parse_number(v[1], UINT32_MAX, &off))
        return -EINVAL;
    rc = xs_client_path(rq, v[0], false, path, NULL);
    if (!rc)
        rc = xs_store_list(rq->c, rq->tx, path, &n);
    if (!rc)
        rc = xs_store_names(n, &names, &len);
    if (rc)
        return rc;
    rc = put_part(rq, n, names, len, off);
    free(names);
    return rc;
}

int xs_op_read(struct xs_request *rq)
{
    const struct xs_node *n;
    char path[XS_PATH_BUF];
    int rc = xs_client_path(rq, xs_one_string(rq), false, path, NULL);

    if (!rc)
        rc = xs_store_read(rq->c, rq->tx, path, &n);
    return rc ? rc : xs_put(rq, n->value->data, n->value->len);
}

/* The value is all that follows the path's NUL and may hold NULs itself. */
int xs_op_write(struct xs_request *rq)
{
    const char *nul = memchr(rq->body, '\0', rq->len);
    char path[XS_PATH_BUF];
    int rc = xs_client_path(rq, nul ? rq->body : NULL, false, path, NULL);

    if (rc)
        return rc;
    return xs_store_write(rq->c, rq->tx, path, nul + 1, rq->len - (size_t)(nul + 1 - rq->body));
}

int xs_op_mkdir(struct xs_request *rq)
{
    char path[XS_PATH_BUF];
    int rc = xs_client_path(rq, xs_one_string(rq), false, path, NULL);

    return rc ? rc : xs_store_mkdir(rq->c, rq->tx, path);
}

int xs_op_rm(struct xs_request *rq)
{
    char path[XS_PATH_BUF];
    int rc = xs_client_path(rq, xs_one_string(rq), false, path, NULL);

    return rc ? rc : xs_store_rm(rq->c, rq->tx, path);
}

int xs_op_get_perms(struct xs_request *rq)
{
    const struct xs_perms *perms;
    char path[XS_PATH_BUF];
    int rc = xs_client_path(rq, xs_one_string(rq), true, path, NULL);

    if (!rc)
        rc = xs_store_get_perms(rq->c, rq->tx, path, &perms);
    for (unsigned int i = 0; rc == 0 && i < perms->nr; i++) {
        char text[XS_PERM_TEXT];
        size_t len = xs_perm_format(&perms->p[i], text);

        rc = xs_put(rq, text, len + 1);
    }
    return rc;
}

/* The payload's limit bounds the number of entries. */
int xs_op_set_perms(struct xs_request *rq)
{
    int n = xs_split(rq, NULL, 0), rc;
    char path[XS_PATH_BUF];
    struct xs_perms *perms;
    const char *text = rq->body;

    if (n < 2)
        return -EINVAL;
    rc = xs_client_path(rq, text, true, path, NULL);
    if (rc)
        return rc;
    perms = xs_perms_new((unsigned int)n - 1);
    if (!perms)
        return -ENOMEM;
    for (unsigned int i = 0; rc == 0 && i < perms->nr; i++) {
        text += strlen(text) + 1;
        rc = xs_perm_parse(text, &perms->p[i]);
    }
    if (!rc)
        rc = xs_store_set_perms(rq->c, rq->tx, path, perms);
    xs_perms_unref(perms);
    return rc;
}
