/* SPDX-License-Identifier: MIT */
/* Beginning and end of the store, its clients and the domains they stand for; quotas; the audit. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "xs/store/path.h"
#include "xs/store/tx.h"
#include "xs/store/watch.h"

static const struct {
    const char *name;
    unsigned int value;
} quotas[XS_QUOTA_NR] = {
    [XS_QUOTA_NODES] = {"nodes", 1000},
    [XS_QUOTA_ENTRY_SIZE] = {"node-size", 2048},
    [XS_QUOTA_WATCHES] = {"watches", 128},
    [XS_QUOTA_TRANSACTIONS] = {"transactions", 10},
    [XS_QUOTA_TRANSACTION_NODES] = {"transaction-nodes", 1024},
    [XS_QUOTA_PERMS] = {"permissions", 5},
    [XS_QUOTA_PATH] = {"path-max", XENSTORE_ABS_PATH_MAX},
    [XS_QUOTA_OUTSTANDING] = {"outstanding", 20},
};

const char *xs_quota_name(enum xs_quota q)
{
    return quotas[q].name;
}

bool xs_over_quota(const struct xs_client *c, enum xs_quota q, size_t value)
{
    unsigned int limit = c->store->quota[q];

    return !c->who.privileged && limit && value > limit;
}

int xs_store_init(struct xs_store *s)
{
    struct xs_perms *closed = xs_perms_new(1);
    struct xs_value *empty = xs_value_new(NULL, 0);
    int rc = -ENOMEM;

    memset(s, 0, sizeof(*s));
    LIST_INIT(&s->clients);
    TAILQ_INIT(&s->guests);
    s->main.clock = &s->clock;
    s->tx_hold_limit = XS_TX_HOLD_LIMIT;
    for (int q = 0; q < XS_QUOTA_NR; q++)
        s->quota[q] = quotas[q].value;
    if (closed && empty && xs_counts_reserve(&s->main.counts, 0) == 0)
        s->main.root = xs_node_new("", 0, closed, empty, ++s->clock);
    if (s->main.root) {
        xs_counts_add(&s->main.counts, 0, 1);
        for (int i = 0; i < XS_SPECIAL_NR; i++)
            s->special[i] = xs_perms_ref(closed);
        rc = 0;
    } else {
        xs_view_free(&s->main);
    }
    xs_perms_unref(closed);
    xs_value_unref(empty);
    return rc;
}

void xs_store_fini(struct xs_store *s)
{
    xs_view_free(&s->main);
    for (int i = 0; i < XS_SPECIAL_NR; i++)
        xs_perms_unref(s->special[i]);
}

void xs_client_init(struct xs_client *c, struct xs_store *s, unsigned int domid, xs_event_fn *event,
                    void *ctx)
{
    *c = (struct xs_client){
        .store = s,
        .who = {.domid = domid, .target = -1, .privileged = domid == 0},
        .event = event,
        .ctx = ctx,
    };
    TAILQ_INIT(&c->watches);
    TAILQ_INIT(&c->txs);
    LIST_INSERT_HEAD(&s->clients, c, link);
}

void xs_client_reset(struct xs_client *c)
{
    struct xs_tx *tx;

    xs_watch_remove_all(c);
    while ((tx = TAILQ_FIRST(&c->txs)))
        xs_tx_abort(tx);
}

void xs_client_fini(struct xs_client *c)
{
    xs_client_reset(c);
    LIST_REMOVE(c, link);
}

/* ---- a domain is gone ---- */

static int replace_perms(struct xs_store *s, const char *path, struct xs_perms *perms)
{
    int rc = perms ? xs_view_set_perms(&s->main, path, perms) : -ENOMEM;

    xs_perms_unref(perms);
    return rc;
}

/*
 * `n` is from a snapshot that the caller holds, so that its child list stays while the store's tree changes;
 * path[0..len) is where it is.
 */
