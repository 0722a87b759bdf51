/* SPDX-License-Identifier: MIT */
#include "dom0/backends/block/disk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dom0/backends/block/features.h"
#include "dom0/backends/block/image_nbd.h"
#include "dom0/backends/block/images.h"
#include "dom0/backends/block/queue.h"

#define LOOK_EVERY_NS 1000000000ll

/* ---- the image ---- */

int disk_ask_broker(struct disk *disk, enum images_op op, struct images_request *req,
                    struct broker_reply *reply)
{
    req->domid = disk->dev->domid;
    req->devid = disk->dev->devid;
    return broker_call(disk->server->env.broker, op, req, sizeof(*req), reply);
}

/* What frontends may do now. They are told of sectors once they are there, and not of fewer. */
static void take_geometry(struct disk *disk)
{
    struct image_info info;

    image_info(disk->image, &info);
    disk->actual_sectors = info.bytes / BLK_SECTOR_BYTES;
    disk->limits.sectors = disk->actual_sectors;
    disk->limits.sector_bytes = info.sector_bytes;
    disk->direct = info.direct;
    disk->looked_at_ns = loop_now_ns();
}

/* The image as the broker gives it; 0, or -1 after the device has failed. */
static int ask_for_image(struct disk *disk, struct broker_reply *reply)
{
    struct images_request req = {0};
    const struct images_reply *answer = (const struct images_reply *)reply->data;
    int error = disk_ask_broker(disk, IMAGES_OPEN, &req, reply);

    if (!error && reply->nfds > 0 && reply->len == sizeof(*answer))
        return 0;
    if (error && reply->len == sizeof(*answer) && answer->why[0])
        backend_dev_fail(disk->dev, 0, "%.*s", (int)sizeof(answer->why) - 1, answer->why);
    else
        backend_dev_fail(disk->dev, error ? error : EPROTO, "the image cannot be opened");
    return -1;
}

static int open_image(struct disk *disk)
{
    struct broker_reply reply;
    const struct images_reply *answer = (const struct images_reply *)reply.data;

    reply.len = reply.nfds = 0;
    if (ask_for_image(disk, &reply) != 0)
        return -1;
    disk->limits.readonly = answer->readonly;
    disk->image = answer->bytes ? disk_open_served(disk, &reply)
                                : image_raw_open(disk->server->uring, reply.fds[0], answer->readonly);
    if (!disk->image) {
        backend_dev_fail(disk->dev, errno, "%.*s", (int)sizeof(answer->path) - 1, answer->path);
        return -1;
    }
    take_geometry(disk);
    return 0;
}

bool disk_reaches(struct disk *disk, uint64_t end)
{
    int64_t now;

    if (end > disk->actual_sectors)
        return false;
    now = loop_now_ns();
    if (now - disk->looked_at_ns > LOOK_EVERY_NS) {
        struct image_info info;

        disk->looked_at_ns = now;
        if (image_refresh(disk->image) == 0) {
            image_info(disk->image, &info);
            disk->actual_sectors = info.bytes / BLK_SECTOR_BYTES;
        }
        if (disk->actual_sectors < disk->limits.sectors)
            backend_log(disk->dev, "the image was cut off: %llu of %llu sectors are left",
                        (unsigned long long)disk->actual_sectors, (unsigned long long)disk->limits.sectors);
    }
    return end <= disk->actual_sectors;
}

void disk_io_error(struct disk *disk, const struct blk_request *req, int error)
{
    static const char *const names[] = {"read", "write", "flush", "barrier", "discard"};
    struct xsc *xs = store_xs(disk->server->env.store);
    char text[160];

    if (error == EOPNOTSUPP && req->kind == BLK_DISCARD)
        return;
    snprintf(text, sizeof(text), "%s of %llu sectors at %llu failed: %s", names[req->kind],
             (unsigned long long)req->sectors, (unsigned long long)req->sector, strerror(error));
    backend_log(disk->dev, "%s", text);
    if (error == disk->last_error || !xs)
        return;
    disk->last_error = error;
    xsc_writef(xs, XSC_NO_TX, text, "/local/domain/0/error/backend/%s/%u/%u/error", disk_backend_ops.kind,
               disk->dev->domid, disk->dev->devid);
}

void disk_broken(struct disk *disk, unsigned queue, const char *why)
{
    backend_dev_fail(disk->dev, 0, "ring %u: %s", queue, why);
}

/* ---- limits ---- */

static void run_all(void *arg)
{
    struct disk *disk = arg;

    for (unsigned i = 0; i < disk->queue_count; i++)
        if (disk->queues[i])
            queue_ready(disk->queues[i]);
}

bool disk_throttled(struct disk *disk)
{
    uint64_t now, when, other;

    if (disk->iops.per_second == 0 && disk->bandwidth.per_second == 0)
        return false;
    now = (uint64_t)loop_now_ns();
    when = rate_when(&disk->iops, now);
    other = rate_when(&disk->bandwidth, now);
    if (other > when)
        when = other;
    if (when == 0)
        return false;
    loop_timer_set(disk->throttle, (int64_t)when);
    return true;
}

