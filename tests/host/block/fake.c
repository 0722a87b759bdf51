/* SPDX-License-Identifier: MIT */
#include "tests/host/block/fake.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct fake *fake;

static int guest_fd = -1;

/* ---- the common library ---- */

int64_t loop_now_ns(void)
{
    return fake->now_ns;
}

void loop_timer_set(struct loop_timer *timer, int64_t deadline_ns)
{
    (void)timer;
    fake->throttle_ns = deadline_ns;
}

void backend_log(struct backend_dev *dev, const char *fmt, ...)
{
    va_list ap;

    (void)dev;
    va_start(ap, fmt);
    vsnprintf(fake->last_log, sizeof(fake->last_log), fmt, ap);
    va_end(ap);
    fake->logs++;
}

void backend_dev_fail(struct backend_dev *dev, int err, const char *fmt, ...)
{
    va_list ap;

    (void)dev;
    (void)err;
    va_start(ap, fmt);
    vsnprintf(fake->last_log, sizeof(fake->last_log), fmt, ap);
    va_end(ap);
    fake->fails++;
}

void *guest_map(struct guest_access *access, uint32_t domid, const uint32_t *refs, unsigned int n, int prot)
{
    char *base;

    (void)access;
    (void)domid;
    for (unsigned i = 0; i < n; i++)
        if (refs[i] >= FAKE_PAGES || !fake->granted[refs[i]]) {
            errno = EINVAL;
            return NULL;
        }
    base = mmap(NULL, n * (size_t)BLK_PAGE_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED)
        return NULL;
    for (unsigned i = 0; i < n; i++)
        mmap(base + i * (size_t)BLK_PAGE_BYTES, BLK_PAGE_BYTES, prot, MAP_SHARED | MAP_FIXED, guest_fd,
             (off_t)refs[i] * BLK_PAGE_BYTES);
    fake->mapped += n;
    fake->map_calls++;
    return base;
}

void guest_unmap(struct guest_access *access, void *pages, unsigned int n)
{
    (void)access;
    if (!pages)
        return;
    munmap(pages, n * (size_t)BLK_PAGE_BYTES);
    fake->mapped -= n;
}

struct xengntdev_handle *guest_access_gnttab(struct guest_access *access)
{
    (void)access;
    return NULL;
}

int xengnttab_grant_copy(xengnttab_handle *xgt, uint32_t count, xengnttab_grant_copy_segment_t *segments)
{
    (void)xgt;
    fake->copy_calls++;
    for (uint32_t i = 0; i < count; i++) {
        xengnttab_grant_copy_segment_t *s = &segments[i];
        bool out = s->flags & GNTCOPY_dest_gref;
        uint32_t ref = out ? s->dest.foreign.ref : s->source.foreign.ref;
        unsigned offset = out ? s->dest.foreign.offset : s->source.foreign.offset;

        if (offset + s->len > BLK_PAGE_BYTES)
            abort(); /* the kernel would refuse the whole batch */
        s->status = ref < FAKE_PAGES && fake->granted[ref] ? GNTST_okay : GNTST_bad_gntref;
        if (s->status == GNTST_okay && out)
            memcpy(fake_page(fake, ref) + offset, s->source.virt, s->len);
        else if (s->status == GNTST_okay)
            memcpy(s->dest.virt, fake_page(fake, ref) + offset, s->len);
    }
    return 0;
}

/* ---- the ring ---- */

int uring_buffer_add(struct uring *uring, void *memory, size_t bytes)
{
    (void)uring;
    for (int i = 0; i < URING_BUFFERS; i++)
        if (!fake->registered[i].iov_base) {
            fake->registered[i] = (struct iovec){memory, bytes};
            return i;
        }
    return -1;
}

void uring_buffer_remove(struct uring *uring, int number)
{
    (void)uring;
    if (!fake->registered[number].iov_base)
        abort();
    fake->registered[number].iov_base = NULL;
}

/* ---- event channels ---- */

struct port {
    port_callback *callback;
    void *arg;
};

struct port *port_bind(struct ports *ports, uint32_t domid, uint32_t remote, port_callback *callback,
                       void *arg)
{
    struct port *port = calloc(1, sizeof(*port));

    (void)ports;
    (void)domid;
    (void)remote;
    *port = (struct port){callback, arg};
    return port;
}

void port_notify(struct port *port)
{
    (void)port;
    fake->notifies++;
}

void port_unmask(struct port *port)
{
    (void)port;
    fake->unmasks++;
}

void port_unbind(struct port *port)
{
    free(port);
}

/* ---- the disk ---- */

void disk_io_error(struct disk *disk, const struct blk_request *req, int error)
{
    (void)req;
    (void)error;
    backend_log(disk->dev, "I/O error");
}

