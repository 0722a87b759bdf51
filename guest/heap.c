/* SPDX-License-Identifier: MIT */
/*
 * Small objects come in size classes, each out of pages of its own with a list of free ones; large ones have
 * pages to themselves. Either way the page that an object begins in starts with a struct heap_page, which
 * says what it is, so that heap_free() needs no size and notices a pointer that is none of its own.
 *
 * A page whose objects are all free goes back, but for the last one of its class.
 */
#include "guest/heap.h"
#include "guest/guest.h"
#include "guest/mm.h"
#include "guest/spinlock.h"

#define PAGE_MAGIC  0x9a9e0b1ec75fee1ul
#define FREE_MAGIC  0xf4eeb10cf4eeb10cul
#define HEADER_SIZE 64u
#define LARGE       UINT32_MAX
#define MAX_ORDER   12u /* 16 MiB */

struct free_object {
    struct free_object *next;
    uint64_t magic; /* FREE_MAGIC: freed, and not again since */
};

struct heap_page {
    uint64_t magic;
    uint32_t size; /* of an object, or LARGE */
    uint32_t order;
    uint32_t used, total;
    struct free_object *free;
    struct heap_page *next, *prev; /* pages of the class with a free object */
};

static const uint32_t sizes[] = {16, 32, 64, 128, 192, 320, 448, 576, 960, 1984};

static struct spinlock lock;
static struct heap_page *partial[ARRAY_SIZE(sizes)];

_Static_assert(sizeof(struct heap_page) <= HEADER_SIZE, "objects begin behind the header");
_Static_assert(sizeof(struct free_object) <= 16, "a free object of the least size holds its link");

static unsigned class_of(size_t size)
{
    unsigned c = 0;

    while (c < ARRAY_SIZE(sizes) && sizes[c] < size)
        c++;
    return c;
}

static void list_add(struct heap_page **list, struct heap_page *p)
{
    p->prev = NULL;
    p->next = *list;
    if (p->next)
        p->next->prev = p;
    *list = p;
}

static void list_remove(struct heap_page **list, struct heap_page *p)
{
    if (p->prev)
        p->prev->next = p->next;
    else
        *list = p->next;
    if (p->next)
        p->next->prev = p->prev;
}

static void push_free(struct heap_page *page, void *p)
{
    struct free_object *o = p;

    o->next = page->free;
    o->magic = FREE_MAGIC;
    page->free = o;
}

static struct heap_page *new_page(uint32_t size)
{
    struct heap_page *page = page_alloc(0);

    if (!page)
        return NULL;
    page->magic = PAGE_MAGIC;
    page->size = size;
    page->total = (uint32_t)((PAGE_SIZE - HEADER_SIZE) / size);
    for (unsigned i = page->total; i-- > 0;)
        push_free(page, (char *)page + HEADER_SIZE + (size_t)i * size);
    return page;
}

static void *alloc_large(size_t size)
{
    struct heap_page *page;
    uint32_t order = 0;

    while (order <= MAX_ORDER && (PAGE_SIZE << order) - HEADER_SIZE < size)
        order++;
    page = order <= MAX_ORDER ? page_alloc(order) : NULL;
    if (!page)
        return NULL;
    page->magic = PAGE_MAGIC;
    page->size = LARGE;
    page->order = order;
    return (char *)page + HEADER_SIZE;
}

void *heap_alloc(size_t size)
{
    unsigned class = class_of(size);
    struct heap_page *page;
    struct free_object *o = NULL;

    if (class == ARRAY_SIZE(sizes))
        return alloc_large(size);
    spin_lock(&lock);
    page = partial[class];
    if (!page && (page = new_page(sizes[class])))
        list_add(&partial[class], page);
    if (page) {
        o = page->free;
        page->free = o->next;
        if (++page->used == page->total)
            list_remove(&partial[class], page);
    }
    spin_unlock(&lock);
    return o ? memset(o, 0, sizes[class]) : NULL;
}

static bool is_object(const struct heap_page *page, const void *p)
{
    size_t offset = (size_t)((const char *)p - (const char *)page);

    if (page->magic != PAGE_MAGIC || offset < HEADER_SIZE)
        return false;
    if (page->size == LARGE)
        return offset == HEADER_SIZE;
    return (offset - HEADER_SIZE) % page->size == 0;
}

/* The link of a free object is checked by its neighbourhood too: an object in use may hold any number. */
static bool is_free_already(const struct heap_page *page, const void *p)
{
    const struct free_object *o = page->free;

    if (((const struct free_object *)p)->magic != FREE_MAGIC)
        return false;
    while (o && o != p)
        o = o->next;
    return o == p;
}

static void free_small(struct heap_page *page, void *p)
{
    struct heap_page **list = &partial[class_of(page->size)];

    push_free(page, p);
    if (page->used-- == page->total)
        list_add(list, page);
    if (page->used || (!page->next && !page->prev))
        return;
    list_remove(list, page);
    page->magic = 0;
    page_free(page, 0);
}

void heap_free(void *p)
{
    struct heap_page *page = (struct heap_page *)((uintptr_t)p & ~(PAGE_SIZE - 1));

    if (!p)
        return;
    if (!is_object(page, p))
        panic("heap_free of %p, which is no object", p);
    if (page->size == LARGE) {
        page->magic = 0;
        page_free(page, page->order);
        return;
    }
    spin_lock(&lock);
    if (is_free_already(page, p)) {
        spin_unlock(&lock);
        panic("heap_free of %p, which is free already", p);
    }
    free_small(page, p);
    spin_unlock(&lock);
}
