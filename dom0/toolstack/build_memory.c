/* SPDX-License-Identifier: MIT */
#include "dom0/toolstack/build.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dom0/toolstack/report.h"

/* 2 MiB extents: one entry for 512 frames, and large pages of the machine stay whole. */
#define SUPER_ORDER 9U
#define SUPER_PAGES (1ULL << SUPER_ORDER)

/*
 * As many 2 MiB extents as there are, from pfn 0 on. *done is where they end; a machine whose memory is in
 * pieces has fewer than asked, and that is no error.
 */
static int give_superpages(struct toolstack *ts, struct build *b, uint64_t *done)
{
    size_t count = b->layout.nr_pages >> SUPER_ORDER;
    xen_pfn_t *extents = calloc(count + 1, sizeof(*extents));
    long given;

    if (!extents)
        return build_failed(b, "memory for the frame list");
    for (size_t i = 0; i < count; i++)
        extents[i] = i << SUPER_ORDER;
    given = hv_populate(&ts->hv, b->domid, SUPER_ORDER, extents, count);
    if (given < 0 && errno == ENOMEM)
        given = 0;
    for (long i = 0; i < given; i++)
        for (uint64_t page = 0; page < SUPER_PAGES; page++)
            b->mfn_of[((uint64_t)i << SUPER_ORDER) + page] = extents[i] + page;
    free(extents);
    if (given < 0)
        return build_failed(b, "memory");
    *done = (uint64_t)given << SUPER_ORDER;
    return 0;
}

int build_give_memory(struct toolstack *ts, struct build *b)
{
    uint64_t pages = b->layout.nr_pages, done = 0;
    long given;

    b->mfn_of = calloc(pages, sizeof(*b->mfn_of));
    if (!b->mfn_of)
        return build_failed(b, "memory for the frame list");
    if (give_superpages(ts, b, &done) != 0)
        return -1;
    if (done == pages)
        return 0;
    for (uint64_t pfn = done; pfn < pages; pfn++)
        b->mfn_of[pfn] = pfn;
    given = hv_populate(&ts->hv, b->domid, 0, b->mfn_of + done, pages - done);
    if (given < 0)
        return build_failed(b, "memory");
    if ((uint64_t)given != pages - done) {
        report_error("create %s: memory: %llu of %llu MiB could be had", b->cfg->name,
                     (unsigned long long)((done + (uint64_t)given) >> 8), (unsigned long long)(pages >> 8));
        return -1;
    }
    return 0;
}
