/* SPDX-License-Identifier: MIT */
/* The table's memory, and the room's part in a domain's life. */
#include "grant/table.h"
#include "cpu/softirq.h"
#include "lib/errno.h"
#include "lib/printk.h"
#include "mm/alloc.h"
#include "mm/pagetable.h"

/* Frame number `idx`, unless another vCPU was faster. */
static int add_frame(struct domain *d, u32 idx)
{
    struct grant_table *gt = d->grant;
    u64 *shared = alloc_shared_page(mm_of(d), false);
    struct grant_pin *pins = hyp_zalloc(GRANTS_PER_FRAME * sizeof(*pins));
    int rc = 0;

    if (!shared || !pins) {
        rc = -ENOMEM;
    } else {
        spin_lock(&gt->lock);
        if (gt->dying) {
            rc = -EINVAL;
        } else if (gt->nr_frames == idx) {
            gt->shared[idx] = shared;
            gt->pins[idx] = pins;
            gt->nr_frames++;
            shared = NULL;
            pins = NULL;
        }
        spin_unlock(&gt->lock);
    }
    if (shared)
        free_shared_page(shared);
    hyp_free(pins);
    return rc;
}

int grant_table_grow(struct domain *d, u32 frames)
{
    struct grant_table *gt = d->grant;
    u32 have;
    int rc = 0;

    if (!gt || frames > gt->max_frames)
        return -EINVAL;
    while (!rc && (have = READ_ONCE(gt->nr_frames)) < frames)
        rc = add_frame(d, have);
    return rc;
}

int grant_table_get_frame(struct domain *d, u32 idx, mfn_t *mfn)
{
    struct grant_table *gt = d->grant;
    int rc;

    if (idx == ~0u)
        return -EINVAL;
    rc = grant_table_grow(d, idx + 1);
    if (rc)
        return rc;
    spin_lock(&gt->lock);
    if (idx < gt->nr_frames)
        *mfn = virt_to_mfn(gt->shared[idx]);
    else
        rc = -EINVAL; /* died meanwhile */
    spin_unlock(&gt->lock);
    return rc;
}

void grant_query_size(struct domain *d, u32 *nr, u32 *max)
{
    *nr = d->grant ? READ_ONCE(d->grant->nr_frames) : 0;
    *max = d->grant ? d->grant->max_frames : 0;
}

void grant_dump(struct domain *d)
{
    const struct grant_table *gt = d->grant;

    if (gt)
        printk(LOG_INFO,
               "d%u: grants: %u of %u frames, %u entries in use by others, %u mappings held, %u pages of "
               "handles\n",
               d->id, READ_ONCE(gt->nr_frames), gt->max_frames, READ_ONCE(gt->nr_pinned),
               READ_ONCE(gt->nr_maps), READ_ONCE(gt->nr_map_frames));
}

/* A limit out of a createdomain: negative asks for the default, which is also the most. */
static int limit(s32 asked, u32 dflt, u32 *out)
{
    if (asked > (s32)dflt)
        return -EINVAL;
    *out = asked < 0 ? dflt : (u32)asked;
    return 0;
}

static void grant_domain_free(struct domain *d)
{
    struct grant_table *gt = d->grant;

    if (!gt)
        return;
    for (u32 i = 0; gt->pins && i < gt->max_frames; i++)
        hyp_free(gt->pins[i]);
    for (u32 i = 0; i < gt->nr_map_frames; i++)
        hyp_free(gt->mappings[i]);
    hyp_free(gt->mappings);
    hyp_free(gt->pins);
    hyp_free(gt->shared);
    hyp_free(gt);
    d->grant = NULL;
}

