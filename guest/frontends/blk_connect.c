/* SPDX-License-Identifier: MIT */
/*
 * One connection with the backend. What the backend writes into the store is no more to be trusted than what
 * it writes into the ring: each number is bounded before it is used.
 */
#include <xen/io/protocols.h>
#include "guest/events.h"
#include "guest/frontends/blk_internal.h"
#include "guest/guest.h"
#include "guest/time.h"

#define STATE(s)    (1u << XenbusState##s)
#define HANDSHAKE   (5 * SECONDS) /* each step of a goodbye */
#define MAX_SECTORS (1ul << 54)   /* their bytes fit 63 bits */
#define TX_ATTEMPTS 20u

/* A number of the backend's, def if there is none; never above max. */
static uint64_t backend_number(struct blk_dev *dev, const char *node, uint64_t def, uint64_t max)
{
    uint64_t v;

    if (xenbus_read_uint(XENBUS_NO_TX, &v, "%s/%s", dev->xb.back, node))
        v = def;
    return v < max ? v : max;
}

static bool backend_flag(struct blk_dev *dev, const char *node, unsigned off)
{
    return !(dev->opt.off & off) && backend_number(dev, node, 0, 1);
}

/* --- what rings there will be ---------------------------------------------- */

static unsigned choose_order(struct blk_dev *dev)
{
    uint64_t order, pages;

    if (dev->opt.off & BLK_F_MULTIPAGE)
        return 0;
    order = backend_number(dev, "max-ring-page-order", 0, dev->opt.ring_order);
    /* The same by its older name. */
    pages = backend_number(dev, "max-ring-pages", 1, 1u << dev->opt.ring_order);
    while (1u << (order + 1) <= pages)
        order++;
    return (unsigned)order;
}

static unsigned choose_queues(struct blk_dev *dev)
{
    uint64_t n;

    if (dev->opt.off & BLK_F_MULTIQUEUE)
        return 1;
    n = backend_number(dev, "multi-queue-max-queues", 1, dev->nr_channels);
    return n ? (unsigned)n : 1;
}

static int make_rings(struct blk_dev *dev, unsigned queues, unsigned order)
{
    for (unsigned i = 0; i < queues; i++) {
        struct blk_channel *ch = dev->channels[i];
        struct blk_link link = {.backend = dev->xb.backend, .ring_order = order};
        int rc;

        ch->shared = blk_shared_alloc(order, dev->xb.backend);
        if (!ch->shared)
            return -XEN_ENOMEM;
        link.shared = ch->shared;
        blk_queue_prepare(&ch->q, &link);
        rc = blk_channel_open_port(ch, dev->xb.backend);
        if (rc)
            return rc;
    }
    return 0;
}

/* --- our nodes ------------------------------------------------------------- */

static bool is_ring_node(const char *name)
{
    static const char *const prefixes[] = {"ring-ref",      "ring-page-order",        "num-ring-pages",
                                           "event-channel", "multi-queue-num-queues", "queue-"};

    for (unsigned i = 0; i < ARRAY_SIZE(prefixes); i++)
        if (!strncmp(name, prefixes[i], strlen(prefixes[i])))
            return true;
    return false;
}

/* What a connection before, perhaps of a boot loader, has left would be believed. */
static int remove_old_nodes(struct blk_dev *dev, xenbus_tx_t tx)
{
    char names[1024], *name = names;
    int n = xenbus_list(tx, names, sizeof(names), "%s", dev->xb.front);

    for (int i = 0; i < n; i++, name += strlen(name) + 1) {
        int rc = is_ring_node(name) ? xenbus_rm(tx, "%s/%s", dev->xb.front, name) : 0;

        if (rc)
            return rc;
    }
    return n < 0 ? n : 0;
}

static int write_queue(struct blk_channel *ch, xenbus_tx_t tx, const char *dir)
{
    unsigned order = ch->q.link.ring_order, i = 0;
    int rc = xenbus_write_uint(tx, ch->port, "%s/event-channel", dir);

    if (!rc && !order)
        return xenbus_write_uint(tx, ch->shared->ref, "%s/ring-ref", dir);
    for (const struct blk_page *page = ch->shared; page && !rc; page = page->next)
        rc = xenbus_write_uint(tx, page->ref, "%s/ring-ref%u", dir, i++);
    return rc;
}

static int write_queues(struct blk_dev *dev, xenbus_tx_t tx, unsigned queues)
{
    char dir[sizeof(dev->xb.front) + 24];
    int rc;

    if (queues == 1)
        return write_queue(dev->channels[0], tx, dev->xb.front);
    rc = xenbus_write_uint(tx, queues, "%s/multi-queue-num-queues", dev->xb.front);
    for (unsigned i = 0; i < queues && !rc; i++) {
        snprintf(dir, sizeof(dir), "%s/queue-%u", dev->xb.front, i);
        rc = write_queue(dev->channels[i], tx, dir);
    }
    return rc;
}

