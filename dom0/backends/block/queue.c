/* SPDX-License-Identifier: MIT */
#include "dom0/backends/block/queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "dom0/backends/block/work.h"

#define TAKE_AT_ONCE 64u /* requests; then it is another queue's turn */

static void on_event(void *arg)
{
    struct queue *queue = arg;

    queue->masked = true;
    queue_ready(queue);
}

void queue_ready(struct queue *queue)
{
    if (queue->is_ready)
        return;
    queue->is_ready = true;
    TAILQ_INSERT_TAIL(&queue->disk->server->ready, queue, ready_link);
}

/* ---- opening ---- */

/* What the daemon before us had taken and not answered, in the order in which it was asked. */
static int resume(struct queue *queue)
{
    struct journal_entry **order = queue->free_entries;
    int count = journal_recover(queue->journal, queue->entries, queue->ring.published, order);

    if (count < 0)
        return -1;
    queue->ring.back.req_cons = queue->journal->taken;
    for (int i = 0; i < count; i++)
        if (work_take(queue, order[i]) != 0)
            return -1;
    /* The one before may have shown answers and died before it could say so; nobody else ever would. */
    port_notify(queue->port);
    return 0;
}

static int attach(struct queue *queue, bool resumed)
{
    if (blk_ring_attach(&queue->ring, queue->pages, queue->page_count * (size_t)BLK_PAGE_BYTES) != 0) {
        backend_dev_fail(queue->disk->dev, 0, "ring %u: more requests than it holds", queue->number);
        return -1;
    }
    if (!resumed)
        journal_start(queue->journal, queue->ring.back.req_cons);
    else if (resume(queue) != 0) {
        backend_dev_fail(queue->disk->dev, 0,
                         "ring %u: does not go with what the last daemon left, or %u have died of it",
                         queue->number, JOURNAL_MAX_RESUMED);
        return -1;
    }
    queue->free_count = 0;
    for (uint32_t i = 0; i < queue->entries; i++)
        if (queue->journal->entries[i].state == JOURNAL_FREE)
            queue->free_entries[queue->free_count++] = &queue->journal->entries[i];
    return 0;
}

static int map(struct queue *queue, const uint32_t *grefs, uint32_t remote_port)
{
    struct disk *disk = queue->disk;
    uint32_t domid = disk->dev->domid;

    queue->free_entries = calloc(queue->entries, sizeof(struct journal_entry *));
    if (!queue->free_entries) {
        backend_dev_fail(disk->dev, ENOMEM, "ring %u", queue->number);
        return -1;
    }
    queue->pages =
        guest_map(disk->server->env.access, domid, grefs, queue->page_count, PROT_READ | PROT_WRITE);
    if (!queue->pages) {
        backend_dev_fail(disk->dev, errno, "ring %u cannot be mapped", queue->number);
        return -1;
    }
    queue->port = port_bind(disk->server->ports, domid, remote_port, on_event, queue);
    if (!queue->port) {
        backend_dev_fail(disk->dev, errno, "event channel %u cannot be bound", remote_port);
        return -1;
    }
    return 0;
}

struct queue *queue_open(struct disk *disk, unsigned number, const uint32_t *grefs, unsigned pages,
                         uint32_t remote_port, struct journal_ring *journal, bool resumed)
{
    struct queue *queue = calloc(1, sizeof(*queue));

    if (!queue) {
        backend_dev_fail(disk->dev, ENOMEM, "ring %u", number);
        return NULL;
    }
    queue->disk = disk;
    queue->number = number;
    queue->page_count = pages;
    queue->entries = blk_ring_entries(pages * (size_t)BLK_PAGE_BYTES);
    queue->journal = journal;
    TAILQ_INIT(&queue->batch);
    TAILQ_INIT(&queue->done);
    if (map(queue, grefs, remote_port) == 0 && attach(queue, resumed) == 0)
        return queue;
    queue_stop(queue);
    queue_free(queue);
    return NULL;
}

static void free_works(struct work_list *list)
{
    struct work *work;

    while ((work = TAILQ_FIRST(list))) {
        TAILQ_REMOVE(list, work, link);
        work_free(work);
    }
}

void queue_stop(struct queue *queue)
{
    queue->dead = true;
    queue->barrier = NULL; /* on the batch, or under way and freed when that ends */
    free_works(&queue->batch);
    free_works(&queue->done);
    port_unbind(queue->port);
    queue->port = NULL;
    guest_unmap(queue->disk->server->env.access, queue->pages, queue->page_count);
    queue->pages = NULL;
}

void queue_free(struct queue *queue)
{
    if (!queue)
        return;
    if (queue->is_ready)
        TAILQ_REMOVE(&queue->disk->server->ready, queue, ready_link);
    free_works(&queue->done);
    free(queue->free_entries);
    free(queue);
}

/* ---- running ---- */

/*
 * Answers everything that is done. The order of the stores is the journal's (journal.h): each answer's number
 * before its slot, all slots before the index that shows them, and only then are the entries free.
 */
static bool answer(struct queue *queue)
{
    struct work *work;

    if (TAILQ_EMPTY(&queue->done))
        return false;
    work_deliver(queue);
    for (work = TAILQ_FIRST(&queue->done); work; work = TAILQ_NEXT(work, link)) {
        journal_answer(work->entry, queue->ring.back.rsp_prod_pvt);
        blk_ring_answer(&queue->ring, work->req.id, work->req.operation, work->status);
    }
    if (blk_ring_publish(&queue->ring))
        port_notify(queue->port);
    journal_lives(queue->journal);
    for (work = TAILQ_FIRST(&queue->done); work; work = TAILQ_NEXT(work, link)) {
        journal_release(work->entry);
        queue->free_entries[queue->free_count++] = work->entry;
    }
    free_works(&queue->done);
    return true;
}

static bool may_take(struct queue *queue)
{
    return TAILQ_EMPTY(&queue->batch) && !queue->barrier && !disk_throttled(queue->disk);
}

/* Takes what waits, up to a bound. True: the frontend has more, and it may be taken now. */
static bool take(struct queue *queue)
{
    uint32_t waiting = blk_ring_pending(&queue->ring), taken = 0;
    struct blkif_request copy;

    while (taken < waiting && taken < TAKE_AT_ONCE && queue->free_count > 0 && !queue->barrier &&
           !disk_throttled(queue->disk)) {
        struct journal_entry *entry = queue->free_entries[queue->free_count - 1];

        blk_ring_peek(&queue->ring, &copy);
        journal_take(queue->journal, entry, queue->ring.back.req_cons, &copy);
        blk_ring_advance(&queue->ring);
        queue->free_count--;
        if (work_take(queue, entry) != 0) {
            disk_broken(queue->disk, queue->number, "no memory");
            queue->dead = true;
            return false;
        }
        taken++;
    }
    return taken < waiting;
}

bool queue_run(struct queue *queue)
{
    bool more = false;

    if (queue->dead)
        return false;
    answer(queue);
    if (may_take(queue))
        take(queue);
    work_submit_batch(queue);
    work_continue_barrier(queue);
    answer(queue); /* what was refused, or done at once */
    if (may_take(queue)) {
        more = blk_ring_rearm(&queue->ring);
        if (!more && !queue->ring.broken && queue->masked) {
            queue->masked = false;
            port_unmask(queue->port);
        }
    }
    if (queue->ring.broken && !queue->dead) {
        queue->dead = true;
        disk_broken(queue->disk, queue->number, "the frontend claims more requests than the ring holds");
        return false;
    }
    return more;
}
