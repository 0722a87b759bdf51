/* SPDX-License-Identifier: MIT */
/*
 * Transactions.
 *
 * A transaction starts with a reference to the store's root: `base` stays what the store was then, `work`
 * begins as the same tree and takes the changes. Starting costs nothing; only paths that somebody changes are
 * copied.
 *
 * Each request in the transaction notes which paths it relied on, and how far:
 *
 *   READ, GET_PERMS, WRITE, SET_PERMS of /a  NODE of /a
 *   DIRECTORY /a                             NODE and LIST of /a
 *   creating /a/b where /a exists            NODE of /a/b, and of /a, whose permissions pass on
 *   RM /a                                    NODE and SUBTREE of /a
 *   RM /a/b which does not exist             NODE of /a/b and of /a
 *   anything of /a/b/c by a guest, where     NODE of /a/b/c, and of /a and /a/b: they decide
 *   only /a exists                           between ENOENT and EACCES
 *
 * At the end, nothing noted may differ between `base` and what the store is now: then all requests would
 * give the same answers now, so the transaction can be said to happen wholly at this moment.
 *
 *   T: READ /a     other: WRITE /a      T ends: EAGAIN, /a has another stamp
 *   T: WRITE /a/x  other: WRITE /a/y    T ends: done, /a keeps its stamp and its list was not asked for
 *   T: LIST /a     other: WRITE /a/y    T ends: EAGAIN, another list stamp
 *   T: RM /a       other: WRITE /a/b/c  T ends: EAGAIN, another node pointer: something below has changed
 *   T: READ /a     other: WRITE and RM  T ends: done if /a was absent, it is so again
 *
 * A transaction without changes never conflicts: it happened when it started.
 *
 * If the store's root is still `base`, the result is `work` itself. Otherwise the changed paths are carried
 * over to a copy of the store's tree, parents first, which then replaces it at once: there is no half-done
 * commit.
 *
 * Memory: an open transaction keeps alive what the store has let go of since it started, and no more. So the
 * memory that all of them hold is bounded by what was let go since the oldest one started; guests'
 * transactions expire when that passes a limit, however many guests conspire.
 */
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "xs/store/path.h"
#include "xs/store/tx.h"
#include "xs/store/watch.h"

struct used_path {
    unsigned int flags;
    unsigned int seq; /* order of the first change to be told */
    char path[];
};

static int used_cmp(const void *a, const void *b)
{
    return strcmp(((const struct used_path *)a)->path, ((const struct used_path *)b)->path);
}

int xs_tx_start(struct xs_client *c, struct xs_tx **tx)
{
    struct xs_tx *t;

    if (xs_over_quota(c, XS_QUOTA_TRANSACTIONS, c->nr_txs + 1))
        return -ENOSPC;
    t = calloc(1, sizeof(*t));
    if (!t)
        return -ENOMEM;
    do
        t->id = ++c->next_tx;
    while (t->id == 0 || xs_tx_find(c, t->id));
    t->client = c;
    t->base = xs_node_ref(c->store->main.root);
    t->work.root = xs_node_ref(t->base);
    t->work.clock = &c->store->clock;
    t->churn_start = c->store->main.churn;
    if (!c->who.privileged)
        TAILQ_INSERT_TAIL(&c->store->guests, t, guest_link);
    TAILQ_INSERT_TAIL(&c->txs, t, link);
    c->nr_txs++;
    *tx = t;
    return 0;
}

struct xs_tx *xs_tx_find(struct xs_client *c, uint32_t id)
{
    struct xs_tx *t;

    TAILQ_FOREACH (t, &c->txs, link)
        if (t->id == id)
            break;
    return t;
}

static struct used_path *used_get(struct xs_tx *tx, const char *path, size_t len)
{
    struct used_path *u = malloc(sizeof(*u) + len + 1), **slot;

    if (!u)
        return NULL;
    u->flags = 0;
    memcpy(u->path, path, len);
    u->path[len] = '\0';
    slot = tsearch(u, &tx->paths, used_cmp);
    if (!slot || *slot != u)
        free(u);
    else
        tx->nr_paths++;
    return slot ? *slot : NULL;
}

int xs_tx_note(struct xs_tx *tx, const char *path, size_t len, unsigned int flags)
{
    struct used_path *u;
    unsigned int before;

    if (!tx)
        return 0;
    before = tx->nr_paths;
    u = used_get(tx, path, len);
    if (!u)
        return -ENOMEM;
    tx->client->nr_tx_paths += tx->nr_paths - before;
    if (tx->nr_paths != before &&
        xs_over_quota(tx->client, XS_QUOTA_TRANSACTION_NODES, tx->client->nr_tx_paths)) {
        tdelete(u, &tx->paths, used_cmp);
        free(u);
        tx->nr_paths--;
        tx->client->nr_tx_paths--;
        return -ENOSPC;
    }
    if ((flags & XS_TX_FIRE) && !(u->flags & XS_TX_FIRE))
        u->seq = tx->nr_fire++;
    tx->changed |= (flags & XS_TX_CHANGED) != 0;
    u->flags |= flags;
    return 0;
}

/* Gives back all that it holds. */
static void let_go(struct xs_tx *tx)
{
    struct xs_client *c = tx->client;

    if (tx->expired)
        return;
    if (!c->who.privileged)
        TAILQ_REMOVE(&c->store->guests, tx, guest_link);
    c->nr_tx_paths -= tx->nr_paths;
    tdestroy(tx->paths, free);
    xs_view_free(&tx->work);
    xs_node_unref(tx->base);
    tx->expired = true;
}

