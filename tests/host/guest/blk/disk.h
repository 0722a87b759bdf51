/* SPDX-License-Identifier: MIT */
#ifndef TESTS_HOST_GUEST_BLK_DISK_H
#define TESTS_HOST_GUEST_BLK_DISK_H

/* An honest backend with a disk in memory, for the frontend's queue on the host. */

#include <stdbool.h>
#include <stdint.h>
#include <xen/io/blkif.h>

#define DISK_SECTOR 512u

struct disk_request {
    uint8_t op; /* never INDIRECT */
    uint64_t id, sector, nr_sectors;
    unsigned nr_segments;
    struct blkif_request_segment seg[512];
};

struct disk {
    blkif_back_ring_t ring;
    uint8_t *data;
    uint64_t sectors;
    bool persistent; /* keeps all grants mapped, writable */
    bool no_flush, no_discard;
    unsigned flushes, discards;
    struct disk_request *taken; /* not answered yet */
    unsigned nr_taken;
};

void disk_init(struct disk *d, uint64_t sectors);
void disk_fini(struct disk *d);

/* A new connection; what was taken is forgotten. */
void disk_attach(struct disk *d, void *shared, unsigned ring_pages);

/* Takes all requests that are on the ring; how many are waiting. */
unsigned disk_take(struct disk *d);

/* Carries out one of those taken and answers it; true if the frontend wants an event. */
bool disk_answer(struct disk *d, unsigned which);

/* Carries one out without answering: what a backend does that is killed in between. */
int16_t disk_carry_out(struct disk *d, const struct disk_request *r);

/* Takes and answers everything, the last one first if reverse. */
void disk_run(struct disk *d, bool reverse);

#endif