static int grant_domain_create(struct domain *d, const struct xen_domctl_createdomain *cfg)
{
    struct grant_table *gt;
    u32 frames, maptrack;

    if (limit(cfg->max_grant_frames, GRANT_FRAMES_DEFAULT, &frames) ||
        limit(cfg->max_maptrack_frames, MAPTRACK_DEFAULT, &maptrack))
        return -EINVAL;
    if (!frames) /* the tools put console and store into the first */
        return -EINVAL;
    gt = hyp_zalloc(sizeof(*gt));
    if (!gt)
        return -ENOMEM;
    d->grant = gt;
    spin_lock_init(&gt->lock, LOCK_GRANT_TABLE);
    spin_lock_init(&gt->map_lock, LOCK_GRANT_MAP);
    gt->max_frames = d->max_grant_frames = frames;
    gt->max_map_frames = maptrack;
    gt->free_handle = NO_HANDLE;
    gt->shared = hyp_zalloc(frames * sizeof(gt->shared[0]));
    gt->pins = hyp_zalloc(frames * sizeof(gt->pins[0]));
    if (!gt->shared || !gt->pins) {
        grant_domain_free(d);
        return -ENOMEM;
    }
    return 0;
}

#define RELEASE_BATCH 64u

/* Everything that d has mapped. Its vCPUs are off for good, so that nobody else touches its maptrack. */
static int release_mappings(struct grant_table *gt)
{
    unsigned done = 0;

    while (gt->released < gt->nr_map_frames * MAPTRACK_PER_FRAME) {
        u32 handle = gt->released++;
        struct grant_mapping *m = maptrack_slot(gt, handle);
        struct grant_unmap_state st = {
            .granter = m->granter, .ref = m->ref, .handle = handle, .flags = m->flags};

        if (!m->flags)
            continue;
        st.frame = mfn_x(grant_pinned_frame(m->granter, m->ref));
        m->flags = 0;
        grant_mapping_release(gt, &st);
        if (++done >= RELEASE_BATCH && softirq_is_pending(this_cpu_id()))
            return -ERESTART;
    }
    return 0;
}

/* The frames that the table itself is made of. The pins stay: others may still hold frames of d. */
static void take_down(struct grant_table *gt)
{
    u32 frames;

    spin_lock(&gt->lock);
    gt->dying = true;
    frames = gt->nr_frames;
    gt->nr_frames = 0;
    spin_unlock(&gt->lock);
    for (u32 i = 0; i < frames; i++) {
        u64 *shared;

        spin_lock(&gt->lock);
        shared = gt->shared[i];
        gt->shared[i] = NULL;
        spin_unlock(&gt->lock);
        free_shared_page(shared);
    }
}

static int grant_domain_kill(struct domain *d)
{
    struct grant_table *gt = d->grant;
    int rc;

    if (!gt)
        return 0;
    rc = release_mappings(gt);
    if (rc)
        return rc;
    take_down(gt);
    return 0;
}

const struct domain_unit grant_unit = {
    .domain_create = grant_domain_create,
    .domain_kill = grant_domain_kill,
    .domain_free = grant_domain_free,
};

static void audit_pins(const struct grant_table *gt)
{
    for (u32 f = 0; f < gt->max_frames; f++) {
        const struct grant_pin *p = gt->pins[f];

        for (u32 i = 0; p && i < GRANTS_PER_FRAME; i++)
            if (p[i].readers | p[i].writers)
                mm_audit_add_ref(mfn_of(p[i].frame), PGT_none);
    }
}

static void audit_mappings(const struct grant_table *gt)
{
    for (u32 h = 0; h < gt->nr_map_frames * MAPTRACK_PER_FRAME; h++) {
        const struct grant_mapping *m = maptrack_slot(gt, h);

        if ((m->flags & GNTMAP_device_map) && !(m->flags & GNTMAP_readonly))
            mm_audit_add_ref(grant_pinned_frame(m->granter, m->ref), PGT_writable);
    }
}

static void audit_grants(void)
{
    struct domain *d;

    for_each_domain (d) {
        if (!d->grant)
            continue;
        audit_pins(d->grant);
        audit_mappings(d->grant);
    }
}

void grant_init(void)
{
    mm_audit_register(audit_grants);
}