static int forget_below(struct xs_store *s, const struct xs_node *n, unsigned int domid,
                        char path[XS_PATH_BUF], size_t len)
{
    struct xs_perms *left;
    struct xs_node *removed;
    int rc;

    if (len && xs_perms_owner(n->perms) == domid) {
        rc = xs_view_remove(&s->main, path, &removed);
        if (rc)
            return rc;
        xs_watch_fire(s, NULL, path, NULL, removed);
        xs_node_unref(removed);
        return 0;
    }
    left = xs_perms_without(n->perms, domid);
    if (left == n->perms) {
        xs_perms_unref(left);
    } else {
        rc = replace_perms(s, len ? path : "/", left);
        if (rc)
            return rc;
    }
    for (unsigned int i = 0; i < n->nr_children; i++) {
        size_t name_len = strlen(n->children[i]->name);

        path[len] = '/';
        memcpy(path + len + 1, n->children[i]->name, name_len + 1);
        rc = forget_below(s, n->children[i], domid, path, len + 1 + name_len);
        if (rc)
            return rc;
    }
    path[len] = '\0';
    return 0;
}

/* A list that the domain itself owns is closed again: a new list is {0, none}. */
static int forget_in_perms(struct xs_perms **p, unsigned int domid)
{
    struct xs_perms *left = xs_perms_owner(*p) == domid ? xs_perms_new(1) : xs_perms_without(*p, domid);

    if (!left)
        return -ENOMEM;
    xs_perms_unref(*p);
    *p = left;
    return 0;
}

int xs_store_forget_domain(struct xs_store *s, unsigned int domid)
{
    struct xs_node *snapshot;
    char path[XS_PATH_BUF] = "";
    struct xs_client *c;
    int rc = 0;

    if (domid == 0)
        return 0;
    LIST_FOREACH (c, &s->clients, link)
        if (c->who.target == (int)domid)
            c->who.target = -1;
    for (int i = 0; i < XS_SPECIAL_NR && rc == 0; i++)
        rc = forget_in_perms(&s->special[i], domid);
    if (!rc && xs_perms_owner(s->main.root->perms) == domid)
        rc = replace_perms(s, "/", xs_perms_new(1));
    if (rc)
        return rc;
    snapshot = xs_node_ref(s->main.root);
    rc = forget_below(s, snapshot, domid, path, 0);
    xs_node_unref(snapshot);
    return rc;
}

/* ---- audit ---- */

struct audit {
    FILE *out;
    struct xs_counts counts;
    unsigned int flaws;
};

static void flaw(struct audit *a, const struct xs_node *n, const char *what)
{
    fprintf(a->out, "node \"%s\": %s\n", n->name, what);
    a->flaws++;
}

static int audit_node(const struct xs_node *n, void *arg)
{
    struct audit *a = arg;

    if (n->refs == 0 || n->value->refs == 0 || n->perms->refs == 0)
        flaw(a, n, "is used without a reference");
    if (n->perms->nr == 0) {
        flaw(a, n, "has no owner");
        return 0;
    }
    if (xs_counts_reserve(&a->counts, xs_perms_owner(n->perms)))
        return -ENOMEM;
    xs_counts_add(&a->counts, xs_perms_owner(n->perms), 1);
    for (unsigned int i = 1; i < n->nr_children; i++)
        if (strcmp(n->children[i - 1]->name, n->children[i]->name) >= 0)
            flaw(a, n, "has children out of order");
    return 0;
}

unsigned int xs_store_check(const struct xs_store *s, FILE *out)
{
    const struct xs_counts *kept = &s->main.counts;
    struct audit a = {.out = out};

    if (xs_tree_walk(s->main.root, audit_node, &a)) {
        fprintf(out, "out of memory, check not finished\n");
        a.flaws++;
    } else {
        for (size_t i = 0; i < kept->nr; i++) {
            int real = xs_counts_get(&a.counts, kept->v[i].domid);

            if (real != kept->v[i].nodes) {
                fprintf(out, "domain %u: owns %d nodes, %d are accounted\n", kept->v[i].domid, real,
                        kept->v[i].nodes);
                a.flaws++;
            }
        }
        for (size_t i = 0; i < a.counts.nr; i++)
            if (xs_counts_get(kept, a.counts.v[i].domid) == 0) {
                fprintf(out, "domain %u: owns nodes, none are accounted\n", a.counts.v[i].domid);
                a.flaws++;
            }
    }
    xs_counts_free(&a.counts);
    return a.flaws;
}
