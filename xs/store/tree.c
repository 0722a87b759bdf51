/* SPDX-License-Identifier: MIT */
/* Lookup in trees, and changes by copying the path from the root. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "xs/store/path.h"
#include "xs/store/tree.h"

/* ---- numbers of nodes ---- */

static size_t counts_index(const struct xs_counts *c, unsigned int domid)
{
    size_t lo = 0, hi = c->nr;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;

        if (c->v[mid].domid < domid)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

int xs_counts_get(const struct xs_counts *c, unsigned int domid)
{
    size_t i = counts_index(c, domid);

    return i < c->nr && c->v[i].domid == domid ? c->v[i].nodes : 0;
}

int xs_counts_reserve(struct xs_counts *c, unsigned int domid)
{
    size_t i = counts_index(c, domid);

    if (i < c->nr && c->v[i].domid == domid)
        return 0;
    if (c->nr == c->cap) {
        size_t cap = c->cap ? c->cap * 2 : 8;
        struct xs_count *grown = realloc(c->v, cap * sizeof(*grown));

        if (!grown)
            return -ENOMEM;
        c->v = grown;
        c->cap = cap;
    }
    memmove(&c->v[i + 1], &c->v[i], (c->nr - i) * sizeof(c->v[0]));
    c->v[i] = (struct xs_count){.domid = domid};
    c->nr++;
    return 0;
}

void xs_counts_add(struct xs_counts *c, unsigned int domid, int nodes)
{
    c->v[counts_index(c, domid)].nodes += nodes;
}

void xs_counts_free(struct xs_counts *c)
{
    free(c->v);
    *c = (struct xs_counts){0};
}

/* ---- lookup ---- */

struct xs_node *xs_tree_nearest(const struct xs_node *root, const char *path, size_t *len)
{
    const struct xs_node *n = root;
    const char *at = path, *name;
    size_t name_len;

    *len = 1;
    while ((name = xs_path_next(&at, &name_len))) {
        struct xs_node **slot = xs_node_child(n, name, name_len);

        if (!slot)
            break;
        n = *slot;
        *len = (size_t)(at - path);
    }
    return (struct xs_node *)(uintptr_t)n;
}

struct xs_node *xs_tree_find(const struct xs_node *root, const char *path)
{
    size_t len;
    struct xs_node *n = xs_tree_nearest(root, path, &len);

    return path[len] == '\0' ? n : NULL;
}

int xs_tree_walk(const struct xs_node *n, int (*visit)(const struct xs_node *n, void *arg), void *arg)
{
    int rc = visit(n, arg);

    for (unsigned int i = 0; rc == 0 && i < n->nr_children; i++)
        rc = xs_tree_walk(n->children[i], visit, arg);
    return rc;
}

/* ---- changes ---- */

static size_t node_bytes(const struct xs_node *n)
{
    return sizeof(*n) + strlen(n->name) + n->cap_children * sizeof(struct xs_node *) + n->value->len;
}

static struct xs_node *own_slot(struct xs_view *v, struct xs_node **slot)
{
    struct xs_node *copy;

    if ((*slot)->refs == 1)
        return *slot;
    copy = xs_node_copy(*slot);
    if (!copy)
        return NULL;
    v->churn += node_bytes(*slot);
    xs_node_unref(*slot);
    *slot = copy;
    return copy;
}

/*
 * Makes the existing node at path[0..len) reachable from this view alone, so that it may be changed in place:
 * every shared node from the root down to it is replaced by a copy. NULL when memory is short; what was
 * copied until then has the same content.
 */
static struct xs_node *view_own(struct xs_view *v, const char *path, size_t len)
{
    struct xs_node *n = own_slot(v, &v->root);
    const char *at = path, *name;
    size_t name_len;

    /* A length of 1 is that of "/". */
    while (n && len > 1 && (size_t)(at - path) < len && (name = xs_path_next(&at, &name_len)))
        n = own_slot(v, xs_node_child(n, name, name_len));
    return n;
}

int xs_view_set_value(struct xs_view *v, const char *path, struct xs_value *value)
{
    struct xs_node *n = view_own(v, path, strlen(path));

    if (!n)
        return -ENOMEM;
    xs_value_ref(value);
    xs_value_unref(n->value);
    n->value = value;
    n->stamp = ++*v->clock;
    return 0;
}

int xs_view_set_perms(struct xs_view *v, const char *path, struct xs_perms *perms)
{
    struct xs_node *n = view_own(v, path, strlen(path));
    int rc;

    if (!n)
        return -ENOMEM;
    rc = xs_counts_reserve(&v->counts, xs_perms_owner(perms));
    if (!rc)
        rc = xs_counts_reserve(&v->counts, xs_perms_owner(n->perms));
    if (rc)
        return rc;
    xs_counts_add(&v->counts, xs_perms_owner(n->perms), -1);
    xs_counts_add(&v->counts, xs_perms_owner(perms), 1);
    xs_perms_ref(perms);
    xs_perms_unref(n->perms);
    n->perms = perms;
    n->stamp = ++*v->clock;
    return 0;
}

int xs_view_create(struct xs_view *v, const char *path, struct xs_perms *perms, struct xs_value *value,
                   uint64_t born)
{
    struct xs_node *parent = view_own(v, path, xs_path_parent_len(path)), *n;
    const char *name = strrchr(path, '/') + 1;

    if (!parent || xs_node_reserve(parent) || xs_counts_reserve(&v->counts, xs_perms_owner(perms)))
        return -ENOMEM;
    n = xs_node_new(name, strlen(name), perms, value, ++*v->clock);
    if (!n)
        return -ENOMEM;
    if (born)
        n->born = born;
    xs_node_link(parent, n);
    parent->list_stamp = ++*v->clock;
    xs_counts_add(&v->counts, xs_perms_owner(perms), 1);
    return 0;
}

static int reserve_owner(const struct xs_node *n, void *counts)
{
    return xs_counts_reserve(counts, xs_perms_owner(n->perms));
}

static int let_go(const struct xs_node *n, void *view)
{
    struct xs_view *v = view;

    xs_counts_add(&v->counts, xs_perms_owner(n->perms), -1);
    v->churn += node_bytes(n);
    return 0;
}

int xs_view_remove(struct xs_view *v, const char *path, struct xs_node **removed)
{
    struct xs_node *parent = view_own(v, path, xs_path_parent_len(path)), **slot;
    const char *name = strrchr(path, '/') + 1;

    if (!parent)
        return -ENOMEM;
    slot = xs_node_child(parent, name, strlen(name));
    if (xs_tree_walk(*slot, reserve_owner, &v->counts))
        return -ENOMEM;
    xs_tree_walk(*slot, let_go, v);
    *removed = xs_node_unlink(parent, slot);
    parent->list_stamp = ++*v->clock;
    return 0;
}

int xs_view_adopt(struct xs_view *v, struct xs_view *from)
{
    for (size_t i = 0; i < from->counts.nr; i++)
        if (xs_counts_reserve(&v->counts, from->counts.v[i].domid))
            return -ENOMEM;
    for (size_t i = 0; i < from->counts.nr; i++)
        xs_counts_add(&v->counts, from->counts.v[i].domid, from->counts.v[i].nodes);
    xs_node_unref(v->root);
    v->root = from->root;
    v->churn += from->churn;
    from->root = NULL;
    xs_view_free(from);
    return 0;
}

void xs_view_free(struct xs_view *v)
{
    xs_node_unref(v->root);
    v->root = NULL;
    xs_counts_free(&v->counts);
}
