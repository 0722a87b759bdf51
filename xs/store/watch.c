/* SPDX-License-Identifier: MIT */
/*
 * Watches are kept by path: a watch point is a path with at least one watch, all points are in a balanced
 * tree. A change looks up the points of its path and of each ancestor, a removal also those of what was
 * below; so its price depends on the depth of the path, not on how many watches there are.
 */
#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "xs/store/path.h"
#include "xs/store/watch.h"

struct point {
    struct xs_watch_list watches;
    char path[];
};

struct xs_watch {
    TAILQ_ENTRY(xs_watch) of_client;
    TAILQ_ENTRY(xs_watch) of_point;
    struct xs_client *client;
    struct point *point;
    int depth;
    size_t rel_off;
    char token[];
};

static const char *const special_names[XS_SPECIAL_NR] = {
    [XS_INTRODUCE_DOMAIN] = "@introduceDomain",
    [XS_RELEASE_DOMAIN] = "@releaseDomain",
};

static int point_cmp(const void *a, const void *b)
{
    return strcmp(((const struct point *)a)->path, ((const struct point *)b)->path);
}

/* A key for lookups: the path behind an unused list head. */
union point_key {
    struct point p;
    char space[sizeof(struct point) + XS_PATH_BUF];
};

static struct point *point_find(struct xs_store *s, const char *path, size_t len)
{
    union point_key key;
    void *slot;

    if (!s->watch_points)
        return NULL;
    memcpy(key.space + offsetof(struct point, path), path, len);
    key.space[offsetof(struct point, path) + len] = '\0';
    slot = tfind(&key, &s->watch_points, point_cmp);
    return slot ? *(struct point **)slot : NULL;
}

static struct point *point_get(struct xs_store *s, const char *path)
{
    size_t len = strlen(path);
    struct point *p = point_find(s, path, len);

    if (p)
        return p;
    p = malloc(sizeof(*p) + len + 1);
    if (!p)
        return NULL;
    TAILQ_INIT(&p->watches);
    memcpy(p->path, path, len + 1);
    if (!tsearch(p, &s->watch_points, point_cmp)) {
        free(p);
        return NULL;
    }
    return p;
}

static void point_put(struct xs_store *s, struct point *p)
{
    if (!TAILQ_EMPTY(&p->watches))
        return;
    tdelete(p, &s->watch_points, point_cmp);
    free(p);
}

static struct xs_watch *watch_find(struct xs_client *c, const char *path, const char *token)
{
    struct point *p = point_find(c->store, path, strlen(path));
    struct xs_watch *w = NULL;

    if (p)
        TAILQ_FOREACH (w, &p->watches, of_point)
            if (w->client == c && strcmp(w->token, token) == 0)
                break;
    return w;
}

int xs_watch_add(struct xs_client *c, const char *path, const char *token, int depth, size_t rel_off,
                 struct xs_watch **watch)
{
    size_t token_len = strlen(token);
    struct xs_watch *w;

    if (watch_find(c, path, token))
        return -EEXIST;
    if (xs_over_quota(c, XS_QUOTA_WATCHES, c->nr_watches + 1))
        return -ENOSPC;
    w = malloc(sizeof(*w) + token_len + 1);
    if (!w)
        return -ENOMEM;
    w->point = point_get(c->store, path);
    if (!w->point) {
        free(w);
        return -ENOMEM;
    }
    w->client = c;
    w->depth = depth;
    w->rel_off = rel_off;
    memcpy(w->token, token, token_len + 1);
    TAILQ_INSERT_TAIL(&w->point->watches, w, of_point);
    TAILQ_INSERT_TAIL(&c->watches, w, of_client);
    c->nr_watches++;
    c->store->nr_watches++;
    *watch = w;
    return 0;
}

static void watch_free(struct xs_watch *w)
{
    struct xs_client *c = w->client;

    TAILQ_REMOVE(&w->point->watches, w, of_point);
    TAILQ_REMOVE(&c->watches, w, of_client);
    c->nr_watches--;
    c->store->nr_watches--;
    point_put(c->store, w->point);
    free(w);
}

int xs_watch_remove(struct xs_client *c, const char *path, const char *token)
{
    struct xs_watch *w = watch_find(c, path, token);

    if (!w)
        return -ENOENT;
    watch_free(w);
    return 0;
}

void xs_watch_remove_all(struct xs_client *c)
{
    struct xs_watch *w;

    while ((w = TAILQ_FIRST(&c->watches)))
        watch_free(w);
}

/* ---- firing ---- */

/*
 * Path and token share one message. A path so much longer than the watch's own that both do not fit is
 * reported as the watch's own: "something changed here" is all that can be said then.
 */
