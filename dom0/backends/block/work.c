/* SPDX-License-Identifier: MIT */
#include "dom0/backends/block/work.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum barrier_stage { BARRIER_BEFORE, BARRIER_DATA, BARRIER_AFTER };

static void finish(struct work *work, int16_t status)
{
    work->status = status;
    TAILQ_INSERT_TAIL(&work->queue->done, work, link);
    queue_ready(work->queue);
}

/* Off the batch, with a bad end. */
static void refuse(struct work *work, int16_t status)
{
    TAILQ_REMOVE(&work->queue->batch, work, link);
    if (work->queue->barrier == work)
        work->queue->barrier = NULL;
    finish(work, status);
}

static void log_refused(struct work *work)
{
    struct disk *disk = work->queue->disk;

    backend_log(disk->dev, "request refused: operation %u at sector %llu: %s", work->req.operation,
                (unsigned long long)work->req.sector, blk_request_fault(&work->req, &disk->limits));
}

/* Its size is known: it counts. */
static void charge(struct work *work)
{
    struct disk *disk = work->queue->disk;
    uint64_t now = (uint64_t)loop_now_ns();

    rate_spend(&disk->iops, 1, now);
    if (work->req.kind != BLK_DISCARD)
        rate_spend(&disk->bandwidth, work->req.sectors * BLK_SECTOR_BYTES, now);
}

int work_take(struct queue *queue, struct journal_entry *entry)
{
    struct work *work = calloc(1, sizeof(*work));
    struct disk *disk = queue->disk;
    int16_t verdict;

    if (!work)
        return -1;
    work->queue = queue;
    work->entry = entry;
    work->segments = work->req.direct;
    work->iov = work->inline_iov;
    verdict = blk_request_parse(&work->req, &entry->request, &disk->limits);
    if (verdict != BLKIF_RSP_OKAY) {
        log_refused(work);
        finish(work, verdict);
        return 0;
    }
    if (work->req.kind == BLK_BARRIER)
        queue->barrier = work;
    work->judged = !work->req.indirect;
    if (work->judged && (disk->iops.per_second || disk->bandwidth.per_second))
        charge(work);
    TAILQ_INSERT_TAIL(&queue->batch, work, link);
    return 0;
}

static bool has_data(const struct work *work)
{
    return work->req.kind == BLK_READ || (blk_request_writes(&work->req) && work->req.segments > 0);
}

/* ---- indirect segments ---- */

static bool make_arrays(struct work *work)
{
    work->segments = calloc(work->req.segments, sizeof(work->segments[0]));
    if (work->req.segments > BLKIF_MAX_SEGMENTS_PER_REQUEST)
        work->iov = calloc(work->req.segments, sizeof(work->iov[0]));
    return work->segments && work->iov;
}

/* Copies the page once, from its persistent mapping or through the hypervisor. */
static void fetch_segments(struct work *work)
{
    struct disk *disk = work->queue->disk;
    unsigned bytes = work->req.segments * (unsigned)sizeof(work->segments[0]);
    uint32_t gref = work->req.indirect_gref;
    void *page = disk->persistent ? persistent_get(disk->persistent, gref) : NULL;

    if (page) {
        memcpy(work->segments, page, bytes);
        persistent_put(disk->persistent, gref);
    } else {
        grant_copy_in(&disk->server->copy, disk->dev->domid, gref, 0, bytes, work->segments,
                      &work->copy_failed);
    }
}

static void judge_segments(struct work *work)
{
    struct disk *disk = work->queue->disk;

    if (work->copy_failed) {
        backend_log(disk->dev, "request refused: its indirect page %u is not granted",
                    work->req.indirect_gref);
        refuse(work, BLKIF_RSP_ERROR);
        return;
    }
    if (blk_request_segments(&work->req, work->segments, &disk->limits) != BLKIF_RSP_OKAY) {
        log_refused(work);
        refuse(work, BLKIF_RSP_ERROR);
        return;
    }
    work->judged = true;
    if (disk->iops.per_second || disk->bandwidth.per_second)
        charge(work);
}

static void map_wanted(struct disk *disk)
{
    persistent_map(disk->persistent, loop_now_ns());
}

