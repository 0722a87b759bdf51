/* SPDX-License-Identifier: MIT */
/*
 * Nodes of the copy-on-write tree.
 *
 * Nodes, values and permission lists are counted references. A node may be part of several trees at once
 * (that of the store and those of transactions); it is changed in place only when one tree alone can reach
 * it, see xs_tree_own(). So keeping a reference to a root keeps a whole tree as it was, and two equal node
 * pointers mean equal subtrees.
 */
#ifndef XS_STORE_NODE_H
#define XS_STORE_NODE_H

#include <stddef.h>
#include <stdint.h>

#include "xs/store/perms.h"

struct xs_value {
    unsigned int refs;
    size_t len;
    unsigned char data[];
};

struct xs_node {
    unsigned int refs;
    unsigned int nr_children;
    unsigned int cap_children;
    uint64_t born;             /* when it was created: listings are in this order */
    uint64_t stamp;            /* new with each change of value or permissions */
    uint64_t list_stamp;       /* new with each child that comes or goes */
    struct xs_value *value;    /* never NULL */
    struct xs_perms *perms;    /* never NULL, at least the owner's entry */
    struct xs_node **children; /* sorted by name */
    char name[];               /* "" for a root */
};

/* A value with one reference; NULL when memory is short. */
struct xs_value *xs_value_new(const void *data, size_t len);
struct xs_value *xs_value_ref(struct xs_value *v);
void xs_value_unref(struct xs_value *v);

/* A node without children, one reference; takes its own references to perms and value. */
struct xs_node *xs_node_new(const char *name, size_t len, struct xs_perms *perms, struct xs_value *value,
                            uint64_t now);

/* Another node with the same content and the same children (referenced once more each). */
struct xs_node *xs_node_copy(const struct xs_node *n);

struct xs_node *xs_node_ref(struct xs_node *n);
void xs_node_unref(struct xs_node *n);

/* The child's slot, or NULL. */
struct xs_node **xs_node_child(const struct xs_node *n, const char *name, size_t len);

/* Makes room for one child more: 0 or -ENOMEM. After it, xs_node_link() cannot fail. */
int xs_node_reserve(struct xs_node *n);

/* Adds a child whose name is not there yet; its reference passes to the parent. */
void xs_node_link(struct xs_node *n, struct xs_node *child);

/* Takes the child at `slot` out; its reference passes to the caller. */
struct xs_node *xs_node_unlink(struct xs_node *n, struct xs_node **slot);

#endif
