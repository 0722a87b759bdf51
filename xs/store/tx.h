/* SPDX-License-Identifier: MIT */
/* Transactions; tx.c opens with the rules. */
#ifndef XS_STORE_TX_H
#define XS_STORE_TX_H

#include "xs/store/store.h"

/* What a transaction has done with a path. */
#define XS_TX_NODE    1u  /* relied on its existence, value or permissions */
#define XS_TX_LIST    2u  /* relied on its list of children */
#define XS_TX_SUBTREE 4u  /* relied on everything below it */
#define XS_TX_CHANGED 8u  /* created, changed or removed it */
#define XS_TX_REMOVED 16u /* removed it at least once */
#define XS_TX_FIRE    32u /* the change is to be told to watches */

/* Default of xs_store.tx_hold_limit. */
#define XS_TX_HOLD_LIMIT (16u << 20)

struct xs_tx {
    TAILQ_ENTRY(xs_tx) link;
    TAILQ_ENTRY(xs_tx) guest_link; /* unless its client is privileged or it has expired */
    struct xs_client *client;
    uint32_t id; /* never 0, unique within the client */
    struct xs_node *base;
    struct xs_view work; /* counts are differences to the store's */
    void *paths;         /* tsearch tree of what was used */
    unsigned int nr_paths;
    unsigned int nr_fire;
    bool changed;
    bool expired;         /* holds nothing any more, can only end: with EAGAIN, or by being dropped */
    uint64_t churn_start; /* main.churn when it started */
};

/* 0, -ENOSPC (quota), -ENOMEM. */
int xs_tx_start(struct xs_client *c, struct xs_tx **tx);
struct xs_tx *xs_tx_find(struct xs_client *c, uint32_t id);

/*
 * Records the use of path[0..len), before it happens: 0, -ENOSPC (quota), -ENOMEM. tx NULL: nothing to
 * record.
 */
int xs_tx_note(struct xs_tx *tx, const char *path, size_t len, unsigned int flags);

/*
 * Expires the oldest unprivileged transactions while more has been let go since they started than they may
 * hold together. To be called after each change of the store.
 */
void xs_tx_expire(struct xs_store *s);

/* Drops the transaction. */
void xs_tx_abort(struct xs_tx *tx);

/* Makes its changes those of the store: 0, -EAGAIN (conflict), -ENOSPC, -ENOMEM. It is gone in any case. */
int xs_tx_commit(struct xs_tx *tx);

#endif