void disk_broken(struct disk *disk, unsigned queue, const char *why)
{
    backend_dev_fail(disk->dev, 0, "ring %u: %s", queue, why);
}

void disk_drained(struct disk *disk)
{
    disk->draining = false;
    fake->drained++;
}

bool disk_throttled(struct disk *disk)
{
    uint64_t now = (uint64_t)fake->now_ns;

    return rate_when(&disk->iops, now) || rate_when(&disk->bandwidth, now);
}

bool disk_reaches(struct disk *disk, uint64_t end)
{
    return end <= disk->actual_sectors;
}

/* ---- the image ---- */

static void execute(struct fake_image *image, struct image_io *io)
{
    uint8_t *at = image->data + io->offset;

    if (io->offset + io->bytes > (uint64_t)FAKE_IMAGE_SECTORS * BLK_SECTOR_BYTES)
        abort(); /* nothing beyond the end may come through */
    switch (io->op) {
    case IMAGE_FLUSH:
        image->flushes++;
        break;
    case IMAGE_DISCARD:
        image->discards++;
        memset(at, 0, io->bytes);
        break;
    case IMAGE_READ:
    case IMAGE_WRITE:
        if (io->op == IMAGE_READ)
            image->reads++;
        else
            image->writes++;
        for (unsigned i = 0; i < io->niov; at += io->iov[i++].iov_len) {
            if (io->op == IMAGE_READ)
                memcpy(io->iov[i].iov_base, at, io->iov[i].iov_len);
            else
                memcpy(at, io->iov[i].iov_base, io->iov[i].iov_len);
        }
        break;
    }
}

/* What the kernel would refuse. */
static void check_registered(const struct image_io *io)
{
    const struct iovec *memory = &fake->registered[io->buffer];
    size_t at = (size_t)((char *)io->iov->iov_base - (char *)memory->iov_base);

    if (io->niov != 1 || !memory->iov_base || at > memory->iov_len || io->iov->iov_len > memory->iov_len - at)
        abort();
    fake->image.registered++;
}

static void submit(struct image *image, struct image_io *io)
{
    struct fake_image *f = (struct fake_image *)image;

    if (io->registered)
        check_registered(io);
    if (!f->at_once) {
        f->pending[f->count++] = io;
        return;
    }
    if (!f->fail_with)
        execute(f, io);
    io->done(io, f->fail_with);
}

static const struct image_ops fake_image_ops = {.submit = submit};

void fake_complete(struct fake *f, unsigned which)
{
    struct image_io *io = f->image.pending[which];

    memmove(&f->image.pending[which], &f->image.pending[which + 1],
            (f->image.count - which - 1) * sizeof(f->image.pending[0]));
    f->image.count--;
    if (!f->image.fail_with)
        execute(&f->image, io);
    io->done(io, f->image.fail_with);
}

void fake_complete_all(struct fake *f)
{
    while (f->image.count > 0)
        fake_complete(f, 0);
}

/* ---- the whole ---- */