/* Brings the segments of all indirect requests of the batch. */
static void fetch_batch(struct queue *queue)
{
    struct disk *disk = queue->disk;
    struct work *work, *next;
    bool any = false;

    for (work = TAILQ_FIRST(&queue->batch); work; work = TAILQ_NEXT(work, link)) {
        if (!work->judged && disk->persistent)
            persistent_want(disk->persistent, work->req.indirect_gref);
        any |= !work->judged;
    }
    if (!any)
        return;
    if (disk->persistent)
        map_wanted(disk);
    for (work = TAILQ_FIRST(&queue->batch); work; work = next) {
        next = TAILQ_NEXT(work, link);
        if (work->judged)
            continue;
        if (make_arrays(work))
            fetch_segments(work);
        else
            refuse(work, BLKIF_RSP_ERROR);
    }
    grant_copy_run(&disk->server->copy);
    for (work = TAILQ_FIRST(&queue->batch); work; work = next) {
        next = TAILQ_NEXT(work, link);
        if (!work->judged)
            judge_segments(work);
    }
}

/* ---- memory for the data ---- */

static unsigned segment_bytes(const struct blkif_request_segment *segment)
{
    return ((unsigned)segment->last_sect - segment->first_sect + 1) * BLK_SECTOR_BYTES;
}

static unsigned segment_offset(const struct blkif_request_segment *segment)
{
    return segment->first_sect * BLK_SECTOR_BYTES;
}

static void unpin(struct work *work, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        persistent_put(work->queue->disk->persistent, work->segments[i].gref);
    work->pinned = false;
}

/* The frontend's own pages, if all of them are mapped. */
static bool pin(struct work *work)
{
    struct persistent *persistent = work->queue->disk->persistent;
    struct iovec *last = NULL;

    work->iov_count = 0;
    for (unsigned i = 0; i < work->req.segments; i++) {
        const struct blkif_request_segment *segment = &work->segments[i];
        char *page = persistent_get(persistent, segment->gref), *start;

        if (!page) {
            unpin(work, i);
            return false;
        }
        start = page + segment_offset(segment);
        if (last && (char *)last->iov_base + last->iov_len == start) {
            last->iov_len += segment_bytes(segment);
        } else {
            last = &work->iov[work->iov_count++];
            *last = (struct iovec){start, segment_bytes(segment)};
        }
    }
    work->pinned = true;
    return true;
}

/* Between the frontend's pages and the buffer, all segments side by side there. */
static void copy_segments(struct work *work)
{
    struct disk *disk = work->queue->disk;
    char *at = work->buffer;

    for (unsigned i = 0; i < work->req.segments; i++) {
        const struct blkif_request_segment *segment = &work->segments[i];

        if (blk_request_writes(&work->req))
            grant_copy_in(&disk->server->copy, disk->dev->domid, segment->gref, segment_offset(segment),
                          segment_bytes(segment), at, &work->copy_failed);
        else
            grant_copy_out(&disk->server->copy, disk->dev->domid, segment->gref, segment_offset(segment),
                           segment_bytes(segment), at, &work->copy_failed);
        at += segment_bytes(segment);
    }
}

static size_t data_bytes(const struct work *work)
{
    return work->req.sectors * BLK_SECTOR_BYTES;
}

/* False: no buffer now. */
static bool place(struct work *work)
{
    struct disk *disk = work->queue->disk;

    if (disk->persistent && pin(work)) {
        work->placed = true;
        return true;
    }
    work->buffer = buffer_get(&disk->buffers, data_bytes(work));
    if (!work->buffer)
        return false;
    work->iov[0] = (struct iovec){work->buffer, data_bytes(work)};
    work->iov_count = 1;
    if (blk_request_writes(&work->req))
        copy_segments(work);
    work->placed = true;
    return true;
}

static void want_pages(struct queue *queue)
{
    struct disk *disk = queue->disk;
    struct work *work;

    for (work = TAILQ_FIRST(&queue->batch); work; work = TAILQ_NEXT(work, link)) {
        for (unsigned i = 0; has_data(work) && i < work->req.segments; i++)
            persistent_want(disk->persistent, work->segments[i].gref);
    }
    map_wanted(disk);
}

static void place_batch(struct queue *queue)
{
    struct work *work, *next;

    if (queue->disk->persistent && !TAILQ_EMPTY(&queue->batch))
        want_pages(queue);
    for (work = TAILQ_FIRST(&queue->batch); work; work = next) {
        next = TAILQ_NEXT(work, link);
        if (!has_data(work)) {
            work->placed = true;
        } else if (!work->placed && !place(work)) {
            /* One that comes back will bring the others on; if none is out, there is no memory at all. */
            if (queue->disk->buffers.used > 0)
                break;
            refuse(work, BLKIF_RSP_ERROR);
        }
    }
    grant_copy_run(&queue->disk->server->copy);
}

/* ---- execution ---- */

static void io_done(struct image_io *io, int error);