#define LIMIT_MAX (1ull << 50)

static void take_limit(struct disk *disk, const struct backend_number *limit, struct rate *rate)
{
    if (limit->error && limit->error != ENOENT) {
        backend_log(disk->dev, "%s is no number of up to 2^50, the limit stays", limit->node);
        return;
    }
    rate_set(rate, limit->error ? 0 : limit->value, (uint64_t)loop_now_ns());
    run_all(disk);
}

static void read_limit(struct disk *disk, const char *node, struct rate *rate)
{
    struct backend_number limit = {.node = node, .max = LIMIT_MAX};

    backend_read_numbers(disk->dev, &limit, 1);
    take_limit(disk, &limit, rate);
}

/* ---- the device's life ---- */

static void read_options(struct disk *disk)
{
    enum { REMOVABLE, DISCARD, IOPS, BANDWIDTH, COUNT };
    struct backend_number numbers[COUNT] = {
        [REMOVABLE] = {.node = "removable", .max = 1},
        [DISCARD] = {.node = "discard-enable", .max = 1, .value = 1},
        [IOPS] = {.node = "limit-iops", .max = LIMIT_MAX},
        [BANDWIDTH] = {.node = "limit-bytes", .max = LIMIT_MAX},
    };
    char type[16] = "disk";
    struct image_info info;

    backend_read_string(disk->dev, "device-type", type, sizeof(type));
    backend_read_numbers(disk->dev, numbers, COUNT);
    disk->cdrom = strcmp(type, "cdrom") == 0;
    disk->removable = numbers[REMOVABLE].value;
    image_info(disk->image, &info);
    disk->limits.discard = numbers[DISCARD].value && info.discard_granularity && !disk->limits.readonly;
    take_limit(disk, &numbers[IOPS], &disk->iops);
    take_limit(disk, &numbers[BANDWIDTH], &disk->bandwidth);
}

static void disk_free(struct disk *disk)
{
    image_close(disk->image);
    loop_timer_free(disk->throttle);
    free(disk);
}

static int probe(struct backend_dev *dev)
{
    const struct backend_env *env = backend_env(dev);
    struct disk *disk = calloc(1, sizeof(*disk));
    int error;

    if (disk)
        disk->throttle = loop_timer_new(env->loop, run_all, disk);
    if (!disk || !disk->throttle) {
        free(disk);
        backend_dev_fail(dev, ENOMEM, "new disk");
        return -1;
    }
    disk->dev = dev;
    disk->server = env->priv;
    if (open_image(disk) != 0) {
        disk_free(disk);
        return -1;
    }
    read_options(disk);
    error = features_write(disk);
    if (error) {
        disk_free(disk);
        backend_dev_fail(dev, error, "features");
        return -1;
    }
    dev->priv = disk;
    return 0;
}

static void remove_disk(struct backend_dev *dev)
{
    struct disk *disk = dev->priv;
    struct images_request req = {0};

    if (!disk)
        return;
    if (!disk->server->ending)
        disk_ask_broker(disk, IMAGES_FORGET, &req, NULL);
    dev->priv = NULL;
    disk_free(disk);
}

/* ---- connected ---- */

/* The journal of these rings: the last daemon's when it is to be continued, else a new one. */
static int open_journal(struct disk *disk, const struct journal_identity *id, bool keep)
{
    struct broker_reply reply;
    struct images_request req = {.bytes = journal_bytes(id), .keep = keep};
    int error = disk_ask_broker(disk, IMAGES_JOURNAL, &req, &reply);

    disk->journal = NULL;
    if (!error && reply.nfds == 1) {
        disk->journal_bytes = journal_bytes(id);
        disk->journal = mmap(NULL, disk->journal_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, reply.fds[0], 0);
        if (disk->journal == MAP_FAILED) {
            error = errno;
            disk->journal = NULL;
        }
        close(reply.fds[0]);
    }
    if (!disk->journal) {
        backend_dev_fail(disk->dev, error,
                         keep ? "the last daemon left no journal of these rings" : "no journal can be made");
        return -1;
    }
    if (keep && !journal_matches(disk->journal, disk->journal_bytes, id)) {
        backend_dev_fail(disk->dev, 0, "the last daemon left a journal of other rings");
        return -1;
    }
    if (!keep)
        journal_format(disk->journal, id);
    return 0;
}

static void let_go(struct disk *disk)
{
    for (unsigned i = 0; i < disk->queue_count; i++) {
        queue_free(disk->queues[i]);
        disk->queues[i] = NULL;
    }
    disk->queue_count = 0;
    persistent_free(disk->persistent);
    disk->persistent = NULL;
    if (disk->journal)
        munmap(disk->journal, disk->journal_bytes);
    disk->journal = NULL;
}