static int write_nodes(struct blk_dev *dev, xenbus_tx_t tx, unsigned queues)
{
    unsigned order = dev->channels[0]->q.link.ring_order;
    int rc = remove_old_nodes(dev, tx);

    if (!rc && order)
        rc = xenbus_write_uint(tx, order, "%s/ring-page-order", dev->xb.front);
    if (!rc)
        rc = write_queues(dev, tx, queues);
    if (!rc)
        rc = xenbus_write(tx, XEN_IO_PROTO_ABI_NATIVE, "%s/protocol", dev->xb.front);
    if (!rc)
        rc =
            xenbus_write_uint(tx, !(dev->opt.off & BLK_F_PERSISTENT), "%s/feature-persistent", dev->xb.front);
    if (!rc)
        rc = xenbus_set_state(tx, &dev->xb, XenbusStateInitialised);
    return rc;
}

static int publish(struct blk_dev *dev, unsigned queues)
{
    int rc = -XEN_EAGAIN;

    for (unsigned i = 0; rc == -XEN_EAGAIN && i < TX_ATTEMPTS; i++) {
        xenbus_tx_t tx;
        int end;

        rc = xenbus_tx_start(&tx);
        if (rc)
            continue;
        rc = write_nodes(dev, tx, queues);
        end = xenbus_tx_end(tx, !rc);
        if (!rc)
            rc = end;
    }
    return rc;
}

/* --- what the backend says of the disk ------------------------------------- */

int blk_read_properties(struct blk_dev *dev, struct blk_info *info, const char **why)
{
    uint64_t vdisk = backend_number(dev, "info", 0, UINT32_MAX);
    uint64_t size = backend_number(dev, "sector-size", BLK_SECTOR, UINT32_MAX);
    int rc = xenbus_read_uint(XENBUS_NO_TX, &info->sectors, "%s/sectors", dev->xb.back);

    if (rc) {
        *why = "the backend does not say how large the disk is";
        return rc;
    }
    if (info->sectors > MAX_SECTORS || size < BLK_SECTOR || size > PAGE_SIZE || (size & (size - 1))) {
        *why = "the backend describes an impossible disk";
        return -XEN_EINVAL;
    }
    info->sector_size = (unsigned)size;
    info->physical_sector_size = (unsigned)backend_number(dev, "physical-sector-size", size, UINT32_MAX);
    info->readonly = vdisk & VDISK_READONLY;
    info->cdrom = vdisk & VDISK_CDROM;
    info->removable = vdisk & VDISK_REMOVABLE;
    return 0;
}

static void read_features(struct blk_dev *dev, struct blk_info *info)
{
    bool flush = !info->readonly && backend_flag(dev, "feature-flush-cache", BLK_F_FLUSH);

    /* Linux offers them for read-only disks too, and fails them. */
    info->barrier = !flush && !info->readonly && backend_flag(dev, "feature-barrier", BLK_F_BARRIER);
    info->flush = flush || info->barrier;
    info->discard = !info->readonly && backend_flag(dev, "feature-discard", BLK_F_DISCARD);
    info->discard_secure = info->discard && backend_flag(dev, "discard-secure", 0);
    info->discard_granularity =
        (unsigned)backend_number(dev, "discard-granularity", info->sector_size, UINT32_MAX);
    info->discard_alignment = (unsigned)backend_number(dev, "discard-alignment", 0, UINT32_MAX);
    info->persistent = backend_flag(dev, "feature-persistent", BLK_F_PERSISTENT);
    info->segments = BLKIF_MAX_SEGMENTS_PER_REQUEST;
    if (!(dev->opt.off & BLK_F_INDIRECT)) {
        uint64_t n = backend_number(dev, "feature-max-indirect-segments", 0,
                                    blk_queue_max_segments(&dev->channels[0]->q));

        if (n > info->segments)
            info->segments = (unsigned)n;
    }
}

static void start_queues(struct blk_dev *dev, const struct blk_info *info)
{
    for (unsigned i = 0; i < info->queues; i++) {
        struct blk_channel *ch = dev->channels[i];
        struct blk_link link = ch->q.link;

        link.persistent = info->persistent;
        link.segments = info->segments;
        link.flush_op = info->barrier ? BLKIF_OP_WRITE_BARRIER : BLKIF_OP_FLUSH_DISKCACHE;
        link.handle = (blkif_vdev_t)dev->xb.id;
        link.port = ch->port;
        blk_queue_start(&ch->q, &link);
    }
    __atomic_store_n(&dev->nr_queues, info->queues, __ATOMIC_RELEASE);
    for (unsigned i = info->queues; i < dev->nr_channels; i++)
        blk_queue_move(&dev->channels[i]->q, &dev->channels[0]->q);
    for (unsigned i = 0; i < info->queues; i++)
        blk_queue_poll(&dev->channels[i]->q);
}

