/* SPDX-License-Identifier: MIT */
#include "dom0/backends/common/persistent.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/queue.h>

#define CHUNK_PAGES 512u /* wanted at once; the rest of a larger batch is copied */

struct chunk {
    TAILQ_ENTRY(chunk) link;
    char *pages;
    unsigned count, users;
    int64_t used_ns;
    uint32_t grefs[];
};

/* Open addressing; a slot is free when chunk is NULL. */
struct slot {
    struct chunk *chunk;
    uint32_t gref, page;
};

struct persistent {
    struct guest_access *access;
    uint32_t domid;
    struct persistent_bounds bounds;
    unsigned pages, chunks;
    unsigned slots; /* a power of two, more than twice the pages */
    struct slot *table;
    TAILQ_HEAD(chunk_list, chunk) list; /* longest unused first */
    struct chunk *last; /* where a page was last found: the next is mostly the one behind it */
    uint32_t last_page;
    int64_t now_ns;
};

static unsigned total_chunks;

/*
 * What the batch that is being looked at wants, each page once although it may be in several requests. A
 * batch is of one device, so one collection does for all.
 */
#define WANT_SLOTS (2 * CHUNK_PAGES)

static struct {
    uint32_t grefs[CHUNK_PAGES];
    unsigned count;
    uint16_t seen[WANT_SLOTS]; /* open addressing: the number of a gref in grefs, plus 1; 0 is free */
} wanted;

struct persistent *persistent_new(struct guest_access *access, uint32_t domid,
                                  const struct persistent_bounds *bounds)
{
    struct persistent *p = calloc(1, sizeof(*p));

    if (!p)
        return NULL;
    p->access = access;
    p->domid = domid;
    p->bounds = *bounds;
    TAILQ_INIT(&p->list);
    return p;
}

static unsigned hash(const struct persistent *p, uint32_t gref)
{
    return (gref * 2654435761u >> 8) & (p->slots - 1);
}

/* The slot of a gref, or the free one where it would go. NULL: there is no table yet. */
static struct slot *find(const struct persistent *p, uint32_t gref)
{
    unsigned at;

    if (p->slots == 0)
        return NULL;
    at = hash(p, gref);
    while (p->table[at].chunk && p->table[at].gref != gref)
        at = (at + 1) & (p->slots - 1);
    return &p->table[at];
}

/* Closes the gap that a removed slot would leave in the probe sequences across it. */
static void remove_slot(struct persistent *p, struct slot *slot)
{
    unsigned gap = (unsigned)(slot - p->table), at = gap;

    for (;;) {
        unsigned home;

        at = (at + 1) & (p->slots - 1);
        if (!p->table[at].chunk)
            break;
        home = hash(p, p->table[at].gref);
        /* May it move to the gap? Only if its home is not cyclically behind the gap. */
        if (((at - home) & (p->slots - 1)) >= ((at - gap) & (p->slots - 1))) {
            p->table[gap] = p->table[at];
            gap = at;
        }
    }
    p->table[gap].chunk = NULL;
}

static void free_chunk(struct persistent *p, struct chunk *chunk)
{
    for (unsigned i = 0; i < chunk->count; i++)
        remove_slot(p, find(p, chunk->grefs[i]));
    TAILQ_REMOVE(&p->list, chunk, link);
    guest_unmap(p->access, chunk->pages, chunk->count);
    p->pages -= chunk->count;
    p->chunks--;
    total_chunks--;
    free(chunk);
}

void persistent_free(struct persistent *p)
{
    if (!p)
        return;
    while (!TAILQ_EMPTY(&p->list))
        free_chunk(p, TAILQ_FIRST(&p->list));
    free(p->table);
    free(p);
}

void *persistent_page(struct persistent *p, uint32_t gref)
{
    const struct slot *slot;

    if (p->last && ++p->last_page < p->last->count && p->last->grefs[p->last_page] == gref)
        return p->last->pages + (size_t)p->last_page * PERSISTENT_PAGE_BYTES;
    slot = find(p, gref);
    if (!slot || !slot->chunk) {
        p->last = NULL;
        return NULL;
    }
    p->last = slot->chunk;
    p->last_page = slot->page;
    if (p->last->used_ns != p->now_ns) {
        p->last->used_ns = p->now_ns;
        TAILQ_REMOVE(&p->list, p->last, link);
        TAILQ_INSERT_TAIL(&p->list, p->last, link);
    }
    return p->last->pages + (size_t)p->last_page * PERSISTENT_PAGE_BYTES;
}

