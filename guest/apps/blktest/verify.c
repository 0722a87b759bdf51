/* SPDX-License-Identifier: MIT */
/*
 * Random reads, writes, discards and flushes, with a model of what each sector must hold.
 *
 * The model has the generation of each sector: 0 before its first write, when it may hold anything. A
 * discarded sector holds what it held, or zeroes. Requests that overlap are in flight at once only if all of
 * them read. At the end everything is read once more.
 */
#include "blktest.h"
#include "guest/guest.h"
#include "guest/mm.h"

#define DISCARDED 0x80000000u /* in the model */
#define TRIES     16u         /* to find a place that overlaps with nothing in flight */
#define UNDER_WAY 100u

struct part {
    uint32_t *model; /* one a sector of the worker's part */
    unsigned order;
    uint32_t generation;
    uint64_t reads, writes, discards, flushes, checked, written;
    uint64_t ended;
    uint64_t sweep; /* next sector of the last pass; UINT64_MAX before it */
};

static void describe(struct worker *w, const uint64_t *words, uint64_t sector, uint32_t expected)
{
    if (sector_is_ours(words, w->job->seed))
        worker_fail(w, "sector %lu should have generation %u%s and begins as generation %lu of sector %lu",
                    sector, expected & ~DISCARDED, expected & DISCARDED ? " or zeroes" : "", words[2],
                    words[1]);
    else
        worker_fail(w, "sector %lu should have generation %u%s and begins with %016lx %016lx", sector,
                    expected & ~DISCARDED, expected & DISCARDED ? " or zeroes" : "", words[0], words[1]);
}

static void check_sector(struct worker *w, const uint64_t *words, uint64_t sector)
{
    struct part *p = w->priv;
    uint32_t expected = p->model[sector - w->first];

    if (!(expected & ~DISCARDED))
        return;
    p->checked++;
    if (sector_is(words, w->job->seed, sector, expected & ~DISCARDED) ||
        ((expected & DISCARDED) && sector_is_zero(words)))
        return;
    describe(w, words, sector, expected);
}

/* --- requests -------------------------------------------------------------- */

static bool overlaps(const struct worker *w, const struct blk_req *req)
{
    for (unsigned i = 0; i < w->job->qd; i++) {
        const struct blk_req *other = &w->slots[i].req;

        if (!w->slots[i].busy || other->op == BLK_FLUSH || (other->op == BLK_READ && req->op == BLK_READ))
            continue;
        if (other->sector < req->sector + req->sectors && req->sector < other->sector + other->sectors)
            return true;
    }
    return false;
}

static enum blk_op choose_op(struct worker *w)
{
    unsigned n = (unsigned)(worker_random(w) >> 20) % 100;

    if (w->job->info.readonly)
        return BLK_READ;
    if (n < 4 && w->job->info.flush)
        return BLK_FLUSH;
    if (n < 8 && w->job->info.discard)
        return BLK_DISCARD;
    return n < 52 ? BLK_WRITE : BLK_READ;
}

/* Mostly short, sometimes as long as may be; in units of the disk's sectors. */
static void choose_place(struct worker *w, struct blk_req *req)
{
    uint64_t unit = w->job->info.sector_size / BLK_SECTOR;
    uint64_t longest = w->job->bs / BLK_SECTOR;
    uint64_t most = worker_random(w) >> 7 & 3 ? (longest + 7) / 8 : longest;

    if (most > w->sectors)
        most = w->sectors;
    req->sectors = (1 + (worker_random(w) >> 11) % most + unit - 1) & ~(unit - 1);
    if (req->sectors > longest)
        req->sectors = longest;
    req->sector = w->first + ((worker_random(w) >> 9) % (w->sectors - req->sectors + 1) & ~(unit - 1));
}

static void prepare(struct worker *w, struct slot *s)
{
    struct part *p = w->priv;

    if (s->req.op == BLK_READ || s->req.op == BLK_WRITE)
        s->req.buf = slot_buffer(s);
    if (s->req.op != BLK_WRITE)
        return;
    s->generation = ++p->generation;
    for (uint64_t i = 0; i < s->req.sectors; i++)
        sector_fill((uint64_t *)s->req.buf + i * SECTOR_WORDS, w->job->seed, s->req.sector + i,
                    s->generation);
}

