/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <xen/xen.h>
#include <xen/errno.h>
#include "guest/events.h"
#include "guest/grant.h"
#include "guest/heap.h"
#include "guest/mm.h"
#include "tests/host/guest/blk/machine.h"

#define MAX_PAGES  65536u
#define MAX_REFS   32768u
#define FIRST_REF  8u
#define PAGE_BYTES 4096u

/* What one page_alloc() gave; its memory goes when its last page is freed. */
struct block {
    void *base;
    unsigned left;
};

static struct {
    char *va; /* NULL: free */
    struct block *block;
} frames[MAX_PAGES]; /* by mfn */
static unsigned nr_pages, next_mfn;
static long page_limit = -1;

static struct {
    struct grant_entry_v1 entry;
    bool used;
    unsigned readers, writers;
} refs[MAX_REFS];
static unsigned nr_refs, nr_events;
static grant_ref_t next_ref = FIRST_REF;

const char *machine_broken;
unsigned machine_unsupported;

void machine_limit_pages(long pages)
{
    page_limit = pages;
}

static unsigned mfn_of(const void *va)
{
    for (unsigned i = 0; i < next_mfn; i++)
        if (frames[i].va == va)
            return i;
    abort();
}

unsigned long pfn_to_mfn(unsigned long pfn)
{
    return mfn_of(pfn_to_virt(pfn));
}

static bool reachable(unsigned mfn)
{
    for (grant_ref_t r = FIRST_REF; r < next_ref; r++)
        if (refs[r].entry.flags && refs[r].entry.frame == mfn)
            return true;
    return false;
}

void *page_alloc(unsigned order)
{
    unsigned n = 1u << order;
    struct block *block;
    char *va;

    if (page_limit >= 0 && page_limit < (long)n)
        return NULL;
    if (page_limit >= 0)
        page_limit -= n;
    va = aligned_alloc(PAGE_BYTES << order, PAGE_BYTES << order);
    block = malloc(sizeof(*block));
    assert(va && block && next_mfn + n <= MAX_PAGES);
    *block = (struct block){va, n};
    memset(va, 0, PAGE_BYTES << order);
    for (unsigned i = 0; i < n; i++) {
        frames[next_mfn].va = va + i * PAGE_BYTES;
        frames[next_mfn++].block = block;
    }
    nr_pages += n;
    return va;
}

static void free_one(char *va)
{
    unsigned mfn = mfn_of(va);
    struct block *block = frames[mfn].block;

    assert(!reachable(mfn));
    frames[mfn].va = NULL;
    memset(va, 0xa5, PAGE_BYTES);
    if (!--block->left) {
        free(block->base);
        free(block);
    }
    if (!--nr_pages)
        next_mfn = 0;
}

void page_free(void *va, unsigned order)
{
    for (unsigned i = 0; i < 1u << order; i++)
        free_one((char *)va + i * PAGE_BYTES);
}

void *heap_alloc(size_t size)
{
    return calloc(1, size);
}

void heap_free(void *p)
{
    free(p);
}

int grant_alloc(void)
{
    grant_ref_t r = FIRST_REF;

    while (r < MAX_REFS && refs[r].used)
        r++;
    if (r == MAX_REFS)
        return -XEN_ENOSPC;
    refs[r].used = true;
    nr_refs++;
    if (r >= next_ref)
        next_ref = r + 1;
    return (int)r;
}

void grant_free(grant_ref_t ref)
{
    assert(refs[ref].used && !refs[ref].entry.flags);
    refs[ref].used = false;
    if (!--nr_refs)
        next_ref = FIRST_REF;
}

void grant_access(grant_ref_t ref, domid_t dom, unsigned long mfn, unsigned flags)
{
    assert(refs[ref].used && !refs[ref].entry.flags && frames[mfn].va);
    refs[ref].entry = (struct grant_entry_v1){
        .flags = (uint16_t)(GTF_permit_access | flags), .domid = dom, .frame = (uint32_t)mfn};
}

bool grant_end(grant_ref_t ref)
{
    assert(refs[ref].used);
    if (refs[ref].entry.flags & (GTF_reading | GTF_writing))
        return false;
    refs[ref].entry.flags = 0;
    return true;
}

void *machine_map(grant_ref_t ref, bool write)
{
    struct grant_entry_v1 *e;

    if (ref < FIRST_REF || ref >= next_ref || !refs[ref].entry.flags)
        return NULL;
    e = &refs[ref].entry;
    if (write && (e->flags & GTF_readonly))
        return NULL;
    if (write) {
        refs[ref].writers++;
        e->flags |= GTF_writing;
    }
    refs[ref].readers++;
    e->flags |= GTF_reading;
    return frames[e->frame].va;
}

void machine_unmap(grant_ref_t ref, bool write)
{
    assert(refs[ref].readers && (!write || refs[ref].writers));
    if (write && !--refs[ref].writers)
        refs[ref].entry.flags &= (uint16_t)~GTF_writing;
    if (!--refs[ref].readers)
        refs[ref].entry.flags &= (uint16_t)~GTF_reading;
}

void machine_unmap_all(void)
{
    for (grant_ref_t r = FIRST_REF; r < next_ref; r++) {
        refs[r].readers = refs[r].writers = 0;
        refs[r].entry.flags &= (uint16_t) ~(GTF_reading | GTF_writing);
    }
}

void machine_forget_grants(void)
{
    for (grant_ref_t r = FIRST_REF; r < next_ref; r++) {
        assert(!refs[r].readers && !refs[r].writers);
        refs[r].entry = (struct grant_entry_v1){.flags = 0};
    }
}

int event_send(unsigned port)
{
    (void)port;
    nr_events++;
    return 0;
}

unsigned machine_events(void)
{
    return nr_events;
}

unsigned machine_pages(void)
{
    return nr_pages;
}

unsigned machine_refs(void)
{
    return nr_refs;
}

static unsigned count_flags(unsigned flags)
{
    unsigned n = 0;

    for (grant_ref_t r = FIRST_REF; r < next_ref; r++)
        n += (refs[r].entry.flags & flags) == flags;
    return n;
}

unsigned machine_granted(void)
{
    return count_flags(GTF_permit_access);
}

unsigned machine_readonly(void)
{
    return count_flags(GTF_permit_access | GTF_readonly);
}

void machine_check_empty(void)
{
    assert(!nr_pages && !nr_refs && !machine_granted());
    machine_broken = NULL;
    machine_unsupported = 0;
    page_limit = -1;
}

/* Weak: tests of a whole device have its own. */
__attribute__((weak)) void blk_dev_broken(struct blk_dev *dev, const char *why)
{
    (void)dev;
    machine_broken = why;
}

__attribute__((weak)) void blk_dev_unsupported(struct blk_dev *dev, enum blk_op op)
{
    (void)dev;
    machine_unsupported |= 1u << op;
}
