/* SPDX-License-Identifier: MIT */
/* Handles of the mappings that a domain holds. */
#include "grant/table.h"
#include "mm/alloc.h"

_Static_assert(sizeof(struct grant_mapping) == 16, "256 handles a page");

struct grant_mapping *maptrack_slot(const struct grant_table *gt, u32 handle)
{
    if (unlikely(handle / MAPTRACK_PER_FRAME >= READ_ONCE(gt->nr_map_frames)))
        return NULL;
    return &gt->mappings[handle / MAPTRACK_PER_FRAME][handle % MAPTRACK_PER_FRAME];
}

/* One page of handles more; lock held. */
static bool maptrack_grow(struct grant_table *gt)
{
    struct grant_mapping *page;
    u32 first = gt->nr_map_frames * MAPTRACK_PER_FRAME;

    if (gt->nr_map_frames >= gt->max_map_frames)
        return false;
    if (!gt->mappings)
        gt->mappings = hyp_zalloc(gt->max_map_frames * sizeof(gt->mappings[0]));
    page = gt->mappings ? hyp_zalloc(PAGE_SIZE) : NULL;
    if (!page)
        return false;
    for (u32 i = 0; i < MAPTRACK_PER_FRAME; i++)
        page[i].ref = i + 1 < MAPTRACK_PER_FRAME ? first + i + 1 : gt->free_handle;
    gt->mappings[gt->nr_map_frames] = page;
    gt->free_handle = first;
    /* Unmaps look at the number without the lock. */
    __atomic_store_n(&gt->nr_map_frames, gt->nr_map_frames + 1, __ATOMIC_RELEASE);
    return true;
}

u32 maptrack_take(struct grant_table *gt)
{
    u32 handle = NO_HANDLE;

    spin_lock(&gt->map_lock);
    if (likely(gt->free_handle != NO_HANDLE) || maptrack_grow(gt)) {
        handle = gt->free_handle;
        gt->free_handle = maptrack_slot(gt, handle)->ref;
        gt->nr_maps++;
    }
    spin_unlock(&gt->map_lock);
    return handle;
}

static void give_locked(struct grant_table *gt, u32 handle)
{
    struct grant_mapping *m = maptrack_slot(gt, handle);

    m->flags = 0;
    m->granter = NULL;
    m->ref = gt->free_handle;
    gt->free_handle = handle;
    gt->nr_maps--;
}

void maptrack_give(struct grant_table *gt, u32 handle)
{
    spin_lock(&gt->map_lock);
    give_locked(gt, handle);
    spin_unlock(&gt->map_lock);
}

bool maptrack_part_done(struct grant_table *gt, u32 handle, unsigned parts)
{
    struct grant_mapping *m = maptrack_slot(gt, handle);
    bool last;

    spin_lock(&gt->map_lock);
    m->parts = (u8)(m->parts - parts);
    last = !m->parts;
    if (last)
        give_locked(gt, handle);
    spin_unlock(&gt->map_lock);
    return last;
}
