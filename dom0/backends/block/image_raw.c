/* SPDX-License-Identifier: MIT */
/*
 * Raw images. I/O goes around the page cache (O_DIRECT) where the file takes it in units of the guest's
 * sectors, so that data is copied by the device alone; elsewhere through the cache, and a flush is
 * fdatasync(). Files in memory (tmpfs) have neither a disk to wait for nor asynchronous reads: a plain system
 * call is quickest.
 */
#include "dom0/backends/block/image.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "dom0/backends/block/request.h"

struct raw_image {
    struct image image;
    struct uring *uring;
    int fd;
    bool readonly, device, memory;
    int discard_mode; /* of fallocate(); -1: none */
    struct image_info info;
};

/* A tmpfs answers at once or not at all, and io_uring would hand it to another thread. */
static bool in_memory(int fd)
{
    struct statfs fs;

    return fstatfs(fd, &fs) == 0 && (fs.f_type == TMPFS_MAGIC || fs.f_type == (typeof(fs.f_type))RAMFS_MAGIC);
}

static int device_geometry(struct raw_image *raw)
{
    unsigned int physical = 0;
    int logical = 0;

    if (ioctl(raw->fd, BLKSSZGET, &logical) != 0 || ioctl(raw->fd, BLKPBSZGET, &physical) != 0)
        return errno;
    if (logical < (int)BLK_SECTOR_BYTES || logical > (int)BLK_PAGE_BYTES)
        return EINVAL;
    raw->info.sector_bytes = (uint32_t)logical;
    raw->info.physical_sector_bytes = physical;
    return 0;
}

static int file_geometry(struct raw_image *raw)
{
    off_t end = lseek(raw->fd, 0, SEEK_END);

    if (end < 0)
        return errno;
    raw->info.bytes = (uint64_t)end;
    raw->info.sector_bytes = BLK_SECTOR_BYTES;
    raw->info.physical_sector_bytes = BLK_PAGE_BYTES;
    return 0;
}

/* Without stat(), which would let the worker look at any path. */
static int geometry(struct raw_image *raw)
{
    int error;

    raw->device = ioctl(raw->fd, BLKGETSIZE64, &raw->info.bytes) == 0;
    error = raw->device ? device_geometry(raw) : file_geometry(raw);
    if (error == 0)
        raw->info.bytes -= raw->info.bytes % raw->info.sector_bytes;
    return error;
}

/* Stays direct if the guest's smallest transfer works. */
static void try_direct(struct raw_image *raw)
{
    int flags = fcntl(raw->fd, F_GETFL);
    void *sector = NULL;

    if (raw->memory || flags < 0 || fcntl(raw->fd, F_SETFL, flags | O_DIRECT) != 0)
        return;
    /* Not aligned to more than a segment in a guest's page is. */
    if (posix_memalign(&sector, BLK_PAGE_BYTES, 2 * BLK_PAGE_BYTES) != 0 ||
        pread(raw->fd, (char *)sector + raw->info.sector_bytes, raw->info.sector_bytes,
              raw->info.bytes >= 2ull * raw->info.sector_bytes ? raw->info.sector_bytes : 0) < 0)
        fcntl(raw->fd, F_SETFL, flags);
    else
        raw->info.direct = true;
    free(sector);
}

/* Holes are the units that the file system, or the device, gives back. */
static void find_discard(struct raw_image *raw)
{
    struct statfs fs;

    raw->discard_mode = -1;
    if (raw->readonly)
        return;
    if (raw->device) {
        raw->discard_mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE | FALLOC_FL_NO_HIDE_STALE;
        raw->info.discard_granularity = raw->info.sector_bytes;
    } else if (fstatfs(raw->fd, &fs) == 0) {
        raw->discard_mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
        raw->info.discard_granularity = fs.f_bsize >= (long)BLK_SECTOR_BYTES && fs.f_bsize <= 1 << 20
                                            ? (uint32_t)fs.f_bsize
                                            : BLK_PAGE_BYTES;
    }
}

static void raw_info(const struct image *image, struct image_info *info)
{
    *info = ((const struct raw_image *)image)->info;
}

static int raw_refresh(struct image *image)
{
    return geometry((struct raw_image *)image);
}

/* Moves the vector past what was transferred. */
static void advance(struct image_io *io, uint64_t bytes)
{
    io->done_bytes += bytes;
    while (io->niov > 0 && bytes >= io->iov->iov_len) {
        bytes -= io->iov->iov_len;
        io->iov++;
        io->niov--;
    }
    if (io->niov > 0) {
        io->iov->iov_base = (char *)io->iov->iov_base + bytes;
        io->iov->iov_len -= bytes;
    }
}

