/* SPDX-License-Identifier: MIT */
/* What clients may do with nodes: permission checks, quotas, the change itself, then the watches. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "xs/store/path.h"
#include "xs/store/tx.h"
#include "xs/store/watch.h"

static struct xs_view *view_of(struct xs_client *c, struct xs_tx *tx)
{
    return tx ? &tx->work : &c->store->main;
}

/* Whom to hold responsible for events: privileged clients are trusted to stop by themselves. */
static struct xs_client *cause_of(struct xs_client *c)
{
    return c->who.privileged ? NULL : c;
}

/*
 * What an unprivileged client is told of an absent node depends on its nearest ancestor: the permissions
 * there, and that nothing has come to stand between.
 */
static int note_ancestor(struct xs_tx *tx, const char *path, size_t have)
{
    const char *at = path + (have > 1 ? have : 0);
    size_t name_len;
    int rc = xs_tx_note(tx, path, have, XS_TX_NODE);

    xs_path_next(&at, &name_len);
    return rc ? rc : xs_tx_note(tx, path, (size_t)(at - path), XS_TX_NODE);
}

/*
 * Finds a node on which the client has all of `need`. Whether a node that it may not use exists is told only
 * to a client that has the same rights on the nearest ancestor: -ENOENT or -EACCES; all others get -EACCES.
 */
static int find_node(struct xs_client *c, struct xs_tx *tx, const char *path, unsigned int need,
                     struct xs_node **node)
{
    const struct xs_node *root = view_of(c, tx)->root;
    struct xs_node *n;
    size_t len = strlen(path);
    int rc = xs_tx_note(tx, path, len, XS_TX_NODE);

    if (rc)
        return rc;
    n = xs_tree_nearest(root, path, &len);
    if (path[len] == '\0') {
        *node = n;
        return (xs_perms_access(n->perms, &c->who) & need) == need ? 0 : -EACCES;
    }
    *node = NULL;
    rc = c->who.privileged ? 0 : note_ancestor(tx, path, len);
    if (rc)
        return rc;
    return xs_perms_access(n->perms, &c->who) & need ? -ENOENT : -EACCES;
}

int xs_store_read(struct xs_client *c, struct xs_tx *tx, const char *path, const struct xs_node **node)
{
    struct xs_node *n = NULL;
    int rc = find_node(c, tx, path, XS_PERM_READ, &n);

    *node = n;
    return rc;
}

int xs_store_list(struct xs_client *c, struct xs_tx *tx, const char *path, const struct xs_node **node)
{
    int rc = xs_store_read(c, tx, path, node);

    return rc ? rc : xs_tx_note(tx, path, strlen(path), XS_TX_LIST);
}

/* ---- creating ---- */

static int check_node_quota(struct xs_client *c, const struct xs_tx *tx, int more)
{
    int have = xs_counts_get(&c->store->main.counts, c->who.domid);

    if (tx)
        have += xs_counts_get(&tx->work.counts, c->who.domid);
    return xs_over_quota(c, XS_QUOTA_NODES, (size_t)(have + more)) ? -ENOSPC : 0;
}

/* What is needed to create a node together with its missing ancestors. */
struct creation {
    struct xs_view *view;
    struct xs_tx *tx;
    struct xs_perms *perms;
    struct xs_value *empty;
    struct xs_value *value;
    const char *path;
};

static int note_creation(const struct creation *cr, const char *path, bool last)
{
    return xs_tx_note(cr->tx, path, strlen(path), XS_TX_NODE | XS_TX_CHANGED | (last ? XS_TX_FIRE : 0));
}

static int do_creation(const struct creation *cr, const char *path, bool last)
{
    return xs_view_create(cr->view, path, cr->perms, last ? cr->value : cr->empty, 0);
}

/* Calls fn for the path of each node that is missing below path[0..have). */
static int each_missing(const struct creation *cr, size_t have,
                        int (*fn)(const struct creation *cr, const char *path, bool last))
{
    char buf[XS_PATH_BUF];
    size_t len = strlen(cr->path), name_len;
    const char *at = buf + (have > 1 ? have : 0);
    int rc = 0;

    memcpy(buf, cr->path, len + 1);
    while (rc == 0 && xs_path_next(&at, &name_len)) {
        size_t end = (size_t)(at - buf);

        buf[end] = '\0';
        rc = fn(cr, buf, end == len);
        buf[end] = cr->path[end];
    }
    return rc;
}

