/* SPDX-License-Identifier: MIT */
/*
 * A view is one tree with the number of nodes that each domain owns in it: that of the store (absolute
 * numbers) or of a transaction (differences to the store's). Functions here check no permission and fire
 * no watch. Paths are canonical. A function that fails has left the view's content as it was.
 */
#ifndef XS_STORE_TREE_H
#define XS_STORE_TREE_H

#include <stddef.h>
#include <stdint.h>

#include "xs/store/node.h"

struct xs_count {
    unsigned int domid;
    int nodes;
};

/* Sorted by domid; a domain without an entry has 0. */
struct xs_counts {
    struct xs_count *v;
    size_t nr;
    size_t cap;
};

struct xs_view {
    struct xs_node *root;
    struct xs_counts counts;
    uint64_t *clock; /* the store's: source of stamps */
    uint64_t churn;  /* bytes of shared nodes that it has let go of: others may still hold them */
};

int xs_counts_get(const struct xs_counts *c, unsigned int domid);

/* Makes an entry, so that xs_counts_add() for that domain cannot fail: 0 or -ENOMEM. */
int xs_counts_reserve(struct xs_counts *c, unsigned int domid);
void xs_counts_add(struct xs_counts *c, unsigned int domid, int nodes);
void xs_counts_free(struct xs_counts *c);

/* The node at a path, or NULL; valid until the tree changes. */
struct xs_node *xs_tree_find(const struct xs_node *root, const char *path);

/* The node at a path, or else its nearest ancestor that exists; *len is the length of its path. */
struct xs_node *xs_tree_nearest(const struct xs_node *root, const char *path, size_t *len);

/* Calls visit(node, arg) for a node and all below it, parents first, until it returns other than 0. */
int xs_tree_walk(const struct xs_node *n, int (*visit)(const struct xs_node *n, void *arg), void *arg);

/* The node must exist. Own references are taken. 0 or -ENOMEM. */
int xs_view_set_value(struct xs_view *v, const char *path, struct xs_value *value);
int xs_view_set_perms(struct xs_view *v, const char *path, struct xs_perms *perms);

/* The parent must exist, the node must not. `born` 0 means now. 0 or -ENOMEM. */
int xs_view_create(struct xs_view *v, const char *path, struct xs_perms *perms, struct xs_value *value,
                   uint64_t born);

/*
 * Takes a node and all below it out; not for "/". The node must exist. *removed gets the reference, for the
 * caller to drop. 0 or -ENOMEM.
 */
int xs_view_remove(struct xs_view *v, const char *path, struct xs_node **removed);

/* Replaces v's tree by `from`'s, which counts differences to v: 0 or -ENOMEM. `from` is empty afterwards. */
int xs_view_adopt(struct xs_view *v, struct xs_view *from);

void xs_view_free(struct xs_view *v);

#endif
