/* SPDX-License-Identifier: MIT */
/* Reference counts and child lists of nodes. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "xs/store/node.h"

struct xs_value *xs_value_new(const void *data, size_t len)
{
    struct xs_value *v = malloc(sizeof(*v) + len);

    if (!v)
        return NULL;
    v->refs = 1;
    v->len = len;
    if (len)
        memcpy(v->data, data, len);
    return v;
}

struct xs_value *xs_value_ref(struct xs_value *v)
{
    v->refs++;
    return v;
}

void xs_value_unref(struct xs_value *v)
{
    if (v && --v->refs == 0)
        free(v);
}

static struct xs_node *node_alloc(const char *name, size_t len)
{
    struct xs_node *n = calloc(1, sizeof(*n) + len + 1);

    if (!n)
        return NULL;
    n->refs = 1;
    memcpy(n->name, name, len);
    return n;
}

struct xs_node *xs_node_new(const char *name, size_t len, struct xs_perms *perms, struct xs_value *value,
                            uint64_t now)
{
    struct xs_node *n = node_alloc(name, len);

    if (!n)
        return NULL;
    n->born = n->stamp = n->list_stamp = now;
    n->perms = xs_perms_ref(perms);
    n->value = xs_value_ref(value);
    return n;
}

struct xs_node *xs_node_copy(const struct xs_node *n)
{
    struct xs_node *c = node_alloc(n->name, strlen(n->name));

    if (!c)
        return NULL;
    if (n->nr_children) {
        c->children = malloc(n->nr_children * sizeof(struct xs_node *));
        if (!c->children) {
            free(c);
            return NULL;
        }
    }
    for (unsigned int i = 0; i < n->nr_children; i++)
        c->children[i] = xs_node_ref(n->children[i]);
    c->nr_children = c->cap_children = n->nr_children;
    c->born = n->born;
    c->stamp = n->stamp;
    c->list_stamp = n->list_stamp;
    c->perms = xs_perms_ref(n->perms);
    c->value = xs_value_ref(n->value);
    return c;
}

struct xs_node *xs_node_ref(struct xs_node *n)
{
    n->refs++;
    return n;
}

/* The depth of recursion is that of the tree: a path holds at most 1536 names. */
void xs_node_unref(struct xs_node *n)
{
    if (!n || --n->refs)
        return;
    for (unsigned int i = 0; i < n->nr_children; i++)
        xs_node_unref(n->children[i]);
    free(n->children);
    xs_perms_unref(n->perms);
    xs_value_unref(n->value);
    free(n);
}

static int name_cmp(const char *name, size_t len, const char *other)
{
    int r = strncmp(name, other, len);

    if (r == 0 && other[len] != '\0')
        r = -1;
    return r;
}

/* Index of the first child whose name is not below `name`. */
static unsigned int child_index(const struct xs_node *n, const char *name, size_t len)
{
    unsigned int lo = 0, hi = n->nr_children;

    while (lo < hi) {
        unsigned int mid = lo + (hi - lo) / 2;

        if (name_cmp(name, len, n->children[mid]->name) > 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

struct xs_node **xs_node_child(const struct xs_node *n, const char *name, size_t len)
{
    unsigned int i = child_index(n, name, len);

    if (i < n->nr_children && name_cmp(name, len, n->children[i]->name) == 0)
        return &n->children[i];
    return NULL;
}

int xs_node_reserve(struct xs_node *n)
{
    unsigned int cap = n->cap_children ? n->cap_children + n->cap_children / 2 + 1 : 4;
    struct xs_node **grown;

    if (n->nr_children < n->cap_children)
        return 0;
    grown = realloc(n->children, cap * sizeof(struct xs_node *));
    if (!grown)
        return -ENOMEM;
    n->children = grown;
    n->cap_children = cap;
    return 0;
}

void xs_node_link(struct xs_node *n, struct xs_node *child)
{
    unsigned int i = child_index(n, child->name, strlen(child->name));

    memmove(&n->children[i + 1], &n->children[i], (n->nr_children - i) * sizeof(struct xs_node *));
    n->children[i] = child;
    n->nr_children++;
}

struct xs_node *xs_node_unlink(struct xs_node *n, struct xs_node **slot)
{
    struct xs_node *child = *slot;
    size_t i = (size_t)(slot - n->children);

    n->nr_children--;
    memmove(&n->children[i], &n->children[i + 1], (n->nr_children - i) * sizeof(struct xs_node *));
    return child;
}
