/* SPDX-License-Identifier: MIT */
#ifndef TESTS_HOST_BLOCK_FAKE_H
#define TESTS_HOST_BLOCK_FAKE_H

#include "dom0/backends/block/queue.h"
#include "dom0/backends/block/work.h"

/*
 * The world around a disk's queue, on one machine: a guest's memory in a file, with page n as grant n; an
 * image in memory whose operations end when the test says so; clocks and event channels that only count.
 * Everything that a crash leaves behind (guest memory, journal, image) is in shared mappings.
 */
#define FAKE_PAGES         512u
#define FAKE_IMAGE_SECTORS 4096u
#define FAKE_RING_GREF     1u
#define FAKE_DATA_GREF     16u

struct fake_image {
    struct image image;
    uint8_t *data;
    bool at_once;  /* operations end in the submit itself */
    int fail_with; /* errno of the next operations */
    unsigned flushes, discards, writes, reads;
    unsigned registered; /* reads and writes with registered memory */
    struct image_io *pending[1024];
    unsigned count;
};

struct fake {
    struct server server;
    struct backend_dev dev;
    struct disk disk;
    struct fake_image image;
    uint8_t *guest; /* FAKE_PAGES pages */
    bool granted[FAKE_PAGES];
    unsigned mapped; /* pages, now */
    unsigned map_calls, copy_calls, notifies, unmasks, logs, fails, drained;
    char last_log[256];
    struct iovec registered[URING_BUFFERS];
    int64_t now_ns;
    int64_t throttle_ns;
    size_t journal_bytes;
    struct journal_identity identity;
    void *journal;

    /* The frontend. */
    struct blkif_front_ring front;
    unsigned next_index;
};

extern struct fake *fake;

/* A disk with an image, direct or not, and a connected ring of 2^order pages; fake_free() is its end. */
struct fake *fake_new(unsigned order, bool persistent, bool direct);
void fake_free(struct fake *f);

/* A new daemon after a kill: nothing of the old one but what is shared. NULL: it refused. */
struct queue *fake_restart(struct fake *f);
struct queue *fake_connect(struct fake *f, bool resumed);

/* As the server does: until no queue is ready. */
void fake_run(struct fake *f);

/* Ends the pending operation number `which`, or all. */
void fake_complete(struct fake *f, unsigned which);
void fake_complete_all(struct fake *f);

/* The frontend's half. */
struct blkif_request *fake_ask(struct fake *f); /* the next slot, zeroed; shown by fake_push() */
void fake_ask_data(struct fake *f, uint64_t id, uint8_t op, uint64_t sector, uint32_t gref, unsigned first,
                   unsigned last);
void fake_push(struct fake *f);
/* The next answer; false: none. */
bool fake_answer(struct fake *f, struct blkif_response *answer);

uint8_t *fake_page(struct fake *f, uint32_t gref);

#endif