/* Takes back the nodes that were created before one failed. Their parent is not shared: nothing is allocated.
 */
static void undo_creation(const struct creation *cr, size_t have)
{
    char first[XS_PATH_BUF];
    const char *at = cr->path + (have > 1 ? have : 0);
    struct xs_node *removed;
    size_t len;

    xs_path_next(&at, &len);
    memcpy(first, cr->path, (size_t)(at - cr->path));
    first[at - cr->path] = '\0';
    if (xs_tree_find(cr->view->root, first) && xs_view_remove(cr->view, first, &removed) == 0)
        xs_node_unref(removed);
}

static int count_missing(const char *path, size_t have)
{
    const char *at = path + (have > 1 ? have : 0);
    size_t len;
    int n = 0;

    while (xs_path_next(&at, &len))
        n++;
    return n;
}

/* Creates a node and its missing ancestors. The client may: find_node() has said -ENOENT. */
static int create_node(struct xs_client *c, struct xs_tx *tx, const char *path, const void *data, size_t len)
{
    struct creation cr = {.view = view_of(c, tx), .tx = tx, .path = path};
    size_t have;
    struct xs_node *above = xs_tree_nearest(cr.view->root, path, &have);
    int rc = check_node_quota(c, tx, count_missing(path, have));

    if (!rc)
        rc = xs_tx_note(tx, path, have, XS_TX_NODE);
    if (!rc)
        rc = each_missing(&cr, have, note_creation);
    if (rc)
        return rc;
    cr.perms = xs_perms_inherit(above->perms, &c->who);
    cr.empty = xs_value_new(NULL, 0);
    cr.value = xs_value_new(data, len);
    rc = cr.perms && cr.empty && cr.value ? each_missing(&cr, have, do_creation) : -ENOMEM;
    if (rc)
        undo_creation(&cr, have);
    else if (!tx)
        xs_watch_fire(c->store, cause_of(c), path, NULL, NULL);
    xs_perms_unref(cr.perms);
    xs_value_unref(cr.empty);
    xs_value_unref(cr.value);
    return rc;
}

/* ---- changing ---- */

static int set_value(struct xs_client *c, struct xs_tx *tx, const char *path, const void *data, size_t len)
{
    struct xs_value *v;
    int rc = xs_tx_note(tx, path, strlen(path), XS_TX_NODE | XS_TX_CHANGED | XS_TX_FIRE);

    if (rc)
        return rc;
    v = xs_value_new(data, len);
    if (!v)
        return -ENOMEM;
    rc = xs_view_set_value(view_of(c, tx), path, v);
    xs_value_unref(v);
    if (!rc && !tx)
        xs_watch_fire(c->store, cause_of(c), path, NULL, NULL);
    return rc;
}

int xs_store_write(struct xs_client *c, struct xs_tx *tx, const char *path, const void *data, size_t len)
{
    struct xs_node *n;
    int rc;

    if (xs_over_quota(c, XS_QUOTA_ENTRY_SIZE, len))
        return -ENOSPC;
    rc = find_node(c, tx, path, XS_PERM_WRITE, &n);
    if (rc == -ENOENT)
        return create_node(c, tx, path, data, len);
    return rc ? rc : set_value(c, tx, path, data, len);
}

int xs_store_mkdir(struct xs_client *c, struct xs_tx *tx, const char *path)
{
    struct xs_node *n;
    int rc = find_node(c, tx, path, XS_PERM_WRITE, &n);

    return rc == -ENOENT ? create_node(c, tx, path, NULL, 0) : rc;
}

/* Removing what is not there: fine if its parent is. */
static int rm_absent(struct xs_client *c, struct xs_tx *tx, const char *path)
{
    size_t parent_len = xs_path_parent_len(path), have;
    int rc = xs_tx_note(tx, path, parent_len, XS_TX_NODE);

    xs_tree_nearest(view_of(c, tx)->root, path, &have);
    if (!rc && have < parent_len)
        rc = -ENOENT;
    return rc;
}

