/* SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <string.h>
#include "frames.h"
#include "lib/errno.h"
#include "lib/printk.h"
#include "mm/alloc.h"
#include "mm/flush.h"
#include "mm/pagetable.h"

#define FIRST_SHARED 64 /* frames from here on are for alloc_shared_page() */
#define ENTRIES      512

struct entry {
    struct mm_owner *pt; /* NULL: free */
    bool by_pte;
    u64 addr;
    u64 mfn;
    bool rw;
};

u64 max_mfn = FRAMES_NR - 1;
static u64 bitmap[BITS_TO_WORDS(FRAMES_NR)];
u64 *ram_bitmap = bitmap;
static struct page_info table[FRAMES_NR];
struct page_info *frame_table = table;
static char memory[FRAMES_NR][PAGE_SIZE] __aligned(PAGE_SIZE);
static struct mm_owner *owners[16];
static struct entry entries[ENTRIES];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static void (*audit_hook)(void);
static u64 *audit_refs, *audit_writable;

unsigned frames_shared, frames_flushes;
u64 frames_last_flush;
bool frames_used;

void frames_reset(void)
{
    memset(table, 0, sizeof(table));
    memset(memory, 0, sizeof(memory));
    memset(bitmap, 0xff, sizeof(bitmap));
    memset(entries, 0, sizeof(entries));
    memset(owners, 0, sizeof(owners));
    frames_shared = frames_flushes = 0;
    frames_used = true;
}

void frames_owner(struct domain *d)
{
    owners[d->id] = &d->mm;
}

void *mfn_to_virt(mfn_t mfn)
{
    BUG_ON(mfn_x(mfn) >= FRAMES_NR);
    return memory[mfn_x(mfn)];
}

mfn_t virt_to_mfn(const void *va)
{
    return mfn_of((u64)((const char *)va - memory[0]) / PAGE_SIZE);
}

struct mm_owner *page_owner(const struct page_info *pg)
{
    return pg->owner_id ? owners[pg->owner_id - 1] : NULL;
}

void frames_give(struct domain *d, u64 mfn)
{
    table[mfn] = (struct page_info){.count_info = 1, .owner_id = d->id + 1u};
}

static bool get_locked(struct page_info *pg, const struct mm_owner *owner)
{
    if (!pg->count_info || page_owner(pg) != owner)
        return false;
    pg->count_info++;
    return true;
}

static void put_locked(struct page_info *pg)
{
    BUG_ON(!pg->count_info);
    if (--pg->count_info == 0) {
        BUG_ON(pg->type_info);
        pg->owner_id = 0;
    }
}

bool get_page(struct page_info *pg, const struct mm_owner *owner)
{
    pthread_mutex_lock(&lock);
    bool got = get_locked(pg, owner);
    pthread_mutex_unlock(&lock);
    return got;
}

struct page_info *get_page_mfn(mfn_t mfn, const struct mm_owner *owner)
{
    return mfn_valid(mfn) && get_page(mfn_to_page(mfn), owner) ? mfn_to_page(mfn) : NULL;
}

void put_page(struct page_info *pg)
{
    pthread_mutex_lock(&lock);
    put_locked(pg);
    pthread_mutex_unlock(&lock);
}

/* A use of type L1 is how a test makes a frame a page table. */
static int get_type_locked(struct page_info *pg, u64 type)
{
    if ((pg->type_info & PGT_count_mask) && (pg->type_info & PGT_type_mask) != type)
        return -EINVAL;
    pg->type_info = type | ((pg->type_info & PGT_count_mask) + 1);
    return 0;
}

static void put_type_locked(struct page_info *pg)
{
    BUG_ON(!(pg->type_info & PGT_count_mask));
    pg->type_info--;
    if (!(pg->type_info & PGT_count_mask))
        pg->type_info = 0;
}

int get_page_type(struct page_info *pg, u64 type, bool preemptible)
{
    (void)preemptible;
    pthread_mutex_lock(&lock);
    int rc = get_type_locked(pg, type);
    pthread_mutex_unlock(&lock);
    return rc;
}

void put_page_type(struct page_info *pg)
{
    pthread_mutex_lock(&lock);
    put_type_locked(pg);
    pthread_mutex_unlock(&lock);
}

static int get_both_locked(struct page_info *pg, const struct mm_owner *owner, u64 type)
{
    int rc = get_locked(pg, owner) ? 0 : -EINVAL;

    if (!rc && (rc = get_type_locked(pg, type)) != 0)
        put_locked(pg);
    return rc;
}

int get_page_and_type(struct page_info *pg, const struct mm_owner *owner, u64 type)
{
    pthread_mutex_lock(&lock);
    int rc = get_both_locked(pg, owner, type);
    pthread_mutex_unlock(&lock);
    return rc;
}

static void put_both_locked(struct page_info *pg)
{
    put_type_locked(pg);
    put_locked(pg);
}

void put_page_and_type(struct page_info *pg)
{
    pthread_mutex_lock(&lock);
    put_both_locked(pg);
    pthread_mutex_unlock(&lock);
}

void frames_release(u64 mfn)
{
    put_page(&table[mfn]);
}

u64 frames_count(u64 mfn)
{
    return table[mfn].count_info;
}

u64 frames_type_count(u64 mfn)
{
    return table[mfn].type_info & PGT_count_mask;
}

/* --- shared pages --- */