static void watch_send(struct xs_watch *w, const char *path, struct xs_client *cause)
{
    if (strlen(path) - w->rel_off + strlen(w->token) + 2 > XENSTORE_PAYLOAD_MAX)
        path = w->point->path;
    w->client->event(w->client->ctx, path + w->rel_off, w->token, cause);
}

void xs_watch_fire_first(struct xs_watch *w)
{
    watch_send(w, w->point->path, NULL);
}

struct change {
    struct xs_store *store;
    struct xs_client *cause;
    const char *path;
    const struct xs_perms *now;    /* NULL: no such node now */
    const struct xs_perms *old;    /* NULL: as now, or no such node before */
    const struct xs_perms *parent; /* NULL only for "/" */
};

static bool may_read(const struct xs_perms *p, const struct xs_who *who)
{
    return p && (xs_perms_access(p, who) & XS_PERM_READ);
}

/* Who can read the node now, could read it before, or can read its parent may know of the change. */
static bool may_hear(const struct xs_client *c, const struct change *ch)
{
    return c->who.privileged || may_read(ch->now, &c->who) || may_read(ch->old, &c->who) ||
           may_read(ch->parent, &c->who);
}

static void point_fire(struct point *p, const struct change *ch, int distance)
{
    struct xs_watch *w;

    TAILQ_FOREACH (w, &p->watches, of_point)
        if ((w->depth < 0 || distance <= w->depth) && may_hear(w->client, ch))
            watch_send(w, ch->path, ch->cause);
}

static int path_depth(const char *path)
{
    int depth = 0;

    if (path[1] == '\0')
        return 0;
    for (; *path; path++)
        depth += *path == '/';
    return depth;
}

/* The points of the path itself and of all its ancestors. */
static void fire_upwards(const struct change *ch)
{
    int depth = path_depth(ch->path), distance = depth;
    struct point *p = point_find(ch->store, "/", 1);
    const char *at = ch->path;
    size_t len;

    if (p)
        point_fire(p, ch, distance);
    while (xs_path_next(&at, &len)) {
        distance--;
        p = point_find(ch->store, ch->path, (size_t)(at - ch->path));
        if (p)
            point_fire(p, ch, distance);
    }
}

/* Points at exactly the paths that were removed together with an ancestor of theirs. */
static void fire_below(const struct change *top, const struct xs_node *n, char path[XS_PATH_BUF], size_t len)
{
    for (unsigned int i = 0; i < n->nr_children; i++) {
        const struct xs_node *child = n->children[i];
        size_t name_len = strlen(child->name);
        struct point *p;

        path[len] = '/';
        memcpy(path + len + 1, child->name, name_len + 1);
        p = point_find(top->store, path, len + 1 + name_len);
        if (p) {
            struct change ch = *top;

            ch.path = path;
            ch.now = NULL;
            ch.old = child->perms;
            ch.parent = n->perms;
            point_fire(p, &ch, 0);
        }
        fire_below(top, child, path, len + 1 + name_len);
    }
    path[len] = '\0';
}

void xs_watch_fire(struct xs_store *s, struct xs_client *cause, const char *path,
                   const struct xs_perms *old_perms, const struct xs_node *removed)
{
    struct change ch = {.store = s, .cause = cause, .path = path, .old = old_perms};
    const struct xs_node *n;
    char buf[XS_PATH_BUF];
    size_t len;

    if (!s->watch_points)
        return;
    n = xs_tree_find(s->main.root, path);
    if (n)
        ch.now = n->perms;
    if (removed)
        ch.old = removed->perms;
    if (path[1]) {
        len = xs_path_parent_len(path);
        memcpy(buf, path, len);
        buf[len] = '\0';
        ch.parent = xs_tree_nearest(s->main.root, buf, &len)->perms;
    }
    fire_upwards(&ch);
    if (removed && removed->nr_children) {
        len = strlen(path);
        memcpy(buf, path, len + 1);
        fire_below(&ch, removed, buf, len);
    }
}

/*
 * A watch on the special path itself hears the bare name, or with depth 1 the name with the domain; a watch
 * on
 * "@name/domid" hears of that domain alone.
 */
void xs_store_fire_special(struct xs_store *s, enum xs_special which, unsigned int domid)
{
    struct change ch = {.store = s, .now = s->special[which]};
    const char *bare = special_names[which];
    char full[32];
    struct xs_watch *w;
    struct point *p;

    snprintf(full, sizeof(full), "%s/%u", bare, domid);
    p = point_find(s, bare, strlen(bare));
    if (p)
        TAILQ_FOREACH (w, &p->watches, of_point)
            if (may_hear(w->client, &ch))
                watch_send(w, w->depth > 0 ? full : bare, NULL);
    p = point_find(s, full, strlen(full));
    if (p) {
        ch.path = full;
        point_fire(p, &ch, 0);
    }
}
