/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_BLOCK_DISK_H
#define HOSPES_BLOCK_DISK_H

#include <stdbool.h>
#include <stdint.h>

#include "dom0/backends/block/buffers.h"
#include "dom0/backends/block/image.h"
#include "dom0/backends/block/images.h"
#include "dom0/backends/block/journal.h"
#include "dom0/backends/block/rate.h"
#include "dom0/backends/block/request.h"
#include "dom0/backends/block/server.h"
#include "dom0/backends/common/persistent.h"

#define DISK_MAX_QUEUES 4u

/* Of persistent grants, for each ring. */
#define DISK_PERSISTENT_PAGES  1088u /* 32 requests of 32 pages, and their indirect pages */
#define DISK_PERSISTENT_CHUNKS 128u

/* One device: an image, and the rings of the frontend that is connected to it. */
struct disk {
    struct backend_dev *dev;
    struct server *server;
    struct image *image;
    char image_path[sizeof(((struct images_reply *)0)->path)]; /* of one behind a process; else "" */
    struct blk_limits limits;
    bool direct; /* as image_info */
    bool cdrom, removable;
    uint64_t actual_sectors; /* what the image has now; fewer than promised: it was cut off */
    int64_t looked_at_ns;    /* when */

    struct rate iops, bandwidth;
    struct loop_timer *throttle; /* until the rates allow the next request */

    /* While connected. */
    struct queue *queues[DISK_MAX_QUEUES];
    unsigned queue_count;
    struct persistent *persistent; /* NULL: the frontend grants each request anew */
    struct buffer_account buffers;
    void *journal;
    size_t journal_bytes;

    unsigned inflight; /* requests with I/O under way */
    bool draining;     /* disconnect waits for them */
    int last_error;    /* what the operator was told */
};

/* An operation has failed: the log, and for the first of a kind the operator's node. */
void disk_io_error(struct disk *disk, const struct blk_request *req, int error);

/* A queue of it cannot go on: the device fails. */
void disk_broken(struct disk *disk, unsigned queue, const char *why);

/* The last I/O has ended while it drains. */
void disk_drained(struct disk *disk);

/* When the next request may be taken: 0 now, else the throttle is set and runs the queues then. */
bool disk_throttled(struct disk *disk);

/* Before a write or flush: whether the image still has all its sectors up to `end`; looks at most once a
 * second. */
bool disk_reaches(struct disk *disk, uint64_t end);

/* Asks the broker about this device. As broker_call(). */
int disk_ask_broker(struct disk *disk, enum images_op op, struct images_request *req,
                    struct broker_reply *reply);

/* The image behind a process that the broker has started: disk_served.c. Takes the reply's descriptors. NULL
 * with errno. */
struct image *disk_open_served(struct disk *disk, const struct broker_reply *reply);

/* Whether its image is such a one. */
bool disk_is_served(const struct disk *disk);

/* Its image holds more or less than it did: the frontend is told. */
void disk_resized(struct disk *disk);

/* The node params has been written: after a snapshot it names the image on top. */
void disk_params_changed(struct disk *disk);

extern const struct backend_ops disk_backend_ops;

#endif
