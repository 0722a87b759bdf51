/* SPDX-License-Identifier: MIT */
/* Requests of callers. */
#include "guest/frontends/blk_internal.h"
#include "guest/guest.h"
#include "guest/vcpu.h"

void blk_info(struct blk_dev *dev, struct blk_info *info)
{
    uint8_t mask = spin_lock_masked(&dev->lock);
    unsigned refused = __atomic_load_n(&dev->unsupported, __ATOMIC_RELAXED);

    *info = dev->info;
    spin_unlock_masked(&dev->lock, mask);
    if (refused & 1u << BLK_FLUSH)
        info->flush = info->barrier = false;
    if (refused & 1u << BLK_DISCARD)
        info->discard = false;
    if (refused & (1u << BLK_DISCARD | 1u << BLK_DISCARD_SECURE))
        info->discard_secure = false;
}

void blk_stats(struct blk_dev *dev, struct blk_stats *stats)
{
    *stats = (struct blk_stats){.reconnects = __atomic_load_n(&dev->reconnects, __ATOMIC_RELAXED),
                                .held_pages = blk_pool_lost()};
    for (unsigned i = 0; i < dev->nr_channels; i++) {
        struct blk_queue *q = &dev->channels[i]->q;
        uint8_t mask = spin_lock_masked(&q->lock);

        stats->replayed += q->replayed;
        stats->held_pages += q->pool.nr_held;
        stats->stalls += dev->channels[i]->stalls;
        spin_unlock_masked(&q->lock, mask);
    }
}

int blk_error(struct blk_dev *dev)
{
    return __atomic_load_n(&dev->error, __ATOMIC_ACQUIRE);
}

static bool offered(struct blk_dev *dev, const struct blk_req *req)
{
    struct blk_info info;

    blk_info(dev, &info);
    switch (req->op) {
    case BLK_READ:
    case BLK_WRITE:
        return true;
    case BLK_FLUSH:
        return info.flush;
    case BLK_DISCARD:
        return info.discard;
    case BLK_DISCARD_SECURE:
        return info.discard_secure;
    }
    return false;
}

static int check(struct blk_dev *dev, const struct blk_req *req)
{
    uint64_t size = __atomic_load_n(&dev->info.sectors, __ATOMIC_RELAXED);
    uint64_t unit = dev->info.sector_size / BLK_SECTOR;

    if (req->op != BLK_READ && req->op != BLK_WRITE && !offered(dev, req))
        return -XEN_EOPNOTSUPP;
    if (req->op == BLK_FLUSH)
        return req->sectors ? -XEN_EINVAL : 0;
    if (req->op != BLK_READ && dev->info.readonly)
        return -XEN_EROFS;
    if (!req->sectors || req->sectors > size || req->sector > size - req->sectors)
        return -XEN_EINVAL;
    return (req->sector | req->sectors) & (unit - 1) ? -XEN_EINVAL : 0;
}

int blk_submit(struct blk_dev *dev, struct blk_req *req)
{
    int rc = blk_error(dev);

    if (!rc)
        rc = check(dev, req);
    if (rc)
        return rc;
    do {
        unsigned n = __atomic_load_n(&dev->nr_queues, __ATOMIC_ACQUIRE);

        /* -XEN_EAGAIN: the queues have just become fewer. */
        rc = blk_queue_add(&dev->channels[this_vcpu()->id % n]->q, req);
    } while (rc == -XEN_EAGAIN);
    return rc;
}

/* --- waiting --------------------------------------------------------------- */

struct waiter {
    struct blk_dev *dev;
    bool ended; /* the waiter may be gone once this is set */
};

static void wake_waiter(struct blk_req *req)
{
    struct waiter *w = req->data;
    struct blk_dev *dev = w->dev;

    __atomic_store_n(&w->ended, true, __ATOMIC_RELEASE);
    waitq_wake(&dev->io);
}

static bool has_ended(void *data)
{
    struct waiter *w = data;

    return __atomic_load_n(&w->ended, __ATOMIC_ACQUIRE);
}

static int do_and_wait(struct blk_dev *dev, enum blk_op op, uint64_t sector, uint64_t sectors, void *buf)
{
    struct waiter w = {.dev = dev};
    struct blk_req req = {
        .op = op, .sector = sector, .sectors = sectors, .buf = buf, .done = wake_waiter, .data = &w};
    int rc = blk_submit(dev, &req);

    if (rc)
        return rc;
    waitq_wait(&dev->io, has_ended, &w, 0);
    return req.status;
}

int blk_read(struct blk_dev *dev, uint64_t sector, void *buf, uint64_t sectors)
{
    return do_and_wait(dev, BLK_READ, sector, sectors, buf);
}

int blk_write(struct blk_dev *dev, uint64_t sector, const void *buf, uint64_t sectors)
{
    /* Only read from. */
    return do_and_wait(dev, BLK_WRITE, sector, sectors, (void *)(uintptr_t)buf);
}

int blk_flush(struct blk_dev *dev)
{
    return do_and_wait(dev, BLK_FLUSH, 0, 0, NULL);
}

int blk_discard(struct blk_dev *dev, uint64_t sector, uint64_t sectors)
{
    return do_and_wait(dev, BLK_DISCARD, sector, sectors, NULL);
}

struct resize {
    struct blk_dev *dev;
    uint64_t sectors;
};

static bool has_another_size(void *data)
{
    struct resize *r = data;

    return __atomic_load_n(&r->dev->info.sectors, __ATOMIC_RELAXED) != r->sectors || blk_error(r->dev);
}

uint64_t blk_wait_resize(struct blk_dev *dev, uint64_t sectors, uint64_t deadline)
{
    struct resize r = {.dev = dev, .sectors = sectors};

    waitq_wait(&dev->changed, has_another_size, &r, deadline);
    return __atomic_load_n(&dev->info.sectors, __ATOMIC_RELAXED);
}
