/* SPDX-License-Identifier: MIT */
/* Threads that keep a number of requests in flight each. */
#include "blktest.h"
#include "guest/guest.h"
#include "guest/heap.h"
#include "guest/mm.h"
#include "guest/time.h"

#define GUARD_BYTES 512u
#define GUARD_FILL  0x5a

void worker_fail(struct worker *w, const char *fmt, ...)
{
    va_list ap;

    if (w->failure[0])
        return;
    va_start(ap, fmt);
    vsnprintf(w->failure, sizeof(w->failure), fmt, ap);
    va_end(ap);
}

uint64_t worker_random(struct worker *w)
{
    w->random ^= w->random << 13;
    w->random ^= w->random >> 7;
    w->random ^= w->random << 17;
    return w->random;
}

bool job_over;

bool worker_goes_on(const struct worker *w)
{
    return !w->failure[0] && w->left && !__atomic_load_n(&job_over, __ATOMIC_ACQUIRE) &&
           (!w->deadline || time_now() < w->deadline);
}

/* --- buffers --------------------------------------------------------------- */

static unsigned memory_order(const struct job *job)
{
    unsigned order = 0;

    while (PAGE_SIZE << order < job->bs + 3ul * GUARD_BYTES)
        order++;
    return order;
}

void *slot_buffer(struct slot *s)
{
    unsigned offset = (unsigned)worker_random(s->worker) % GUARD_BYTES & ~7u;

    char *buf = s->memory + GUARD_BYTES + offset;

    memset(s->memory, GUARD_FILL, GUARD_BYTES + offset);
    memset(buf + s->req.sectors * BLK_SECTOR, GUARD_FILL, GUARD_BYTES);
    return buf;
}

static bool filled(const char *p, const char *end)
{
    while (p < end)
        if (*p++ != GUARD_FILL)
            return false;
    return true;
}

void slot_check(struct slot *s)
{
    const char *buf = s->req.buf, *behind = buf + s->req.sectors * BLK_SECTOR;

    if (!filled(s->memory, buf) || !filled(behind, behind + GUARD_BYTES))
        worker_fail(s->worker, "memory around the buffer of sectors %lu+%lu was changed", s->req.sector,
                    s->req.sectors);
}

/* --- requests -------------------------------------------------------------- */

static void push_ended(struct blk_req *req)
{
    struct slot *s = (struct slot *)req;
    struct worker *w = s->worker;

    s->next_ended = __atomic_load_n(&w->ended, __ATOMIC_RELAXED);
    while (
        !__atomic_compare_exchange_n(&w->ended, &s->next_ended, s, true, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
        ;
    waitq_wake(&w->wake);
}

static bool any_ended(void *data)
{
    struct worker *w = data;

    return __atomic_load_n(&w->ended, __ATOMIC_ACQUIRE);
}

static void submit(struct worker *w, struct slot *s)
{
    int rc;

    s->busy = true;
    w->busy++;
    s->req.done = push_ended;
    s->started = time_now();
    rc = blk_submit(w->job->dev, &s->req);
    if (!rc)
        return;
    worker_fail(w, "request %d of sectors %lu+%lu refused: %d", s->req.op, s->req.sector, s->req.sectors, rc);
    s->busy = false;
    w->busy--;
}

static void take_ended(struct worker *w, const struct work *work)
{
    struct slot *s = __atomic_exchange_n(&w->ended, NULL, __ATOMIC_ACQUIRE);

    for (; s; s = s->next_ended) {
        if (s->req.status)
            worker_fail(w, "request %d of sectors %lu+%lu ended with %d", s->req.op, s->req.sector,
                        s->req.sectors, s->req.status);
        if (!w->failure[0])
            work->ended(w, s);
        s->busy = false;
        w->busy--;
    }
}

static void submit_more(struct worker *w, const struct work *work)
{
    for (unsigned i = 0; i < w->job->qd && !w->failure[0]; i++) {
        struct slot *s = &w->slots[i];

        if (s->busy)
            continue;
        s->req = (struct blk_req){0};
        if (!work->next(w, s))
            return;
        submit(w, s);
    }
}

static void run(struct worker *w, const struct work *work)
{
    do {
        submit_more(w, work);
        while (w->busy) {
            waitq_wait(&w->wake, any_ended, w, 0);
            take_ended(w, work);
            submit_more(w, work);
        }
    } while (!w->failure[0] && work->phase(w));
}

/* --- workers --------------------------------------------------------------- */

static const struct work *the_work;

static bool allocate(struct worker *w)
{
    w->slots = heap_alloc(w->job->qd * sizeof(*w->slots));
    if (!w->slots)
        return false;
    for (unsigned i = 0; i < w->job->qd; i++) {
        w->slots[i].worker = w;
        w->slots[i].memory = page_alloc(memory_order(w->job));
        if (!w->slots[i].memory)
            return false;
    }
    return true;
}

static void release(struct worker *w)
{
    for (unsigned i = 0; w->slots && i < w->job->qd; i++)
        if (w->slots[i].memory)
            page_free(w->slots[i].memory, memory_order(w->job));
    heap_free(w->slots);
}

static void work_thread(void *data)
{
    struct worker *w = data;

    if (!allocate(w))
        worker_fail(w, "no memory for %u buffers of %u bytes", w->job->qd, w->job->bs);
    else if (the_work->begin(w))
        run(w, the_work);
    the_work->finish(w);
    release(w);
}

static void set_up(struct worker *w, const struct job *job, unsigned index)
{
    uint64_t share = job->area / job->workers & ~7ul;

    *w = (struct worker){.job = job, .index = index, .first = index * share, .sectors = share};
    w->random = (job->seed + index) * 0x9e3779b97f4a7c15ul | 1;
    w->left = job->bytes ? job->bytes / BLK_SECTOR / job->workers : UINT64_MAX;
    w->deadline = job->seconds ? time_now() + job->seconds * SECONDS : 0;
}

bool run_workers(const struct job *job, const struct work *work, struct worker *workers)
{
    bool good = true;

    the_work = work;
    for (unsigned i = 0; i < job->workers; i++) {
        set_up(&workers[i], job, i);
        workers[i].thread = thread_start("blktest worker", i, work_thread, &workers[i]);
        if (!workers[i].thread)
            worker_fail(&workers[i], "no thread");
    }
    for (unsigned i = 0; i < job->workers; i++) {
        if (workers[i].thread)
            thread_join(workers[i].thread);
        if (workers[i].failure[0]) {
            printf("blktest: worker %u: %s\n", i, workers[i].failure);
            good = false;
        }
    }
    return good;
}