static bool next_random(struct worker *w, struct slot *s)
{
    s->req.op = choose_op(w);
    for (unsigned i = 0; s->req.op != BLK_FLUSH; i++) {
        choose_place(w, &s->req);
        if (!overlaps(w, &s->req))
            break;
        /* Waits for one to end. With nothing in flight nothing overlaps. */
        if (i == TRIES)
            return false;
    }
    prepare(w, s);
    w->left -= s->req.sectors < w->left ? s->req.sectors : w->left;
    return true;
}

static bool next_of_sweep(struct worker *w, struct slot *s)
{
    struct part *p = w->priv;

    if (p->sweep >= w->sectors)
        return false;
    s->req.op = BLK_READ;
    s->req.sector = w->first + p->sweep;
    s->req.sectors = w->job->bs / BLK_SECTOR;
    if (s->req.sectors > w->sectors - p->sweep)
        s->req.sectors = w->sectors - p->sweep;
    p->sweep += s->req.sectors;
    prepare(w, s);
    return true;
}

static bool verify_next(struct worker *w, struct slot *s)
{
    const struct part *p = w->priv;

    if (p->sweep != UINT64_MAX)
        return next_of_sweep(w, s);
    return worker_goes_on(w) && next_random(w, s);
}

static void verify_ended(struct worker *w, struct slot *s)
{
    struct part *p = w->priv;
    uint32_t *model = p->model + (s->req.sector - w->first);

    if (s->req.op == BLK_READ || s->req.op == BLK_WRITE)
        slot_check(s);
    switch (s->req.op) {
    case BLK_READ:
        p->reads++;
        for (uint64_t i = 0; i < s->req.sectors; i++)
            check_sector(w, (uint64_t *)s->req.buf + i * SECTOR_WORDS, s->req.sector + i);
        break;
    case BLK_WRITE:
        p->writes++;
        p->written += s->req.sectors;
        for (uint64_t i = 0; i < s->req.sectors; i++)
            model[i] = s->generation;
        break;
    case BLK_FLUSH:
        p->flushes++;
        break;
    default:
        p->discards++;
        for (uint64_t i = 0; i < s->req.sectors; i++)
            model[i] |= DISCARDED;
    }
    if (!w->index && ++p->ended == UNDER_WAY)
        printf("blktest: under way\n");
}

static bool verify_phase(struct worker *w)
{
    struct part *p = w->priv;

    if (p->sweep == UINT64_MAX)
        p->sweep = worker_goes_on(w) ? UINT64_MAX : 0;
    else
        return p->sweep < w->sectors;
    return true;
}

/* --- begin and end --------------------------------------------------------- */

static struct part parts[BLK_MAX_QUEUES];

static bool verify_begin(struct worker *w)
{
    struct part *p = &parts[w->index];

    *p = (struct part){.sweep = UINT64_MAX};
    w->priv = p;
    while (PAGE_SIZE << p->order < w->sectors * sizeof(*p->model))
        p->order++;
    p->model = page_alloc(p->order);
    if (!p->model)
        worker_fail(w, "no memory for a model of %lu sectors", w->sectors);
    return p->model;
}

static void verify_finish(struct worker *w)
{
    struct part *p = w->priv;

    if (p && p->model)
        page_free(p->model, p->order);
}

bool verify(const struct job *job)
{
    static const struct work work = {verify_begin, verify_next, verify_ended, verify_phase, verify_finish};
    static struct worker workers[BLK_MAX_QUEUES];
    struct part sum = {0};
    bool good = run_workers(job, &work, workers);

    for (unsigned i = 0; i < job->workers; i++) {
        sum.reads += parts[i].reads;
        sum.writes += parts[i].writes;
        sum.discards += parts[i].discards;
        sum.flushes += parts[i].flushes;
        sum.checked += parts[i].checked;
        sum.written += parts[i].written;
    }
    printf("verify: %lu reads, %lu writes, %lu discards, %lu flushes; %lu sectors written, %lu checked\n",
           sum.reads, sum.writes, sum.discards, sum.flushes, sum.written, sum.checked);
    if (good && !sum.checked && !job->info.readonly)
        printf("blktest: nothing was checked\n");
    return good && (sum.checked || job->info.readonly);
}