void xs_tx_expire(struct xs_store *s)
{
    struct xs_tx *oldest;

    while ((oldest = TAILQ_FIRST(&s->guests)) && s->main.churn - oldest->churn_start > s->tx_hold_limit)
        let_go(oldest);
}

void xs_tx_abort(struct xs_tx *tx)
{
    struct xs_client *c = tx->client;

    let_go(tx);
    TAILQ_REMOVE(&c->txs, tx, link);
    c->nr_txs--;
    free(tx);
}

/* ---- commit ---- */

/* All used paths, sorted so that parents come before what is below them. */
struct used_list {
    struct used_path **v;
    size_t nr;
};

static void collect(const void *nodep, VISIT which, void *arg)
{
    struct used_list *l = arg;

    if (which == postorder || which == leaf)
        l->v[l->nr++] = *(struct used_path *const *)nodep;
}

static bool path_conflicts(const struct used_path *u, const struct xs_node *base, const struct xs_node *now)
{
    const struct xs_node *b = xs_tree_find(base, u->path), *n = xs_tree_find(now, u->path);

    if (b == n)
        return false;
    if (!b || !n || (u->flags & XS_TX_SUBTREE))
        return true;
    return b->stamp != n->stamp || ((u->flags & XS_TX_LIST) && b->list_stamp != n->list_stamp);
}

static int carry_over(struct xs_view *to, const struct xs_view *work, const struct used_path *u)
{
    const struct xs_node *w = xs_tree_find(work->root, u->path), *n = xs_tree_find(to->root, u->path);
    struct xs_node *removed;
    int rc = 0;

    if (n && (!w || (u->flags & XS_TX_REMOVED))) {
        rc = xs_view_remove(to, u->path, &removed);
        if (rc)
            return rc;
        xs_node_unref(removed);
        n = NULL;
    }
    if (!w)
        return 0;
    if (!n)
        return xs_view_create(to, u->path, w->perms, w->value, w->born);
    if (n->value != w->value)
        rc = xs_view_set_value(to, u->path, w->value);
    if (!rc && n->perms != w->perms)
        rc = xs_view_set_perms(to, u->path, w->perms);
    return rc;
}

static int merge(const struct xs_tx *tx, const struct used_list *l, struct xs_view *to)
{
    const struct xs_node *now = tx->client->store->main.root;
    int rc = 0;

    for (size_t i = 0; i < l->nr; i++)
        if (path_conflicts(l->v[i], tx->base, now))
            return -EAGAIN;
    for (size_t i = 0; i < l->nr && rc == 0; i++)
        if (l->v[i]->flags & XS_TX_CHANGED)
            rc = carry_over(to, &tx->work, l->v[i]);
    return rc;
}

static int by_seq(const void *a, const void *b)
{
    const struct used_path *const *x = a, *const *y = b;

    return (*x)->seq < (*y)->seq ? -1 : 1;
}

static void fire_changes(struct xs_tx *tx, struct used_list *l, const struct xs_node *old_root)
{
    struct xs_store *s = tx->client->store;
    struct xs_client *cause = tx->client->who.privileged ? NULL : tx->client;
    size_t changed = 0;

    for (size_t i = 0; i < l->nr; i++)
        if (l->v[i]->flags & XS_TX_FIRE)
            l->v[changed++] = l->v[i];
    qsort(l->v, changed, sizeof(struct used_path *), by_seq);
    for (size_t i = 0; i < changed; i++) {
        const struct used_path *u = l->v[i];
        const struct xs_node *old = xs_tree_find(old_root, u->path);

        if (old || xs_tree_find(s->main.root, u->path))
            xs_watch_fire(s, cause, u->path, old ? old->perms : NULL,
                          (u->flags & XS_TX_REMOVED) ? old : NULL);
    }
}

static bool domain_over_quota(const struct xs_client *c, const struct xs_view *added)
{
    int more = xs_counts_get(&added->counts, c->who.domid);
    int have = xs_counts_get(&c->store->main.counts, c->who.domid);

    return more > 0 && xs_over_quota(c, XS_QUOTA_NODES, (size_t)(have + more));
}

static int commit_changes(struct xs_tx *tx, struct used_list *l)
{
    struct xs_store *s = tx->client->store;
    struct xs_node *old_root = xs_node_ref(s->main.root);
    struct xs_view merged = {.clock = &s->clock}, *result = &tx->work;
    int rc = 0;

    if (old_root != tx->base) {
        merged.root = xs_node_ref(old_root);
        result = &merged;
        rc = merge(tx, l, &merged);
    }
    if (!rc && domain_over_quota(tx->client, result))
        rc = -ENOSPC;
    if (!rc)
        rc = xs_view_adopt(&s->main, result);
    if (!rc)
        fire_changes(tx, l, old_root);
    xs_view_free(&merged);
    xs_node_unref(old_root);
    return rc;
}

int xs_tx_commit(struct xs_tx *tx)
{
    struct used_list l = {0};
    int rc = 0;

    if (tx->expired) {
        rc = -EAGAIN;
    } else if (tx->changed) {
        l.v = malloc(tx->nr_paths * sizeof(struct used_path *));
        if (l.v)
            twalk_r(tx->paths, collect, &l);
        rc = l.v ? commit_changes(tx, &l) : -ENOMEM;
        free(l.v);
    }
    xs_tx_abort(tx);
    return rc;
}
