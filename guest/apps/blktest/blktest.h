/* SPDX-License-Identifier: MIT */
#ifndef GUEST_APPS_BLKTEST_H
#define GUEST_APPS_BLKTEST_H

/* What the files of the disk exerciser share. */

#include <stdbool.h>
#include <stdint.h>
#include "guest/frontends/blk.h"
#include "guest/thread.h"

#define SECONDS 1000000000ul

struct job {
    struct blk_dev *dev;
    struct blk_info info;
    char mode[16];
    uint64_t area;    /* sectors that are used, from the start of the disk */
    uint64_t bytes;   /* to be moved in all, 0: no limit */
    uint64_t seconds; /* 0: no limit */
    unsigned qd;      /* requests in flight, of each worker */
    unsigned bs;      /* bytes of a request; of the longest one when they vary */
    uint64_t seed;
    unsigned workers;   /* one a queue */
    unsigned reconnect; /* ms between forced reconnections, 0: none */
    unsigned count;     /* of resizes to wait for, or of passes */
};

/* The end of the work, before time and bytes are used up; atomic. */
extern bool job_over;

/* A request and its buffer. */
struct slot {
    struct blk_req req; /* first */
    struct worker *worker;
    struct slot *next_ended;
    bool busy;
    uint64_t started; /* system time */
    uint32_t generation;
    char *memory; /* of the buffer and a guard on both sides */
};

/* A thread that keeps its requests in flight on one part of the disk. */
struct worker {
    const struct job *job;
    unsigned index;
    uint64_t first, sectors; /* its part */
    uint64_t random;
    struct slot *slots;
    unsigned busy;
    struct slot *ended; /* stack, from handlers */
    struct waitq wake;
    struct thread *thread;
    char failure[160]; /* the first one */
    void *priv;
    uint64_t deadline; /* system time, 0: none */
    uint64_t left;     /* sectors still to move */
};

/* --- worker.c --- */

/* What a kind of test does with a worker; all on the worker's thread. */
struct work {
    bool (*begin)(struct worker *w);                /* false: failure is set */
    bool (*next)(struct worker *w, struct slot *s); /* fills s->req; false: nothing (more) to submit now */
    void (*ended)(struct worker *w, struct slot *s);
    bool (*phase)(struct worker *w); /* nothing is in flight and next() said no: false at the end of all */
    void (*finish)(struct worker *w);
};

/* Runs one worker a queue until all are through; false if one failed, after a line that says why. */
bool run_workers(const struct job *job, const struct work *work, struct worker *workers);

void worker_fail(struct worker *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
uint64_t worker_random(struct worker *w);

/* True while neither bytes nor time is used up, and nobody has asked for the end. */
bool worker_goes_on(const struct worker *w);

/*
 * A buffer for the request in the slot, between guards, at an address that is a multiple of 8 and differs
 * each time; and the check afterwards that the guards are whole.
 */
void *slot_buffer(struct slot *s);
void slot_check(struct slot *s);

/*
 * --- sector.c ---
 * A sector that was written says itself which sector, generation and seed it is of, and all its words follow
 * from those, so that a misplaced, stale or torn one is told from a correct one.
 */
#define SECTOR_WORDS (BLK_SECTOR / sizeof(uint64_t))

void sector_fill(uint64_t *words, uint64_t seed, uint64_t sector, uint32_t generation);
bool sector_is(const uint64_t *words, uint64_t seed, uint64_t sector, uint32_t generation);
/* Any sector and generation of that seed, by its first word. */
bool sector_is_ours(const uint64_t *words, uint64_t seed);
bool sector_is_zero(const uint64_t *words);

/* --- the tests; false: a line that says why was printed --- */
bool verify(const struct job *job);
bool passes(const struct job *job);
bool bench(const struct job *job);
bool resize(const struct job *job);
bool limits(const struct job *job);

#endif