int xs_store_rm(struct xs_client *c, struct xs_tx *tx, const char *path)
{
    struct xs_node *n, *removed;
    int rc = find_node(c, tx, path, XS_PERM_WRITE, &n);

    if (rc == -ENOENT)
        return rm_absent(c, tx, path);
    if (rc)
        return rc;
    if (path[1] == '\0')
        return -EINVAL;
    rc = xs_tx_note(tx, path, strlen(path), XS_TX_SUBTREE | XS_TX_CHANGED | XS_TX_REMOVED | XS_TX_FIRE);
    if (!rc)
        rc = xs_view_remove(view_of(c, tx), path, &removed);
    if (rc)
        return rc;
    if (!tx)
        xs_watch_fire(c->store, cause_of(c), path, NULL, removed);
    xs_node_unref(removed);
    return 0;
}

/* ---- permissions ---- */

static struct xs_perms **special_perms(struct xs_store *s, const char *path)
{
    if (strcmp(path, "@introduceDomain") == 0)
        return &s->special[XS_INTRODUCE_DOMAIN];
    if (strcmp(path, "@releaseDomain") == 0)
        return &s->special[XS_RELEASE_DOMAIN];
    return NULL;
}

int xs_store_get_perms(struct xs_client *c, struct xs_tx *tx, const char *path, const struct xs_perms **perms)
{
    struct xs_node *n;
    int rc;

    if (xs_path_is_special(path)) {
        struct xs_perms **p = special_perms(c->store, path);

        if (!p)
            return -ENOENT;
        *perms = *p;
        return xs_perms_access(*p, &c->who) & XS_PERM_READ ? 0 : -EACCES;
    }
    rc = find_node(c, tx, path, XS_PERM_READ, &n);
    if (!rc)
        *perms = n->perms;
    return rc;
}

static int check_new_perms(struct xs_client *c, const struct xs_perms *old, const struct xs_perms *perms)
{
    if ((xs_perms_access(old, &c->who) & (XS_PERM_WRITE | XS_PERM_OWNER)) != (XS_PERM_WRITE | XS_PERM_OWNER))
        return -EACCES;
    if (!c->who.privileged && xs_perms_owner(old) != xs_perms_owner(perms))
        return -EPERM;
    return 0;
}

static int set_special_perms(struct xs_client *c, const char *path, struct xs_perms *perms)
{
    struct xs_perms **p = special_perms(c->store, path);
    int rc = p ? check_new_perms(c, *p, perms) : -ENOENT;

    if (rc)
        return rc;
    xs_perms_unref(*p);
    *p = xs_perms_ref(perms);
    return 0;
}

int xs_store_set_perms(struct xs_client *c, struct xs_tx *tx, const char *path, struct xs_perms *perms)
{
    struct xs_perms *old;
    struct xs_node *n;
    int rc;

    if (xs_over_quota(c, XS_QUOTA_PERMS, perms->nr))
        return -ENOSPC;
    if (xs_path_is_special(path))
        return set_special_perms(c, path, perms);
    rc = find_node(c, tx, path, XS_PERM_WRITE | XS_PERM_OWNER, &n);
    if (!rc)
        rc = check_new_perms(c, n->perms, perms);
    if (!rc)
        rc = xs_tx_note(tx, path, strlen(path), XS_TX_CHANGED | XS_TX_FIRE);
    if (rc)
        return rc;
    old = xs_perms_ref(n->perms);
    rc = xs_view_set_perms(view_of(c, tx), path, perms);
    if (!rc && !tx)
        xs_watch_fire(c->store, cause_of(c), path, old, NULL);
    xs_perms_unref(old);
    return rc;
}

/* ---- listing ---- */

static int by_birth(const void *a, const void *b)
{
    const struct xs_node *const *x = a, *const *y = b;

    return (*x)->born < (*y)->born ? -1 : 1;
}

int xs_store_names(const struct xs_node *n, char **names, size_t *len)
{
    struct xs_node **sorted = malloc((n->nr_children + 1) * sizeof(struct xs_node *));
    size_t size = 0;
    char *out;

    for (unsigned int i = 0; sorted && i < n->nr_children; i++) {
        sorted[i] = n->children[i];
        size += strlen(sorted[i]->name) + 1;
    }
    out = sorted ? malloc(size + 1) : NULL;
    if (!out) {
        free(sorted);
        return -ENOMEM;
    }
    qsort(sorted, n->nr_children, sizeof(struct xs_node *), by_birth);
    *names = out;
    *len = size;
    for (unsigned int i = 0; i < n->nr_children; i++)
        out = stpcpy(out, sorted[i]->name) + 1;
    free(sorted);
    return 0;
}
