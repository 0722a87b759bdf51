/* SPDX-License-Identifier: MIT */
/*
 * The store as a library: tree, transactions, watches, permissions, quotas. It knows no transport: a client
 * is whoever the embedder says, events go out through a callback. One thread.
 *
 * Paths are canonical (path.h). Functions return 0 or a negative errno that the protocol can carry; one
 * that fails has changed nothing.
 */
#ifndef XS_STORE_STORE_H
#define XS_STORE_STORE_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/queue.h>

#include "xs/store/tree.h"

/* Limits for unprivileged domains. */
enum xs_quota {
    XS_QUOTA_NODES,             /* nodes that the domain owns */
    XS_QUOTA_ENTRY_SIZE,        /* bytes of one value */
    XS_QUOTA_WATCHES,           /* watches */
    XS_QUOTA_TRANSACTIONS,      /* open transactions */
    XS_QUOTA_TRANSACTION_NODES, /* paths used in all open transactions together */
    XS_QUOTA_PERMS,             /* entries of one permission list */
    XS_QUOTA_PATH,              /* bytes of a path */
    XS_QUOTA_OUTSTANDING,       /* events it caused that others have not yet taken */
    XS_QUOTA_NR,
};

/* The protocol tools' name of a quota ("nodes", "entry-size", ...). */
const char *xs_quota_name(enum xs_quota q);

struct xs_client;
struct xs_tx;
struct xs_watch;
TAILQ_HEAD(xs_watch_list, xs_watch);
TAILQ_HEAD(xs_tx_list, xs_tx);

/*
 * Takes an event for a watch of the client `ctx` belongs to. `cause` is the unprivileged client whose request
 * led to it, or NULL. It must not call back into the store.
 */
typedef void xs_event_fn(void *ctx, const char *path, const char *token, struct xs_client *cause);

/* Names of the paths that stand for the coming and going of domains. */
enum xs_special {
    XS_INTRODUCE_DOMAIN,
    XS_RELEASE_DOMAIN,
    XS_SPECIAL_NR,
};

struct xs_store {
    struct xs_view main;
    uint64_t clock;
    unsigned int quota[XS_QUOTA_NR];
    uint64_t tx_hold_limit; /* bytes that unprivileged transactions may keep from being freed, all together */
    struct xs_tx_list guests; /* unprivileged transactions, oldest first */
    struct xs_perms *special[XS_SPECIAL_NR];
    void *watch_points; /* tsearch tree, see watch.c */
    unsigned int nr_watches;
    LIST_HEAD(xs_client_list, xs_client) clients;
};

struct xs_client {
    LIST_ENTRY(xs_client) link;
    struct xs_store *store;
    struct xs_who who;
    xs_event_fn *event;
    void *ctx;
    struct xs_watch_list watches;
    struct xs_tx_list txs;
    uint32_t next_tx;
    unsigned int nr_watches;
    unsigned int nr_txs;
    unsigned int nr_tx_paths;
};

/* A store with "/" alone, owned by domain 0 and closed to others; 0 or -ENOMEM. */
int xs_store_init(struct xs_store *s);

/* Frees everything; no client may be left. */
void xs_store_fini(struct xs_store *s);

/* Fills `c` as a client that acts as `domid`. Domain 0 is privileged. */
void xs_client_init(struct xs_client *c, struct xs_store *s, unsigned int domid, xs_event_fn *event,
                    void *ctx);

/* Ends the client's watches and transactions, keeps the client. */
void xs_client_reset(struct xs_client *c);
void xs_client_fini(struct xs_client *c);

/* True if `value` is beyond the quota for this client; never for a privileged one. Quota 0 is no limit. */
bool xs_over_quota(const struct xs_client *c, enum xs_quota q, size_t value);

/* ---- nodes; tx NULL: on the store itself ---- */

/* The node, for its value; valid until the next change. */
int xs_store_read(struct xs_client *c, struct xs_tx *tx, const char *path, const struct xs_node **node);

/* The node, for its list of children. */
int xs_store_list(struct xs_client *c, struct xs_tx *tx, const char *path, const struct xs_node **node);
int xs_store_write(struct xs_client *c, struct xs_tx *tx, const char *path, const void *data, size_t len);
int xs_store_mkdir(struct xs_client *c, struct xs_tx *tx, const char *path);
int xs_store_rm(struct xs_client *c, struct xs_tx *tx, const char *path);

/* Also for the special paths. *perms is valid until the next change. */
int xs_store_get_perms(struct xs_client *c, struct xs_tx *tx, const char *path,
                       const struct xs_perms **perms);
int xs_store_set_perms(struct xs_client *c, struct xs_tx *tx, const char *path, struct xs_perms *perms);

/* Names of a node's children in the order of their creation, NUL after each; *len bytes, free() it. */
int xs_store_names(const struct xs_node *n, char **names, size_t *len);

/* ---- domains ---- */

/* Fires "@introduceDomain" or "@releaseDomain" for a domain. */
void xs_store_fire_special(struct xs_store *s, enum xs_special which, unsigned int domid);

/*
 * The domain does not exist any more: its nodes go, with all below them, and its name in the permissions of
 * others' nodes, so that a later domain of the same number inherits nothing. -ENOMEM: try again later.
 */
int xs_store_forget_domain(struct xs_store *s, unsigned int domid);

/* Recounts the tree and compares; writes a line for each flaw. The number of flaws. */
unsigned int xs_store_check(const struct xs_store *s, FILE *out);

#endif
