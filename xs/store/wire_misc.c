/* SPDX-License-Identifier: MIT */
/* Requests about watches, transactions, domains and the server. */
#include <stdlib.h>
#include <string.h>

#include <stdint.h>
#include <xen/xen.h>

#include "xs/store/wire_ops.h"

/* ---- watches ---- */

int xs_op_watch(struct xs_request *rq)
{
    const char *v[3];
    char path[XS_PATH_BUF];
    unsigned long depth;
    size_t rel_off;
    int n = xs_split(rq, v, 3), rc;

    if ((n != 2 && n != 3) || (n == 3 && xs_parse_number(v[2], XENSTORE_ABS_PATH_MAX, &depth)))
        return -EINVAL;
    rc = xs_client_path(rq, v[0], true, path, &rel_off);
    if (rc)
        return rc;
    return xs_watch_add(rq->c, path, v[1], n == 3 ? (int)depth : XS_ANY_DEPTH, rel_off, &rq->first);
}

int xs_op_unwatch(struct xs_request *rq)
{
    const char *v[2];
    char path[XS_PATH_BUF];
    int rc;

    if (xs_split(rq, v, 2) != 2)
        return -EINVAL;
    rc = xs_client_path(rq, v[0], true, path, NULL);
    return rc ? rc : xs_watch_remove(rq->c, path, v[1]);
}

int xs_op_reset_watches(struct xs_request *rq)
{
    xs_client_reset(rq->c);
    rq->tx = NULL;
    return 0;
}

/* ---- transactions ---- */

int xs_op_transaction_start(struct xs_request *rq)
{
    struct xs_tx *tx;
    char id[16];
    int rc;

    if (rq->tx)
        return -EBUSY;
    rc = xs_tx_start(rq->c, &tx);
    if (rc)
        return rc;
    return xs_put(rq, id, (size_t)snprintf(id, sizeof(id), "%u", tx->id) + 1);
}

int xs_op_transaction_end(struct xs_request *rq)
{
    const char *how = xs_one_string(rq);

    if (!how || (strcmp(how, "T") != 0 && strcmp(how, "F") != 0))
        return -EINVAL;
    if (!rq->tx)
        return -ENOENT;
    if (how[0] == 'T')
        return xs_tx_commit(rq->tx);
    xs_tx_abort(rq->tx);
    return 0;
}

/* ---- domains ---- */

static int parse_domid(const char *text, unsigned int *domid)
{
    unsigned long n;

    if (!text || xs_parse_number(text, UINT16_MAX, &n))
        return -EINVAL;
    *domid = (unsigned int)n;
    return 0;
}

/* The frame number comes as a signed decimal from some tools: its bits are what counts. */
static int parse_mfn(const char *text, unsigned long *mfn)
{
    char *end;

    errno = 0;
    *mfn = text[0] == '-' ? (unsigned long)strtol(text, &end, 10) : strtoul(text, &end, 10);
    return errno || end == text || *end ? -EINVAL : 0;
}

int xs_op_introduce(struct xs_request *rq)
{
    const char *v[3];
    unsigned int domid;
    unsigned long mfn, port;

    if (xs_split(rq, v, 3) < 3 || parse_domid(v[0], &domid) || parse_mfn(v[1], &mfn) ||
        xs_parse_number(v[2], INT32_MAX, &port) || port == 0)
        return -EINVAL;
    if (domid == 0 || domid >= DOMID_FIRST_RESERVED)
        return -EINVAL;
    return rq->host ? rq->host->introduce(rq->host, domid, mfn, (unsigned int)port) : -ENOSYS;
}

static int about_guest(const struct xs_request *rq, unsigned int *domid)
{
    if (parse_domid(xs_one_string(rq), domid) || *domid == 0)
        return -EINVAL;
    return rq->host ? 0 : -ENOSYS;
}

int xs_op_release(struct xs_request *rq)
{
    unsigned int domid;
    int rc = about_guest(rq, &domid);

    return rc ? rc : rq->host->release(rq->host, domid);
}

int xs_op_resume(struct xs_request *rq)
{
    unsigned int domid;
    int rc = about_guest(rq, &domid);

    return rc ? rc : rq->host->resume(rq->host, domid);
}

int xs_op_set_target(struct xs_request *rq)
{
    const char *v[2];
    unsigned int domid, target;

    if (xs_split(rq, v, 2) != 2 || parse_domid(v[0], &domid) || parse_domid(v[1], &target))
        return -EINVAL;
    return rq->host ? rq->host->set_target(rq->host, domid, target) : -ENOSYS;
}

int xs_op_get_domain_path(struct xs_request *rq)
{
    char path[32];
    unsigned int domid;

    if (parse_domid(xs_one_string(rq), &domid))
        return -EINVAL;
    return xs_put(rq, path, (size_t)snprintf(path, sizeof(path), "/local/domain/%u", domid) + 1);
}

int xs_op_is_domain_introduced(struct xs_request *rq)
{
    unsigned int domid;
    bool yes;

    if (parse_domid(xs_one_string(rq), &domid))
        return -EINVAL;
    yes = domid == DOMID_SELF || domid == rq->c->who.domid ||
          (rq->host && rq->host->is_introduced(rq->host, domid));
    return xs_put(rq, yes ? "T" : "F", 2);
}

/* ---- the server itself ---- */

#define CONTROL_WORDS 8

int xs_op_control(struct xs_request *rq)
{
    const char *v[CONTROL_WORDS];
    int n = xs_split(rq, v, CONTROL_WORDS), rc;
    char *text = NULL;
    size_t len = 0;
    FILE *answer;

    if (n < 1 || n > CONTROL_WORDS)
        return -EINVAL;
    if (!rq->host)
        return -ENOSYS;
    answer = open_memstream(&text, &len);
    if (!answer)
        return -ENOMEM;
    rc = rq->host->control(rq->host, (unsigned int)n, v, answer);
    if (fclose(answer) && !rc)
        rc = -ENOMEM;
    if (!rc && len)
        rc = xs_put(rq, text, len + 1);
    free(text);
    return rc;
}
