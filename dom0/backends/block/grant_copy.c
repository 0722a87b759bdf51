/* SPDX-License-Identifier: MIT */
#include "dom0/backends/block/grant_copy.h"

#include <xen/xen.h>
#include <xen/grant_table.h>

void grant_copy_init(struct grant_copy *copy, struct guest_access *access)
{
    copy->access = access;
    copy->count = 0;
}

static xengnttab_grant_copy_segment_t *next(struct grant_copy *copy, bool *failed)
{
    if (copy->count == GRANT_COPY_BATCH)
        grant_copy_run(copy);
    copy->failed[copy->count] = failed;
    return &copy->segments[copy->count++];
}

void grant_copy_in(struct grant_copy *copy, uint32_t domid, uint32_t gref, unsigned offset, unsigned bytes,
                   void *to, bool *failed)
{
    xengnttab_grant_copy_segment_t *segment = next(copy, failed);

    segment->source.foreign.ref = gref;
    segment->source.foreign.offset = (uint16_t)offset;
    segment->source.foreign.domid = (uint16_t)domid;
    segment->dest.virt = to;
    segment->len = (uint16_t)bytes;
    segment->flags = GNTCOPY_source_gref;
}

void grant_copy_out(struct grant_copy *copy, uint32_t domid, uint32_t gref, unsigned offset, unsigned bytes,
                    void *from, bool *failed)
{
    xengnttab_grant_copy_segment_t *segment = next(copy, failed);

    segment->source.virt = from;
    segment->dest.foreign.ref = gref;
    segment->dest.foreign.offset = (uint16_t)offset;
    segment->dest.foreign.domid = (uint16_t)domid;
    segment->len = (uint16_t)bytes;
    segment->flags = GNTCOPY_dest_gref;
}

void grant_copy_run(struct grant_copy *copy)
{
    bool refused;

    if (copy->count == 0)
        return;
    refused = xengnttab_grant_copy(guest_access_gnttab(copy->access), copy->count, copy->segments) != 0;
    for (unsigned i = 0; i < copy->count; i++)
        if (refused || copy->segments[i].status != GNTST_okay)
            *copy->failed[i] = true;
    copy->count = 0;
}
