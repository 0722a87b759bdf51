/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_BLOCK_QUEUE_H
#define HOSPES_BLOCK_QUEUE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "dom0/backends/block/disk.h"
#include "dom0/backends/block/ring.h"

/* One ring of a disk: takes requests in batches, answers in batches. */
TAILQ_HEAD(work_list, work);

struct queue {
    TAILQ_ENTRY(queue) ready_link;
    bool is_ready; /* is in server->ready */
    bool dead;     /* stopped or broken: nothing is taken or answered any more */
    bool masked;   /* an event has come, and the port was not unmasked since */
    struct disk *disk;
    unsigned number;

    void *pages;
    unsigned page_count;
    struct blk_ring ring;
    struct port *port;

    struct journal_ring *journal;
    struct journal_entry **free_entries; /* a stack with room for all */
    uint32_t free_count, entries;

    struct work_list batch; /* taken, not submitted: new, or they wait for a buffer */
    struct work_list done;  /* executed, not answered */
    struct work *barrier;   /* taken: nothing after it is, until it is done */
    unsigned submitted;     /* works whose I/O is under way */
};

/*
 * Maps the ring and takes it over where it is; with `resumed` as the journal says, and takes the unanswered
 * requests again. Nothing is executed before queue_ready() and the loop's next round. NULL after
 * backend_dev_fail().
 */
struct queue *queue_open(struct disk *disk, unsigned number, const uint32_t *grefs, unsigned pages,
                         uint32_t remote_port, struct journal_ring *journal, bool resumed);

/* Lets go of ring and port at once. What is under way goes on, and is freed when it ends. */
void queue_stop(struct queue *queue);

/* Stopped, and nothing of it is under way. NULL is allowed. */
void queue_free(struct queue *queue);

/* Run it before the next wait. */
void queue_ready(struct queue *queue);

/* Answers what is done, takes what waits, submits it. True: there is more to do at once. */
bool queue_run(struct queue *queue);

#endif
