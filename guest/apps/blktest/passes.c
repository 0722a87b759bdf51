/* SPDX-License-Identifier: MIT */
/*
 * Volume: in each pass everything is written in order and flushed, and then read in order and compared. The
 * sectors of a pass differ from those of all others, so that what a pass reads is what it has written.
 */
#include "blktest.h"
#include "guest/guest.h"

struct part {
    uint32_t pass; /* from 1 */
    bool reading;
    uint64_t next; /* sector of the worker's part */
    uint64_t written, checked;
};

static struct part parts[BLK_MAX_QUEUES];

static bool passes_begin(struct worker *w)
{
    parts[w->index] = (struct part){.pass = 1};
    w->priv = &parts[w->index];
    return true;
}

static bool passes_next(struct worker *w, struct slot *s)
{
    struct part *p = w->priv;
    uint64_t n = w->job->bs / BLK_SECTOR, left = w->sectors - p->next;

    if (!left)
        return false;
    s->req.op = p->reading ? BLK_READ : BLK_WRITE;
    s->req.sector = w->first + p->next;
    s->req.sectors = n < left ? n : left;
    s->req.buf = slot_buffer(s);
    p->next += s->req.sectors;
    for (uint64_t i = 0; !p->reading && i < s->req.sectors; i++)
        sector_fill((uint64_t *)s->req.buf + i * SECTOR_WORDS, w->job->seed, s->req.sector + i, p->pass);
    return true;
}

static void check(struct worker *w, const uint64_t *words, uint64_t sector)
{
    struct part *p = w->priv;

    p->checked++;
    if (!sector_is(words, w->job->seed, sector, p->pass))
        worker_fail(w, "pass %u: sector %lu begins with %016lx %016lx %016lx", p->pass, sector, words[0],
                    words[1], words[2]);
}

static void passes_ended(struct worker *w, struct slot *s)
{
    struct part *p = w->priv;

    slot_check(s);
    if (!p->reading)
        p->written += s->req.sectors;
    for (uint64_t i = 0; p->reading && i < s->req.sectors; i++)
        check(w, (uint64_t *)s->req.buf + i * SECTOR_WORDS, s->req.sector + i);
}

static bool passes_phase(struct worker *w)
{
    struct part *p = w->priv;
    int rc;

    p->next = 0;
    p->reading = !p->reading;
    if (p->reading) {
        rc = w->job->info.flush ? blk_flush(w->job->dev) : 0;
        if (rc)
            worker_fail(w, "pass %u: flush ended with %d", p->pass, rc);
        return !rc;
    }
    printf("blktest: worker %u: pass %u of %u is right\n", w->index, p->pass, w->job->count);
    return p->pass++ < w->job->count;
}

static void passes_finish(struct worker *w)
{
    (void)w;
}

bool passes(const struct job *job)
{
    static const struct work work = {passes_begin, passes_next, passes_ended, passes_phase, passes_finish};
    static struct worker workers[BLK_MAX_QUEUES];
    uint64_t written = 0, checked = 0;
    bool good = run_workers(job, &work, workers);

    for (unsigned i = 0; i < job->workers; i++) {
        written += parts[i].written;
        checked += parts[i].checked;
    }
    printf("passes: %lu sectors written, %lu checked\n", written, checked);
    return good && checked;
}
