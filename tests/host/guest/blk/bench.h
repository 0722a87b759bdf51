/* SPDX-License-Identifier: MIT */
#ifndef TESTS_HOST_GUEST_BLK_BENCH_H
#define TESTS_HOST_GUEST_BLK_BENCH_H

/* A queue of the frontend and an honest disk, connected as the device would. */

#include <xen/errno.h>
#include "tests/host/guest/blk/disk.h"
#include "tests/host/guest/blk/machine.h"

struct bench {
    struct blk_queue queue;
    struct disk disk;
    struct blk_page *shared;
    unsigned ended; /* requests whose done() ran */
};

struct bench *bench_new(unsigned max_order, unsigned pool_pages, uint64_t sectors);
void bench_free(struct bench *b);

void bench_connect(struct bench *b, unsigned ring_order, unsigned segments, bool persistent);

/* The backend is gone, with all that it had mapped. */
void bench_disconnect(struct bench *b);

void bench_submit(struct bench *b, struct blk_req *req, enum blk_op op, uint64_t sector, uint64_t sectors,
                  void *buf);

/* Submits and lets the disk work until the request is over; its status. */
int bench_io(struct bench *b, enum blk_op op, uint64_t sector, uint64_t sectors, void *buf);

#endif
