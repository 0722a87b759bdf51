/* SPDX-License-Identifier: MIT */
#ifndef GUEST_FRONTENDS_BLK_GRANTS_H
#define GUEST_FRONTENDS_BLK_GRANTS_H

/*
 * The pages that data travel in, and their grants.
 *
 * A page is used again only when the backend can no longer reach it (or may: persistent grants). One that
 * the backend still has mapped when its request is over is *held*: set aside until the grant can be
 * withdrawn. What is held when a pool is given up goes to a list of all devices and is freed if the
 * backend ever lets go.
 *
 * A page holds nothing but what has been exchanged with the same backend before, and zeroes.
 *
 * The caller locks the pool.
 */

#include <stdbool.h>
#include <stdint.h>
#include <xen/grant_table.h>

struct blk_page {
    struct blk_page *next;
    void *va;
    grant_ref_t ref;
    bool granted;
};

struct blk_pool {
    struct blk_page *free; /* last in, first out: a backend that keeps few grants mapped sees the same ones */
    struct blk_page *held;
    unsigned nr_free, nr_held, nr_pages;
    domid_t backend;
    bool persistent; /* grants stay, and all are writable */
};

/* Allocates the pages, with a reference each. As many as memory gives; 0 or -XEN_ENOMEM if fewer than min. */
int blk_pool_init(struct blk_pool *p, unsigned nr_pages, unsigned min);

/* Frees all; to be called when no page is in use. */
void blk_pool_fini(struct blk_pool *p);

/* A new connection: withdraws all grants that are left of the last one. No page is in use. */
void blk_pool_start(struct blk_pool *p, domid_t backend, bool persistent);

/* True if n pages can be taken. */
bool blk_pool_has(struct blk_pool *p, unsigned n);

/* A page that the backend may use. To be called after blk_pool_has(). */
struct blk_page *blk_pool_take(struct blk_pool *p, bool readonly);

/* Gives a list of pages back; the backend is through with them. */
void blk_pool_give(struct blk_pool *p, struct blk_page *list);

/* The same when the backend is not: also persistent grants are withdrawn. */
void blk_pool_revoke(struct blk_pool *p, struct blk_page *list);

/* Pages of ended pools that a backend still holds. */
unsigned blk_pool_lost(void);

/*
 * 2^order contiguous zeroed pages, all of them granted writable to backend: a list in the order of their
 * addresses, NULL when memory or references are short. Free makes each one free when the backend has let go
 * of it.
 */
struct blk_page *blk_shared_alloc(unsigned order, domid_t backend);
void blk_shared_free(struct blk_page *list);

#endif