void *alloc_shared_page(struct mm_owner *o, bool readonly)
{
    void *va = NULL;

    (void)readonly;
    pthread_mutex_lock(&lock);
    for (u64 i = FIRST_SHARED; !va && i < FRAMES_NR; i++) {
        if (table[i].count_info)
            continue;
        table[i] = (struct page_info){.count_info = 1, .owner_id = o->id + 1u};
        va = memset(memory[i], 0, PAGE_SIZE);
        frames_shared++;
    }
    pthread_mutex_unlock(&lock);
    return va;
}

void free_shared_page(void *va)
{
    pthread_mutex_lock(&lock);
    frames_shared--;
    put_locked(&table[mfn_x(virt_to_mfn(va))]);
    pthread_mutex_unlock(&lock);
}

/* --- tables --- */

static struct entry *find(struct mm_owner *pt, u64 addr, bool by_pte)
{
    for (unsigned i = 0; i < ENTRIES; i++)
        if (entries[i].pt == pt && entries[i].addr == addr && entries[i].by_pte == by_pte)
            return &entries[i];
    return NULL;
}

static void drop(struct entry *e)
{
    struct page_info *pg = &table[e->mfn];

    e->pt = NULL;
    if (e->rw)
        put_both_locked(pg);
    else
        put_locked(pg);
}

static int map(struct mm_owner *pt, struct mm_owner *granter, u64 addr, bool by_pte, mfn_t frame, u64 flags)
{
    struct entry *e, new = {pt, by_pte, addr, mfn_x(frame), flags & PTE_RW};
    int rc = -EINVAL;

    BUG_ON(!(flags & PTE_P));
    pthread_mutex_lock(&lock);
    if (addr < FRAMES_VA_OK) {
        if (new.rw)
            rc = get_both_locked(&table[new.mfn], granter, PGT_writable);
        else
            rc = get_locked(&table[new.mfn], granter) ? 0 : -EINVAL;
    }
    if (!rc) {
        e = find(pt, addr, by_pte);
        if (e)
            drop(e);
        for (unsigned i = 0; !e && i < ENTRIES; i++)
            if (!entries[i].pt)
                e = &entries[i];
        BUG_ON(!e);
        *e = new;
    }
    pthread_mutex_unlock(&lock);
    return rc;
}

static int unmap(struct mm_owner *pt, u64 addr, bool by_pte, mfn_t frame)
{
    int rc = -EINVAL;

    pthread_mutex_lock(&lock);
    struct entry *e = find(pt, addr, by_pte);
    if (e && e->mfn == mfn_x(frame)) {
        drop(e);
        rc = frames_used ? PT_GRANT_USED : 0;
    }
    pthread_mutex_unlock(&lock);
    return rc;
}

int pt_grant_map_va(struct mm_owner *pt, struct mm_owner *granter, mfn_t l4, u64 va, mfn_t frame, u64 flags)
{
    (void)l4;
    return map(pt, granter, va, false, frame, flags);
}

int pt_grant_map_pte(struct mm_owner *pt, struct mm_owner *granter, paddr_t pte, mfn_t frame, u64 flags)
{
    return map(pt, granter, pte, true, frame, flags);
}

int pt_grant_unmap_va(struct mm_owner *pt, mfn_t l4, u64 va, mfn_t frame)
{
    (void)l4;
    return unmap(pt, va, false, frame);
}

int pt_grant_unmap_pte(struct mm_owner *pt, paddr_t pte, mfn_t frame)
{
    return unmap(pt, pte, true, frame);
}

int pt_grant_replace_va(struct mm_owner *pt, mfn_t l4, u64 va, u64 new_va, mfn_t frame)
{
    int rc = -EINVAL;

    (void)l4;
    pthread_mutex_lock(&lock);
    struct entry *to = find(pt, va, false), *from = find(pt, new_va, false);
    if (to && to->mfn == mfn_x(frame) && to != from && new_va < FRAMES_VA_OK) {
        drop(to);
        if (from)
            from->addr = va;
        rc = PT_GRANT_USED;
    }
    pthread_mutex_unlock(&lock);
    return rc;
}

void frames_overwrite(struct domain *d, u64 va)
{
    pthread_mutex_lock(&lock);
    struct entry *e = find(&d->mm, va, false);
    if (e)
        drop(e);
    pthread_mutex_unlock(&lock);
}

void frames_drop_tables(struct domain *d)
{
    pthread_mutex_lock(&lock);
    for (unsigned i = 0; i < ENTRIES; i++)
        if (entries[i].pt == &d->mm)
            drop(&entries[i]);
    pthread_mutex_unlock(&lock);
}

unsigned frames_mapped(u64 mfn)
{
    unsigned n = 0;

    for (unsigned i = 0; i < ENTRIES; i++)
        n += entries[i].pt && entries[i].mfn == mfn;
    return n;
}

unsigned frames_all_mapped(void)
{
    unsigned n = 0;

    for (unsigned i = 0; i < ENTRIES; i++)
        n += entries[i].pt != NULL;
    return n;
}

void flush_cpus(const cpumask_t *mask, u64 va)
{
    (void)mask;
    BUG_ON(simple_locks_held());
    pthread_mutex_lock(&lock);
    frames_flushes++;
    frames_last_flush = va;
    pthread_mutex_unlock(&lock);
}

/* --- audit --- */

void mm_audit_register(void (*report)(void))
{
    audit_hook = report;
}

void mm_audit_add_ref(mfn_t mfn, u64 type)
{
    audit_refs[mfn_x(mfn)]++;
    audit_writable[mfn_x(mfn)] += type == PGT_writable;
}

void frames_run_audit(u64 refs[FRAMES_NR], u64 writable[FRAMES_NR])
{
    audit_refs = refs;
    audit_writable = writable;
    audit_hook();
}