static enum image_op operation(const struct work *work)
{
    switch (work->req.kind) {
    case BLK_READ:
        return IMAGE_READ;
    case BLK_WRITE:
        return IMAGE_WRITE;
    case BLK_DISCARD:
        return IMAGE_DISCARD;
    case BLK_FLUSH:
        return IMAGE_FLUSH;
    case BLK_BARRIER:
        break;
    }
    return work->stage == BARRIER_DATA ? IMAGE_WRITE : IMAGE_FLUSH;
}

static void submit_io(struct work *work)
{
    struct disk *disk = work->queue->disk;
    struct image_io *io = &work->io;

    *io = (struct image_io){.op = operation(work), .done = io_done};
    if (io->op != IMAGE_FLUSH) {
        io->offset = work->req.sector * BLK_SECTOR_BYTES;
        io->bytes = work->req.sectors * BLK_SECTOR_BYTES;
        io->iov = work->iov;
        io->niov = work->iov_count;
    }
    if (io->op == IMAGE_WRITE && !disk_reaches(disk, work->req.sector + work->req.sectors))
        io_done(io, EIO);
    else
        image_submit(disk->image, io);
}

static void submit(struct work *work)
{
    work->queue->submitted++;
    work->queue->disk->inflight++;
    submit_io(work);
}

/* The next step of a barrier: earlier writes to the platter, its own data, that to the platter. */
static bool barrier_goes_on(struct work *work)
{
    if (work->req.kind != BLK_BARRIER || work->req.segments == 0 || work->stage == BARRIER_AFTER)
        return false;
    work->stage++;
    return true;
}

static void wake_those_without_buffer(struct disk *disk)
{
    for (unsigned i = 0; i < disk->queue_count; i++)
        if (disk->queues[i] && !TAILQ_EMPTY(&disk->queues[i]->batch))
            queue_ready(disk->queues[i]);
}

static void io_done(struct image_io *io, int error)
{
    struct work *work = (struct work *)((char *)io - offsetof(struct work, io));
    struct queue *queue = work->queue;
    struct disk *disk = queue->disk;

    if (error)
        disk_io_error(disk, &work->req, error);
    else if (!queue->dead && barrier_goes_on(work)) {
        submit_io(work);
        return;
    }
    queue->submitted--;
    disk->inflight--;
    if (queue->barrier == work)
        queue->barrier = NULL;
    if (!queue->dead) {
        finish(work, error == 0            ? BLKIF_RSP_OKAY
                     : error == EOPNOTSUPP ? BLKIF_RSP_EOPNOTSUPP
                                           : BLKIF_RSP_ERROR);
        return;
    }
    work_free(work);
    if (disk->draining && disk->inflight == 0)
        disk_drained(disk);
}

void work_submit_batch(struct queue *queue)
{
    struct work *work, *next;

    if (TAILQ_EMPTY(&queue->batch))
        return;
    fetch_batch(queue);
    place_batch(queue);
    for (work = TAILQ_FIRST(&queue->batch); work && work->placed; work = next) {
        next = TAILQ_NEXT(work, link);
        if (work->copy_failed) {
            backend_log(queue->disk->dev, "request refused: a page that it writes from is not granted");
            refuse(work, BLKIF_RSP_ERROR);
        } else if (work != queue->barrier) {
            TAILQ_REMOVE(&queue->batch, work, link);
            submit(work);
        }
    }
}

void work_continue_barrier(struct queue *queue)
{
    struct work *work = queue->barrier;

    /* It is the last that was taken: alone on the batch, everything before it was submitted. */
    if (!work || work != TAILQ_FIRST(&queue->batch) || !work->placed || queue->submitted > 0)
        return;
    TAILQ_REMOVE(&queue->batch, work, link);
    submit(work);
}

void work_deliver(struct queue *queue)
{
    struct work *work;

    for (work = TAILQ_FIRST(&queue->done); work; work = TAILQ_NEXT(work, link)) {
        if (work->req.kind == BLK_READ && work->buffer && work->status == BLKIF_RSP_OKAY)
            copy_segments(work);
    }
    grant_copy_run(&queue->disk->server->copy);
    for (work = TAILQ_FIRST(&queue->done); work; work = TAILQ_NEXT(work, link)) {
        if (work->copy_failed && work->status == BLKIF_RSP_OKAY) {
            backend_log(queue->disk->dev, "request failed: a page that it reads to is not granted");
            work->status = BLKIF_RSP_ERROR;
        }
    }
}

void work_free(struct work *work)
{
    struct disk *disk = work->queue->disk;

    if (work->pinned)
        unpin(work, work->req.segments);
    if (work->buffer) {
        buffer_put(&disk->buffers, work->buffer, data_bytes(work));
        wake_those_without_buffer(disk);
    }
    if (work->segments != work->req.direct)
        free(work->segments);
    if (work->iov != work->inline_iov)
        free(work->iov);
    free(work);
}