static void enqueue(struct raw_image *raw, struct image_io *io)
{
    struct io_uring_sqe *sqe = uring_entry(raw->uring);
    uint64_t offset = io->offset + io->done_bytes;

    switch (io->op) {
    case IMAGE_READ:
        if (io->registered)
            io_uring_prep_read_fixed(sqe, raw->fd, io->iov->iov_base, (unsigned)io->iov->iov_len, offset,
                                     io->buffer);
        else
            io_uring_prep_readv(sqe, raw->fd, io->iov, io->niov, offset);
        break;
    case IMAGE_WRITE:
        if (io->registered)
            io_uring_prep_write_fixed(sqe, raw->fd, io->iov->iov_base, (unsigned)io->iov->iov_len, offset,
                                      io->buffer);
        else
            io_uring_prep_writev(sqe, raw->fd, io->iov, io->niov, offset);
        break;
    case IMAGE_FLUSH:
        io_uring_prep_fsync(sqe, raw->fd, IORING_FSYNC_DATASYNC);
        break;
    case IMAGE_DISCARD:
        io_uring_prep_fallocate(sqe, raw->fd, raw->discard_mode, (off_t)io->offset, (off_t)io->bytes);
        break;
    }
    uring_entry_op(sqe, &io->uring);
}

/*
 * What came back; true if the rest has to be asked for. A read that meets the end of the file is an error:
 * the disk was promised to be longer.
 */
static bool judge(struct image_io *io, int64_t res, int *error)
{
    *error = 0;
    if (res == -EINTR || res == -EAGAIN)
        return true;
    if (res < 0) {
        *error = (int)-res;
        return false;
    }
    if (io->op != IMAGE_READ && io->op != IMAGE_WRITE)
        return false;
    if (res == 0) {
        *error = EIO;
        return false;
    }
    advance(io, (uint64_t)res);
    return io->done_bytes < io->bytes;
}

static void uring_done(struct uring_op *op, int32_t res)
{
    struct image_io *io = (struct image_io *)((char *)op - offsetof(struct image_io, uring));
    int error;

    if (judge(io, res, &error))
        enqueue((struct raw_image *)io->image, io);
    else
        io->done(io, error);
}

static int64_t call(struct raw_image *raw, struct image_io *io)
{
    off_t offset = (off_t)(io->offset + io->done_bytes);
    int64_t res = 0;

    switch (io->op) {
    case IMAGE_READ:
        res = preadv(raw->fd, io->iov, (int)io->niov, offset);
        break;
    case IMAGE_WRITE:
        res = pwritev(raw->fd, io->iov, (int)io->niov, offset);
        break;
    case IMAGE_FLUSH:
        return 0; /* there is nothing more lasting below */
    case IMAGE_DISCARD:
        res = fallocate(raw->fd, raw->discard_mode, offset, (off_t)io->bytes);
        break;
    }
    return res < 0 ? -errno : res;
}

static void raw_submit(struct image *image, struct image_io *io)
{
    struct raw_image *raw = (struct raw_image *)image;
    int error;

    io->image = image;
    io->done_bytes = 0;
    io->uring.done = uring_done;
    if (io->op == IMAGE_DISCARD && raw->discard_mode < 0) {
        io->done(io, EOPNOTSUPP);
    } else if (!raw->memory) {
        enqueue(raw, io);
    } else {
        while (judge(io, call(raw, io), &error))
            ;
        io->done(io, error);
    }
}

static void raw_close(struct image *image)
{
    close(((struct raw_image *)image)->fd);
    free(image);
}

static const struct image_ops raw_ops = {raw_info, raw_refresh, raw_submit, raw_close};

struct image *image_raw_open(struct uring *uring, int fd, bool readonly)
{
    struct raw_image *raw = calloc(1, sizeof(*raw));
    int error = ENOMEM;

    if (raw) {
        *raw = (struct raw_image){.image = {&raw_ops}, .uring = uring, .fd = fd, .readonly = readonly};
        error = geometry(raw);
    }
    if (error != 0) {
        free(raw);
        close(fd);
        errno = error;
        return NULL;
    }
    raw->memory = !raw->device && in_memory(fd);
    try_direct(raw);
    find_discard(raw);
    return &raw->image;
}
