/* SPDX-License-Identifier: MIT */
/* Watches: who wants to hear of which path. */
#ifndef XS_STORE_WATCH_H
#define XS_STORE_WATCH_H

#include "xs/store/store.h"

#define XS_ANY_DEPTH (-1)

/*
 * Adds a watch on a canonical or special path. `rel_off` bytes are cut off the paths of its events (the watch
 * was relative), `depth` limits how far below they may be (XS_ANY_DEPTH: no limit). -EEXIST, -ENOSPC,
 * -ENOMEM. The first event is the caller's to ask for with xs_watch_fire_first().
 */
int xs_watch_add(struct xs_client *c, const char *path, const char *token, int depth, size_t rel_off,
                 struct xs_watch **watch);
void xs_watch_fire_first(struct xs_watch *w);

/* -ENOENT if there is none with this path and token. */
int xs_watch_remove(struct xs_client *c, const char *path, const char *token);
void xs_watch_remove_all(struct xs_client *c);

/*
 * Tells all watches that concern `path` of a change that the store's tree already shows. `old_perms`: those
 * before the change, if they differ (a watcher may see a node that it just lost). `removed`: the subtree that
 * is gone from there; watches below fire with their own path. Either may be NULL.
 */
void xs_watch_fire(struct xs_store *s, struct xs_client *cause, const char *path,
                   const struct xs_perms *old_perms, const struct xs_node *removed);

#endif
