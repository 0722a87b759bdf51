/* SPDX-License-Identifier: MIT */
/*
 * The frame allocator: buddy lists by order and by zone. Zone z holds frames 2^(z-1) .. 2^z - 1, so a limit
 * on addresses is a limit on zones, and a naturally aligned block never crosses one (frame 0 is never free).
 * Memory is taken from the highest zone that will do, which leaves low memory for those that need it.
 *
 * Only the head of a free block says that it is free: its type_info is PGT_free | order. Everything else of a
 * free frame's page_info is stale, so giving a large block to the lists touches one struct page_info.
 */
#include <xen/xen.h>
#include "cpu/smp.h"
#include "lib/errno.h"
#include "mm/domain_pages.h"
#include "mm/flush.h"
#include "mm/pt_internal.h"

#define NR_ZONES          41
#define FREE_MAY_BE_STALE (1UL << 50) /* some CPU may have translations older than tlb_stamp */

static struct spinlock heap_lock = SPINLOCK_INIT(LOCK_HEAP);
static u32 free_head[NR_ZONES][MAX_ORDER + 1]; /* lists of blocks by their first frame */
static u32 nonempty[NR_ZONES];                 /* bit per order */
static u64 free_count, total_count, claims;

static unsigned zone_of(u64 mfn)
{
    return mfn ? 64 - (unsigned)__builtin_clzl(mfn) : 0;
}

static void list_del_block(struct page_info *pg, unsigned order)
{
    unsigned z = zone_of(mfn_x(page_to_mfn(pg)));

    page_list_remove(&free_head[z][order], pg);
    if (free_head[z][order] == PAGE_LIST_NONE)
        nonempty[z] &= ~(1u << order);
}

static void list_add_block(struct page_info *pg, unsigned order, u32 stamp, bool stale)
{
    unsigned z = zone_of(mfn_x(page_to_mfn(pg)));

    pg->count_info = 0;
    pg->owner_id = 0;
    pg->tlb_stamp = stamp;
    pg->type_info = PGT_free | order | (stale ? FREE_MAY_BE_STALE : 0);
    page_list_push(&free_head[z][order], pg);
    nonempty[z] |= 1u << order;
}

static bool is_free_head(u64 mfn, unsigned order)
{
    return mfn && mfn_valid(mfn_of(mfn)) &&
           (frame_table[mfn].type_info & ~FREE_MAY_BE_STALE) == (PGT_free | order);
}

static void free_locked(u64 mfn, unsigned order, bool stale)
{
    u32 stamp = frame_table[mfn].tlb_stamp;

    free_count += 1UL << order;
    while (order < MAX_ORDER && is_free_head(mfn ^ (1UL << order), order)) {
        u64 buddy = mfn ^ (1UL << order);
        struct page_info *b = &frame_table[buddy];

        list_del_block(b, order);
        if (b->type_info & FREE_MAY_BE_STALE) {
            stamp = stale ? flush_later(stamp, b->tlb_stamp) : b->tlb_stamp;
            stale = true;
        }
        b->type_info = PGT_none;
        frame_table[mfn].type_info = PGT_none;
        mfn &= ~(1UL << order);
        order++;
    }
    list_add_block(&frame_table[mfn], order, stamp, stale);
}

void frames_free(struct page_info *pg, unsigned order, bool stamped)
{
    spin_lock(&heap_lock);
    free_locked(mfn_x(page_to_mfn(pg)), order, stamped);
    spin_unlock(&heap_lock);
}

void alloc_add_range(mfn_t start, mfn_t end)
{
    u64 m = MAX(mfn_x(start), 1UL), e = MIN(mfn_x(end), max_mfn + 1);

    spin_lock(&heap_lock);
    while (m < e) {
        unsigned order = MIN((unsigned)__builtin_ctzl(m), (unsigned)MAX_ORDER);
        while ((1UL << order) > e - m)
            order--;
        total_count += 1UL << order;
        free_locked(m, order, false);
        m += 1UL << order;
    }
    spin_unlock(&heap_lock);
}

static struct page_info *find_block(unsigned order, unsigned top_zone, unsigned *found)
{
    for (unsigned z = top_zone + 1; z-- > 1;) {
        u32 orders = nonempty[z] >> order;
        if (orders) {
            *found = order + (unsigned)__builtin_ctz(orders);
            return &frame_table[free_head[z][*found]];
        }
    }
    return NULL;
}

/* Those that claimed may take what they claimed; others only what nobody claimed. */
static bool claims_allow(u64 n, const struct mm_owner *claimant)
{
    u64 kept = claims - (claimant ? claimant->claimed : 0);
    return free_count >= n && free_count - n >= kept;
}

struct page_info *frames_alloc(unsigned order, unsigned address_bits, struct mm_owner *claimant)
{
    unsigned top = NR_ZONES - 1, have;

    if (address_bits && address_bits - PAGE_SHIFT < top)
        top = address_bits > PAGE_SHIFT ? address_bits - PAGE_SHIFT : 0;
    if (order > MAX_ORDER)
        return NULL;

    spin_lock(&heap_lock);
    struct page_info *pg = claims_allow(1UL << order, claimant) ? find_block(order, top, &have) : NULL;
    if (!pg) {
        spin_unlock(&heap_lock);
        return NULL;
    }
    list_del_block(pg, have);
    bool stale = pg->type_info & FREE_MAY_BE_STALE;
    while (have > order) {
        have--;
        list_add_block(pg + (1UL << have), have, pg->tlb_stamp, stale);
    }
    pg->type_info = PGT_none;
    u32 stamp = pg->tlb_stamp;
    free_count -= 1UL << order;
    if (claimant && claimant->claimed) {
        u64 used = MIN(claimant->claimed, 1UL << order);
        claimant->claimed -= used;
        claims -= used;
    }
    spin_unlock(&heap_lock);

    /* Whoever had the frames before may still reach them through a TLB. */
    if (stale)
        flush_stale(&cpu_online_mask, stamp);
    return pg;
}

int claim_pages(struct mm_owner *o, u64 pages)
{
    int rc = 0;

    spin_lock(&heap_lock);
    u64 others = claims - o->claimed;
    if (pages && (free_count < others || pages > free_count - others)) {
        rc = -ENOMEM;
    } else {
        claims = others + pages;
        o->claimed = pages;
    }
    spin_unlock(&heap_lock);
    return rc;
}

u64 free_page_count(void)
{
    return READ_ONCE(free_count);
}

u64 total_page_count(void)
{
    return READ_ONCE(total_count);
}

u64 claimed_page_count(void)
{
    return READ_ONCE(claims);
}
