/* SPDX-License-Identifier: MIT */
#include "guest/frontends/blk_grants.h"
#include "guest/grant.h"
#include "guest/guest.h"
#include "guest/heap.h"
#include "guest/mm.h"
#include "guest/spinlock.h"

/* Pages without a pool that a backend still holds. */
static struct blk_page *lost;
static unsigned nr_lost;
static struct spinlock lost_lock;

static void page_delete(struct blk_page *page)
{
    grant_free(page->ref);
    page_free(page->va, 0);
    heap_free(page);
}

/* A record for that page, with a reference; NULL when out of either. */
static struct blk_page *page_record(void *va)
{
    struct blk_page *page = heap_alloc(sizeof(*page));
    int ref = page ? grant_alloc() : -1;

    if (ref < 0) {
        heap_free(page);
        return NULL;
    }
    page->va = va;
    page->ref = (grant_ref_t)ref;
    return page;
}

static struct blk_page *page_new(void)
{
    void *va = page_alloc(0);
    struct blk_page *page = va ? page_record(va) : NULL;

    if (va && !page)
        page_free(va, 0);
    return page;
}

/* True when the backend cannot reach the page (any more). */
static bool page_withdraw(struct blk_page *page)
{
    if (page->granted && grant_end(page->ref))
        page->granted = false;
    return !page->granted;
}

static void push(struct blk_page **list, struct blk_page *page)
{
    page->next = *list;
    *list = page;
}

static struct blk_page *pop(struct blk_page **list)
{
    struct blk_page *page = *list;

    if (page)
        *list = page->next;
    return page;
}

/* Looks again at pages that nobody waits for. */
static void lost_reap(void)
{
    struct blk_page *old, *page;

    spin_lock(&lost_lock);
    old = lost;
    lost = NULL;
    nr_lost = 0;
    while ((page = pop(&old))) {
        if (page_withdraw(page)) {
            page_delete(page);
        } else {
            push(&lost, page);
            nr_lost++;
        }
    }
    spin_unlock(&lost_lock);
}

static void page_lose(struct blk_page *page)
{
    spin_lock(&lost_lock);
    push(&lost, page);
    nr_lost++;
    spin_unlock(&lost_lock);
}

unsigned blk_pool_lost(void)
{
    lost_reap();
    return __atomic_load_n(&nr_lost, __ATOMIC_RELAXED);
}

int blk_pool_init(struct blk_pool *p, unsigned nr_pages, unsigned min)
{
    *p = (struct blk_pool){0};
    lost_reap();
    while (p->nr_pages < nr_pages) {
        struct blk_page *page = page_new();

        if (!page)
            break;
        push(&p->free, page);
        p->nr_free++;
        p->nr_pages++;
    }
    if (p->nr_pages >= min)
        return 0;
    blk_pool_fini(p);
    return -XEN_ENOMEM;
}

void blk_pool_fini(struct blk_pool *p)
{
    struct blk_page *page;

    while ((page = pop(&p->free)) || (page = pop(&p->held))) {
        if (page_withdraw(page))
            page_delete(page);
        else
            page_lose(page);
    }
    *p = (struct blk_pool){0};
}

static void put_away(struct blk_pool *p, struct blk_page *page, bool usable)
{
    if (usable) {
        push(&p->free, page);
        p->nr_free++;
    } else {
        push(&p->held, page);
        p->nr_held++;
    }
}

static void reap(struct blk_pool *p)
{
    struct blk_page *old = p->held, *page;

    p->held = NULL;
    p->nr_held = 0;
    while ((page = pop(&old)))
        put_away(p, page, page_withdraw(page));
}

void blk_pool_start(struct blk_pool *p, domid_t backend, bool persistent)
{
    struct blk_page *old = p->free;

    p->free = NULL;
    p->nr_free = 0;
    blk_pool_revoke(p, old);
    reap(p);
    p->backend = backend;
    p->persistent = persistent;
}

bool blk_pool_has(struct blk_pool *p, unsigned n)
{
    if (p->nr_free < n && p->held)
        reap(p);
    return p->nr_free >= n;
}

struct blk_page *blk_pool_take(struct blk_pool *p, bool readonly)
{
    struct blk_page *page = pop(&p->free);

    p->nr_free--;
    page->next = NULL;
    if (!page->granted) {
        grant_access(page->ref, p->backend, virt_to_mfn(page->va),
                     readonly && !p->persistent ? GTF_readonly : 0);
        page->granted = true;
    }
    return page;
}

/*
 * The last one first, so that they are taken in the same order again: a backend that keeps them mapped has
 * them side by side from the first time on, and sees one long piece of memory.
 */
void blk_pool_give(struct blk_pool *p, struct blk_page *list)
{
    struct blk_page *page, *last_first = NULL;

    while ((page = pop(&list)))
        push(&last_first, page);
    while ((page = pop(&last_first)))
        put_away(p, page, p->persistent || page_withdraw(page));
}

void blk_pool_revoke(struct blk_pool *p, struct blk_page *list)
{
    struct blk_page *page;

    while ((page = pop(&list)))
        put_away(p, page, page_withdraw(page));
}

void blk_shared_free(struct blk_page *list)
{
    struct blk_page *page;

    while ((page = pop(&list))) {
        if (page_withdraw(page))
            page_delete(page);
        else
            page_lose(page);
    }
}

struct blk_page *blk_shared_alloc(unsigned order, domid_t backend)
{
    char *va = page_alloc(order);
    struct blk_page *list = NULL;
    unsigned i = 1u << order;

    if (!va)
        return NULL;
    /* From the last to the first, since each goes in front. */
    while (i--) {
        struct blk_page *page = page_record(va + i * PAGE_SIZE);

        if (!page) {
            for (unsigned j = 0; j <= i; j++)
                page_free(va + j * PAGE_SIZE, 0);
            blk_shared_free(list);
            return NULL;
        }
        push(&list, page);
    }
    for (struct blk_page *page = list; page; page = page->next) {
        grant_access(page->ref, backend, virt_to_mfn(page->va), 0);
        page->granted = true;
    }
    return list;
}