static int finish(struct blk_dev *dev, unsigned queues, unsigned order, const char **why)
{
    struct blk_info info = {.queues = queues, .ring_pages = 1u << order};
    int rc = blk_read_properties(dev, &info, why);
    uint8_t mask;

    if (rc)
        return rc;
    read_features(dev, &info);
    *why = "the store does not take the frontend's state";
    rc = xenbus_set_state(XENBUS_NO_TX, &dev->xb, XenbusStateConnected);
    if (rc)
        return rc;
    mask = spin_lock_masked(&dev->lock);
    dev->info = info;
    __atomic_store_n(&dev->unsupported, 0, __ATOMIC_RELAXED);
    spin_unlock_masked(&dev->lock, mask);
    start_queues(dev, &info);
    return 0;
}

/* As xenbus_wait_backend(), or -XEN_EAGAIN. */
static int wait_backend(struct blk_dev *dev, unsigned states, uint64_t deadline)
{
    int rc;

    do {
        uint64_t turn = time_now() + BLK_LOOK_AROUND;

        rc = xenbus_wait_backend(&dev->xb, states, turn < deadline ? turn : deadline);
        if (rc == -XEN_ETIMEDOUT && blk_noted(dev, BLK_EV_URGENT))
            rc = -XEN_EAGAIN;
    } while (rc == -XEN_ETIMEDOUT && time_now() < deadline);
    return rc;
}

int blk_connect(struct blk_dev *dev, uint64_t deadline, const char **why)
{
    unsigned order, queues;
    int rc;

    *why = "the backend is not ready";
    rc = wait_backend(dev, STATE(InitWait) | STATE(Initialised), deadline);
    if (rc < 0)
        return rc;
    order = choose_order(dev);
    queues = choose_queues(dev);
    *why = "no memory for rings";
    rc = make_rings(dev, queues, order);
    if (rc)
        return rc;
    *why = "the store does not take the ring's description";
    rc = publish(dev, queues);
    if (rc)
        return rc;
    *why = "the backend does not connect";
    rc = wait_backend(dev, STATE(Connected) | STATE(Closing) | STATE(Closed), deadline);
    if (rc < 0)
        return rc;
    if (rc != XenbusStateConnected)
        return -XEN_EIO;
    return finish(dev, queues, order, why);
}

/* --- the end --------------------------------------------------------------- */

static bool all_answered(struct blk_dev *dev)
{
    for (unsigned i = 0; i < dev->nr_channels; i++) {
        if (blk_queue_in_flight(&dev->channels[i]->q))
            return false;
    }
    return true;
}

void blk_drain(struct blk_dev *dev, uint64_t ns)
{
    uint64_t deadline = time_now() + ns;

    for (unsigned i = 0; i < dev->nr_channels; i++)
        blk_queue_pause(&dev->channels[i]->q);
    while (!all_answered(dev) && time_now() < deadline && !__atomic_load_n(&dev->broken, __ATOMIC_ACQUIRE) &&
           xenbus_backend_state(&dev->xb) != XenbusStateClosed) {
        time_sleep(SECONDS / 100);
        for (unsigned i = 0; i < dev->nr_channels; i++)
            blk_queue_poll(&dev->channels[i]->q);
    }
}

void blk_disconnect(struct blk_dev *dev)
{
    for (unsigned i = 0; i < dev->nr_channels; i++)
        blk_queue_pause(&dev->channels[i]->q);
    xenbus_set_state(XENBUS_NO_TX, &dev->xb, XenbusStateClosing);
    xenbus_wait_backend(&dev->xb, ~(STATE(Initialised) | STATE(Connected)), time_now() + HANDSHAKE);
    xenbus_set_state(XENBUS_NO_TX, &dev->xb, XenbusStateClosed);
    xenbus_wait_backend(&dev->xb, ~(STATE(Initialised) | STATE(Connected) | STATE(Closing)),
                        time_now() + HANDSHAKE);
    for (unsigned i = 0; i < dev->nr_channels; i++) {
        struct blk_channel *ch = dev->channels[i];

        blk_channel_close_port(ch);
        blk_queue_stop(&ch->q);
        blk_shared_free(ch->shared);
        ch->shared = NULL;
    }
}
