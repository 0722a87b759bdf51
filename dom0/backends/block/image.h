/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_BLOCK_IMAGE_H
#define HOSPES_BLOCK_IMAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "dom0/backends/block/uring.h"

/*
 * Where a disk's data is. Everything above this interface knows offsets and bytes only; what is below it -
 * a file, a block device, another format - is one struct image_ops and a line in the list of formats.
 *
 * One thread. Any number of operations at a time, in no order but this: a flush covers every write that was
 * done before it was submitted.
 */
struct image;

enum image_op { IMAGE_READ, IMAGE_WRITE, IMAGE_FLUSH, IMAGE_DISCARD };

/* An operation: the caller's, unchanged until done(). */
struct image_io {
    enum image_op op;
    uint64_t offset, bytes; /* whole sectors, inside the image; 0 for a flush */
    struct iovec *iov;      /* read and write: bytes in total; the image may change them */
    unsigned niov;
    bool registered; /* iov is one piece, of memory that the ring knows by this number */
    uint16_t buffer;
    /* error: 0 or an errno value. Called from the loop, or already from image_submit(). */
    void (*done)(struct image_io *io, int error);

    /* The image's own. */
    struct uring_op uring;
    struct image *image;
    uint64_t done_bytes;
};

struct image_info {
    uint64_t bytes;
    uint32_t sector_bytes;          /* logical sector: a power of two, 512 to 4096 */
    uint32_t physical_sector_bytes; /* what is written without reading first */
    uint32_t discard_granularity;   /* bytes; 0: no discard */
    bool direct; /* the kernel looks up the pages of each read and write, unless the memory is registered */
};

struct image_ops {
    /* What it is now; called after image_refresh() too. */
    void (*info)(const struct image *image, struct image_info *info);
    /* Looks at the store of data again: it may have grown or shrunk. 0 or an errno value. */
    int (*refresh)(struct image *image);
    void (*submit)(struct image *image, struct image_io *io);
    /* Nothing is under way any more. */
    void (*close)(struct image *image);
};

/* First member of every kind of image. */
struct image {
    const struct image_ops *ops;
};

/* A raw file or block device; takes over the descriptor. NULL with errno, the descriptor is closed then too.
 */
struct image *image_raw_open(struct uring *uring, int fd, bool readonly);

static inline void image_info(const struct image *image, struct image_info *info)
{
    image->ops->info(image, info);
}

static inline int image_refresh(struct image *image)
{
    return image->ops->refresh(image);
}

static inline void image_submit(struct image *image, struct image_io *io)
{
    image->ops->submit(image, io);
}

static inline void image_close(struct image *image)
{
    if (image)
        image->ops->close(image);
}

#endif