static void stop_queues(struct disk *disk)
{
    loop_timer_set(disk->throttle, 0);
    for (unsigned i = 0; i < disk->queue_count; i++)
        if (disk->queues[i])
            queue_stop(disk->queues[i]);
}

static void identify(struct disk *disk, const struct disk_wishes *wishes, struct journal_identity *id)
{
    memset(id, 0, sizeof(*id));
    id->domid = disk->dev->domid;
    id->devid = disk->dev->devid;
    id->rings = wishes->queues;
    id->pages_per_ring = wishes->pages;
    id->entries_per_ring = blk_ring_entries(wishes->pages * (size_t)BLK_PAGE_BYTES);
    for (unsigned i = 0; i < wishes->queues; i++)
        memcpy(id->grefs[i], wishes->grefs[i], sizeof(id->grefs[i]));
}

static int open_queues(struct disk *disk, const struct disk_wishes *wishes, const struct journal_identity *id,
                       bool resumed)
{
    for (unsigned i = 0; i < wishes->queues; i++) {
        disk->queue_count = i + 1;
        disk->queues[i] = queue_open(disk, i, wishes->grefs[i], wishes->pages, wishes->ports[i],
                                     journal_ring(disk->journal, id, i), resumed);
        if (!disk->queues[i])
            return -1;
    }
    return 0;
}

static int connect_disk(struct backend_dev *dev)
{
    struct disk *disk = dev->priv;
    struct disk_wishes wishes;
    struct journal_identity id;

    if (features_read(disk, &wishes) != 0)
        return -1;
    identify(disk, &wishes, &id);
    if (wishes.persistent) {
        const struct persistent_bounds bounds = {
            .prot = PROT_READ | PROT_WRITE,
            .pages = wishes.queues * DISK_PERSISTENT_PAGES,
            .chunks = wishes.queues * DISK_PERSISTENT_CHUNKS,
        };

        disk->persistent = persistent_new(disk->server->env.access, dev->domid, &bounds);
        if (!disk->persistent) {
            backend_dev_fail(dev, ENOMEM, "persistent grants");
            return -1;
        }
    }
    if (open_journal(disk, &id, dev->resumed) != 0 || open_queues(disk, &wishes, &id, dev->resumed) != 0) {
        stop_queues(disk);
        let_go(disk);
        return -1;
    }
    /* From here on requests are executed: what waits already raised no event that we saw. */
    run_all(disk);
    return 0;
}

static bool disconnect(struct backend_dev *dev)
{
    struct disk *disk = dev->priv;

    stop_queues(disk);
    if (disk->inflight > 0) {
        disk->draining = true;
        return false;
    }
    let_go(disk);
    return true;
}

void disk_drained(struct disk *disk)
{
    disk->draining = false;
    let_go(disk);
    backend_disconnected(disk->dev);
}

/* ---- changes while it runs ---- */

void disk_resized(struct disk *disk)
{
    uint64_t before = disk->limits.sectors;
    int error;

    take_geometry(disk);
    if (disk->limits.sectors == before)
        return;
    backend_log(disk->dev, "resized from %llu to %llu sectors", (unsigned long long)before,
                (unsigned long long)disk->limits.sectors);
    error = features_write_size(disk);
    if (error)
        backend_log(disk->dev, "resize: sectors: %s", strerror(error));
    else if (backend_connected(disk->dev))
        backend_announce(disk->dev);
}

/* The broker makes it as large as the node says, before another process serves it. */
static void grow_served(struct disk *disk)
{
    struct backend_number sectors = {.node = "resize", .max = LIMIT_MAX};

    backend_read_numbers(disk->dev, &sectors, 1);
    if (sectors.error == 0 && sectors.value > disk->actual_sectors)
        image_nbd_renew(disk->image);
}

static void resize(struct disk *disk)
{
    int error;

    if (disk_is_served(disk)) {
        grow_served(disk);
        return;
    }
    error = image_refresh(disk->image);
    if (error)
        backend_log(disk->dev, "resize: %s", strerror(error));
    else
        disk_resized(disk);
}

static void changed(struct backend_dev *dev, const char *node)
{
    struct disk *disk = dev->priv;

    if (!disk)
        return;
    if (strcmp(node, "resize") == 0)
        resize(disk);
    else if (strcmp(node, "params") == 0)
        disk_params_changed(disk);
    else if (strcmp(node, "limit-iops") == 0)
        read_limit(disk, node, &disk->iops);
    else if (strcmp(node, "limit-bytes") == 0)
        read_limit(disk, node, &disk->bandwidth);
}

static const char *const nodes[] = {"resize", "params", "limit-iops", "limit-bytes", NULL};

const struct backend_ops disk_backend_ops = {
    .kind = "hospes-vbd",
    .nodes = nodes,
    .probe = probe,
    .connect = connect_disk,
    .disconnect = disconnect,
    .remove = remove_disk,
    .changed = changed,
};