static void *shared(size_t bytes)
{
    return mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

static void prepare_disk(struct fake *f, bool persistent, bool direct)
{
    const struct persistent_bounds bounds = {PROT_READ | PROT_WRITE, DISK_PERSISTENT_PAGES,
                                             DISK_PERSISTENT_CHUNKS};

    f->disk.dev = &f->dev;
    f->disk.server = &f->server;
    f->disk.image = &f->image.image;
    f->disk.limits = (struct blk_limits){.sectors = FAKE_IMAGE_SECTORS, .sector_bytes = 512, .discard = true};
    f->disk.actual_sectors = FAKE_IMAGE_SECTORS;
    f->disk.direct = direct;
    f->dev.domid = 7;
    f->dev.devid = 51712;
    f->image.image.ops = &fake_image_ops;
    TAILQ_INIT(&f->server.ready);
    grant_copy_init(&f->server.copy, NULL);
    if (persistent)
        f->disk.persistent = persistent_new(NULL, f->dev.domid, &bounds);
}

struct queue *fake_connect(struct fake *f, bool resumed)
{
    uint32_t grefs[JOURNAL_MAX_RING_PAGES];
    struct queue *queue;

    for (unsigned i = 0; i < f->identity.pages_per_ring; i++)
        grefs[i] = FAKE_RING_GREF + i;
    queue = queue_open(&f->disk, 0, grefs, f->identity.pages_per_ring, 5,
                       journal_ring(f->journal, &f->identity, 0), resumed);
    f->disk.queues[0] = queue;
    f->disk.queue_count = 1;
    if (queue)
        queue_ready(queue);
    return queue;
}

struct fake *fake_new(unsigned order, bool persistent, bool direct)
{
    struct fake *f = calloc(1, sizeof(*f));

    fake = f;
    f->now_ns = 1000000000000ll;
    guest_fd = memfd_create("guest", 0);
    if (ftruncate(guest_fd, (off_t)FAKE_PAGES * BLK_PAGE_BYTES) != 0)
        abort();
    f->guest =
        mmap(NULL, FAKE_PAGES * (size_t)BLK_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, guest_fd, 0);
    f->image.data = shared((size_t)FAKE_IMAGE_SECTORS * BLK_SECTOR_BYTES);
    memset(f->granted, true, sizeof(f->granted));
    f->server.buffers = buffers_new(NULL);
    prepare_disk(f, persistent, direct);
    f->identity =
        (struct journal_identity){.domid = 7,
                                  .devid = 51712,
                                  .rings = 1,
                                  .pages_per_ring = 1u << order,
                                  .entries_per_ring = blk_ring_entries((size_t)BLK_PAGE_BYTES << order)};
    f->journal_bytes = journal_bytes(&f->identity);
    f->journal = shared(f->journal_bytes);
    journal_format(f->journal, &f->identity);
    XEN_FRONT_RING_INIT(&f->front, (struct blkif_sring *)fake_page(f, FAKE_RING_GREF),
                        (size_t)BLK_PAGE_BYTES << order);
    return f;
}

void fake_free(struct fake *f)
{
    if (f->disk.queues[0]) {
        queue_stop(f->disk.queues[0]);
        f->image.fail_with = EIO;
        fake_complete_all(f);
        queue_free(f->disk.queues[0]);
    }
    persistent_free(f->disk.persistent);
    buffers_free(f->server.buffers);
    munmap(f->guest, FAKE_PAGES * (size_t)BLK_PAGE_BYTES);
    munmap(f->image.data, (size_t)FAKE_IMAGE_SECTORS * BLK_SECTOR_BYTES);
    munmap(f->journal, f->journal_bytes);
    close(guest_fd);
    free(f);
    fake = NULL;
}

struct queue *fake_restart(struct fake *f)
{
    bool persistent = f->disk.persistent, direct = f->disk.direct;
    struct blk_limits limits = f->disk.limits;

    /* What the dead one had open ends unseen: its operations may or may not have happened. */
    queue_stop(f->disk.queues[0]);
    while (f->image.count > 0) {
        struct image_io *io = f->image.pending[--f->image.count];

        io->done(io, EIO);
    }
    queue_free(f->disk.queues[0]);
    persistent_free(f->disk.persistent);
    memset(&f->disk, 0, sizeof(f->disk));
    TAILQ_INIT(&f->server.ready);
    prepare_disk(f, persistent, direct);
    f->disk.limits = limits;
    return fake_connect(f, true);
}

void fake_run(struct fake *f)
{
    struct queue *queue;

    while ((queue = TAILQ_FIRST(&f->server.ready))) {
        TAILQ_REMOVE(&f->server.ready, queue, ready_link);
        queue->is_ready = false;
        if (queue_run(queue))
            queue_ready(queue);
    }
}

uint8_t *fake_page(struct fake *f, uint32_t gref)
{
    return f->guest + gref * (size_t)BLK_PAGE_BYTES;
}

/* ---- the frontend ---- */

struct blkif_request *fake_ask(struct fake *f)
{
    struct blkif_request *slot = RING_GET_REQUEST(&f->front, f->front.req_prod_pvt);

    f->front.req_prod_pvt++;
    memset(slot, 0, sizeof(*slot));
    return slot;
}

void fake_ask_data(struct fake *f, uint64_t id, uint8_t op, uint64_t sector, uint32_t gref, unsigned first,
                   unsigned last)
{
    struct blkif_request *req = fake_ask(f);

    req->operation = op;
    req->id = id;
    req->sector_number = sector;
    req->nr_segments = 1;
    req->seg[0] = (struct blkif_request_segment){gref, (uint8_t)first, (uint8_t)last};
}

void fake_push(struct fake *f)
{
    __atomic_store_n(&f->front.sring->req_prod, f->front.req_prod_pvt, __ATOMIC_RELEASE);
    if (f->disk.queues[0])
        queue_ready(f->disk.queues[0]);
}

bool fake_answer(struct fake *f, struct blkif_response *answer)
{
    if (f->front.rsp_cons == __atomic_load_n(&f->front.sring->rsp_prod, __ATOMIC_ACQUIRE))
        return false;
    *answer = *RING_GET_RESPONSE(&f->front, f->front.rsp_cons);
    f->front.rsp_cons++;
    return true;
}
