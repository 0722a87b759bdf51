/* SPDX-License-Identifier: MIT */
/* Throughput and latency of one kind of request: mode=read, write (in order), rand, randwrite. */
#include "blktest.h"
#include "guest/guest.h"
#include "guest/time.h"

/* Latencies in ns by their highest bit and the three bits behind it. */
#define FINE    8u
#define BUCKETS (64u * FINE)

struct tally {
    uint64_t requests, sum, max;
    uint32_t bucket[BUCKETS];
    uint64_t next; /* sector, in order */
};

static struct tally tallies[BLK_MAX_QUEUES];

static unsigned bucket_of(uint64_t ns)
{
    unsigned top = 63u - (unsigned)__builtin_clzl(ns | FINE);

    return top * FINE + (unsigned)(ns >> (top - 3) & (FINE - 1));
}

/* The upper end of a bucket. */
static uint64_t bucket_end(unsigned b)
{
    return (FINE + 1 + b % FINE) << (b / FINE - 3);
}

static uint64_t percentile(const struct tally *t, unsigned per_mille)
{
    uint64_t rank = t->requests * per_mille / 1000, seen = 0;

    for (unsigned b = 3 * FINE; b < BUCKETS; b++) {
        seen += t->bucket[b];
        if (seen > rank)
            return bucket_end(b) < t->max ? bucket_end(b) : t->max;
    }
    return t->max;
}

static bool bench_begin(struct worker *w)
{
    w->priv = &tallies[w->index];
    tallies[w->index] = (struct tally){0};
    return true;
}

static bool bench_next(struct worker *w, struct slot *s)
{
    struct tally *t = w->priv;
    uint64_t n = w->job->bs / BLK_SECTOR, places = w->sectors / n;

    if (!worker_goes_on(w))
        return false;
    if (!strncmp(w->job->mode, "rand", 4)) {
        s->req.sector = w->first + (worker_random(w) >> 9) % places * n;
    } else {
        s->req.sector = w->first + t->next * n;
        t->next = (t->next + 1) % places;
    }
    s->req.op = strstr(w->job->mode, "write") ? BLK_WRITE : BLK_READ;
    s->req.sectors = n;
    s->req.buf = s->memory;
    w->left -= n < w->left ? n : w->left;
    return true;
}

static void bench_ended(struct worker *w, struct slot *s)
{
    struct tally *t = w->priv;
    uint64_t ns = time_now() - s->started;

    t->requests++;
    t->sum += ns;
    t->max = ns > t->max ? ns : t->max;
    t->bucket[bucket_of(ns)]++;
}

static bool bench_phase(struct worker *w)
{
    return worker_goes_on(w);
}

static void bench_finish(struct worker *w)
{
    (void)w;
}

static void add(struct tally *to, const struct tally *from)
{
    to->requests += from->requests;
    to->sum += from->sum;
    to->max = from->max > to->max ? from->max : to->max;
    for (unsigned b = 0; b < BUCKETS; b++)
        to->bucket[b] += from->bucket[b];
}

bool bench(const struct job *job)
{
    static const struct work work = {bench_begin, bench_next, bench_ended, bench_phase, bench_finish};
    static struct worker workers[BLK_MAX_QUEUES];
    static struct tally all;
    uint64_t start = time_now(), us;
    bool good;

    if (job->area / job->workers < job->bs / BLK_SECTOR) {
        printf("blktest: the area is smaller than a request\n");
        return false;
    }
    good = run_workers(job, &work, workers);
    us = (time_now() - start) / 1000;
    all = (struct tally){0};
    for (unsigned i = 0; i < job->workers; i++)
        add(&all, &tallies[i]);
    if (!good || !all.requests || !us)
        return false;
    printf("bench %s: bs %u qd %u queues %u: %lu bytes/s, %lu IOPS, latency us avg %lu p50 %lu p99 %lu "
           "p99.9 %lu max %lu\n",
           job->mode, job->bs, job->qd, job->workers, all.requests * job->bs * 1000000 / us,
           all.requests * 1000000 / us, all.sum / all.requests / 1000, percentile(&all, 500) / 1000,
           percentile(&all, 990) / 1000, percentile(&all, 999) / 1000, all.max / 1000);
    return true;
}