void *persistent_get(struct persistent *p, uint32_t gref)
{
    void *page = persistent_page(p, gref);

    if (page)
        p->last->users++;
    return page;
}

void persistent_put(struct persistent *p, uint32_t gref)
{
    find(p, gref)->chunk->users--;
}

/* The slot of a gref that is wanted, or the free one where it would go. */
static uint16_t *find_wanted(uint32_t gref)
{
    unsigned at = gref % WANT_SLOTS;

    while (wanted.seen[at] && wanted.grefs[wanted.seen[at] - 1] != gref)
        at = (at + 1) % WANT_SLOTS;
    return &wanted.seen[at];
}

void persistent_want(struct persistent *p, uint32_t gref)
{
    struct slot *slot = find(p, gref);
    uint16_t *seen = find_wanted(gref);

    if ((slot && slot->chunk) || *seen || wanted.count == CHUNK_PAGES)
        return;
    wanted.grefs[wanted.count++] = gref;
    *seen = (uint16_t)wanted.count;
}

/* A table for twice that many pages. -1: no memory. */
static int make_table(struct persistent *p, unsigned pages)
{
    struct slot *old = p->table, *table;
    unsigned old_slots = p->slots, slots = old_slots ? old_slots : 64;

    while (slots <= 2 * pages)
        slots *= 2;
    if (slots == old_slots)
        return 0;
    table = calloc(slots, sizeof(*table));
    if (!table)
        return -1;
    p->table = table;
    p->slots = slots;
    for (unsigned i = 0; i < old_slots; i++)
        if (old[i].chunk)
            *find(p, old[i].gref) = old[i];
    free(old);
    return 0;
}

static bool room_for(const struct persistent *p, unsigned pages)
{
    return p->pages + pages <= p->bounds.pages && p->chunks < p->bounds.chunks &&
           total_chunks < PERSISTENT_TOTAL_CHUNKS;
}

static void make_room(struct persistent *p, unsigned pages)
{
    struct chunk *chunk = TAILQ_FIRST(&p->list), *next;

    for (; chunk && !room_for(p, pages); chunk = next) {
        next = TAILQ_NEXT(chunk, link);
        if (chunk->used_ns > p->now_ns - PERSISTENT_IDLE_NS)
            break;
        if (chunk->users == 0)
            free_chunk(p, chunk);
    }
}

/* All mappings are used up, but not all pages: those of several small chunks are wanted as one large. */
static void merge_chunks(struct persistent *p)
{
    struct chunk *chunk = TAILQ_FIRST(&p->list), *next;

    for (; chunk; chunk = next) {
        next = TAILQ_NEXT(chunk, link);
        if (chunk->users > 0 || wanted.count + chunk->count > CHUNK_PAGES)
            continue;
        memcpy(wanted.grefs + wanted.count, chunk->grefs, chunk->count * sizeof(chunk->grefs[0]));
        wanted.count += chunk->count;
        free_chunk(p, chunk);
    }
}

static void map_chunk(struct persistent *p, const uint32_t *grefs, unsigned count)
{
    struct chunk *chunk = malloc(sizeof(*chunk) + count * sizeof(chunk->grefs[0]));

    if (!chunk)
        return;
    if (make_table(p, p->pages + count) != 0 ||
        !(chunk->pages = guest_map(p->access, p->domid, grefs, count, p->bounds.prot))) {
        free(chunk);
        return;
    }
    chunk->count = count;
    chunk->users = 0;
    chunk->used_ns = p->now_ns;
    memcpy(chunk->grefs, grefs, count * sizeof(grefs[0]));
    TAILQ_INSERT_TAIL(&p->list, chunk, link);
    for (unsigned i = 0; i < count; i++)
        *find(p, grefs[i]) = (struct slot){chunk, grefs[i], i};
    p->pages += count;
    p->chunks++;
    total_chunks++;
}

void persistent_map(struct persistent *p, int64_t now_ns)
{
    p->now_ns = now_ns;
    p->last = NULL; /* so that the next use of its chunk is noticed */
    if (wanted.count == 0)
        return;
    if (!room_for(p, wanted.count))
        make_room(p, wanted.count);
    if (p->chunks == p->bounds.chunks && p->pages + wanted.count <= p->bounds.pages)
        merge_chunks(p);
    if (room_for(p, wanted.count))
        map_chunk(p, wanted.grefs, wanted.count);
    wanted.count = 0;
    memset(wanted.seen, 0, sizeof(wanted.seen));
}
