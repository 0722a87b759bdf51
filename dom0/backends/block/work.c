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

/* ---- copies from and to the frontend's pages ---- */

/*
 * The frontend's page, if it is mapped. One that will be used again is wanted now, and mapped when the copies
 * of this batch are made: until then the hypervisor copies.
 */
static char *mapped_page(struct disk *disk, uint32_t gref)
{
    char *page = disk->persistent ? persistent_page(disk->persistent, gref) : NULL;

    if (!page && disk->persistent)
        persistent_want(disk->persistent, gref);
    return page;
}

static void copy_in(struct work *work, uint32_t gref, unsigned offset, unsigned bytes, void *to)
{
    struct disk *disk = work->queue->disk;
    const char *page = mapped_page(disk, gref);

    if (page)
        memcpy(to, page + offset, bytes);
    else
        grant_copy_in(&disk->server->copy, disk->dev->domid, gref, offset, bytes, to, &work->copy_failed);
}

static void copy_out(struct work *work, uint32_t gref, unsigned offset, unsigned bytes, void *from)
{
    struct disk *disk = work->queue->disk;
    char *page = mapped_page(disk, gref);

    if (page)
        memcpy(page + offset, from, bytes);
    else
        grant_copy_out(&disk->server->copy, disk->dev->domid, gref, offset, bytes, from, &work->copy_failed);
}

/* Makes the copies that are the hypervisor's, and maps what was missed. */
static void end_copies(struct disk *disk)
{
    grant_copy_run(&disk->server->copy);
    if (disk->persistent)
        persistent_map(disk->persistent, loop_now_ns());
}

/* ---- indirect segments ---- */

static bool make_arrays(struct work *work)
{
    work->segments = calloc(work->req.segments, sizeof(work->segments[0]));
    if (work->req.segments > BLKIF_MAX_SEGMENTS_PER_REQUEST)
        work->iov = calloc(work->req.segments, sizeof(work->iov[0]));
    return work->segments && work->iov;
}

static void fetch_segments(struct work *work)
{
    unsigned bytes = work->req.segments * (unsigned)sizeof(work->segments[0]);

    copy_in(work, work->req.indirect_gref, 0, bytes, work->segments);
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

/* Brings the segments of all indirect requests of the batch. */
static void fetch_batch(struct queue *queue)
{
    struct work *work, *next;
    bool any = false;

    for (work = TAILQ_FIRST(&queue->batch); work; work = next) {
        next = TAILQ_NEXT(work, link);
        if (work->judged)
            continue;
        any = true;
        if (make_arrays(work))
            fetch_segments(work);
        else
            refuse(work, BLKIF_RSP_ERROR);
    }
    if (!any)
        return;
    end_copies(queue->disk);
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
    bool in = blk_request_writes(&work->req);
    char *at = work->buffer.data;

    for (unsigned i = 0; i < work->req.segments; i++) {
        const struct blkif_request_segment *segment = &work->segments[i];
        unsigned offset = segment_offset(segment), bytes = segment_bytes(segment);

        if (in)
            copy_in(work, segment->gref, offset, bytes, at);
        else
            copy_out(work, segment->gref, offset, bytes, at);
        at += bytes;
    }
}

static bool place_in_buffer(struct work *work)
{
    struct disk *disk = work->queue->disk;
    size_t bytes = work->req.sectors * BLK_SECTOR_BYTES;

    if (!buffer_get(disk->server->buffers, &disk->buffers, bytes, &work->buffer))
        return false;
    work->iov[0] = (struct iovec){work->buffer.data, bytes};
    work->iov_count = 1;
    if (blk_request_writes(&work->req))
        copy_segments(work);
    return true;
}

/*
 * False: no memory now. Where the kernel has to look up the frontend's pages one by one, which it does not
 * have at hand as its own, a copy through registered memory costs it less.
 */
static bool place(struct work *work)
{
    struct disk *disk = work->queue->disk;

    if (disk->direct)
        work->placed = place_in_buffer(work) || (disk->persistent && pin(work));
    else
        work->placed = (disk->persistent && pin(work)) || place_in_buffer(work);
    return work->placed;
}

static void want_pages(struct queue *queue)
{
    struct disk *disk = queue->disk;
    struct work *work;

    for (work = TAILQ_FIRST(&queue->batch); work; work = TAILQ_NEXT(work, link)) {
        for (unsigned i = 0; has_data(work) && i < work->req.segments; i++)
            persistent_want(disk->persistent, work->segments[i].gref);
    }
    persistent_map(disk->persistent, loop_now_ns());
}

static void place_batch(struct queue *queue)
{
    struct disk *disk = queue->disk;
    struct work *work, *next;

    if (disk->persistent && !disk->direct)
        want_pages(queue);
    for (work = TAILQ_FIRST(&queue->batch); work; work = next) {
        next = TAILQ_NEXT(work, link);
        if (!has_data(work)) {
            work->placed = true;
        } else if (!work->placed && !place(work)) {
            /* One that comes back will bring the others on; if none is out, there is no memory at all. */
            if (disk->buffers.used > 0)
                break;
            refuse(work, BLKIF_RSP_ERROR);
        }
    }
    end_copies(disk);
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
        io->registered = work->buffer.data && buffer_number(&work->buffer) >= 0;
        io->buffer = io->registered ? (uint16_t)buffer_number(&work->buffer) : 0;
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
        if (work->req.kind == BLK_READ && work->buffer.data && work->status == BLKIF_RSP_OKAY)
            copy_segments(work);
    }
    end_copies(queue->disk);
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
    if (work->buffer.data) {
        buffer_put(disk->server->buffers, &disk->buffers, &work->buffer);
        wake_those_without_buffer(disk);
    }
    if (work->segments != work->req.direct)
        free(work->segments);
    if (work->iov != work->inline_iov)
        free(work->iov);
    free(work);
}
