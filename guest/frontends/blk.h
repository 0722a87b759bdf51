/* SPDX-License-Identifier: MIT */
#ifndef GUEST_FRONTENDS_BLK_H
#define GUEST_FRONTENDS_BLK_H

/*
 * Block devices: the frontend half of Xen's vbd protocol.
 *
 * A sector is 512 bytes everywhere here, whatever the disk calls its own; requests must be aligned to
 * info.sector_size. Data always pass through pages that belong to the frontend, so the backend never sees
 * or writes a byte of the caller's memory, and a buffer may lie and be aligned as it likes.
 *
 * A device outlives its backend. While that is away, for whatever reason, requests wait; what it may have
 * had in hand is done again when it is back. Only three things end a request with an error that is not the
 * disk's: the device was unplugged (-XEN_ENODEV), it was closed (-XEN_ENODEV), or the backend broke the
 * protocol, which disables the device for good (-XEN_EIO).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BLK_SECTOR       512u
#define BLK_MAX_QUEUES   8u
#define BLK_MAX_ORDER    4u   /* ring pages of a queue: 16 */
#define BLK_MAX_SEGMENTS 256u /* pages of one request on the ring */

/* Features that may be forced off, whatever the backend offers. */
enum blk_feature {
    BLK_F_MULTIPAGE = 1 << 0,  /* rings of more than one page */
    BLK_F_INDIRECT = 1 << 1,   /* more than 11 pages a request */
    BLK_F_PERSISTENT = 1 << 2, /* grants that the backend keeps mapped */
    BLK_F_MULTIQUEUE = 1 << 3,
    BLK_F_FLUSH = 1 << 4,   /* flushing by its own request */
    BLK_F_BARRIER = 1 << 5, /* flushing by an empty barrier, used where there is no flush */
    BLK_F_DISCARD = 1 << 6,
};

struct blk_options {
    unsigned off;        /* BLK_F_* */
    unsigned queues;     /* at most; 0: one for each vCPU */
    unsigned ring_order; /* at most, lb(pages) */
    unsigned pool_pages; /* data pages of each queue; 0: a default */
    uint64_t timeout_ns; /* for the first connection; 0: a minute */
};

/* What was negotiated. Changes when the disk is resized and when the backend comes back. */
struct blk_info {
    uint64_t sectors;
    unsigned sector_size, physical_sector_size; /* bytes */
    unsigned queues, ring_pages, segments;
    bool readonly, cdrom, removable;
    bool persistent;
    bool flush;   /* blk_flush() works */
    bool barrier; /* ... by a barrier */
    bool discard, discard_secure;
    unsigned discard_granularity, discard_alignment; /* bytes */
};

struct blk_stats {
    uint64_t reconnects; /* connections after the first */
    uint64_t replayed;   /* requests that were put on a ring again */
    uint64_t stalls;     /* times that no answer came for seconds */
    uint64_t held_pages; /* pages set aside now, because the backend does not let go of them */
};

enum blk_op { BLK_READ, BLK_WRITE, BLK_FLUSH, BLK_DISCARD, BLK_DISCARD_SECURE };

struct blk_dev;
struct blk_queue;

/*
 * One request. The caller owns it and fills the first group; from blk_submit() to done() it and its buffer
 * belong to the frontend. done() runs once, on any vCPU, possibly in an event handler: it may submit
 * and wake, not block. Requests that overlap while in flight are done in any order.
 */
struct blk_req {
    enum blk_op op;
    uint64_t sector;
    uint64_t sectors; /* 0 for a flush */
    void *buf;        /* of reads and writes */
    void (*done)(struct blk_req *req);
    void *data;
    int status; /* for done(): 0, or a negative errno (-XEN_EIO, -XEN_EOPNOTSUPP, -XEN_ENODEV) */

    struct blk_req *next, *prev; /* from here on private */
    uint64_t issued;             /* sectors put on the ring of this connection */
    unsigned chunks;             /* requests on the ring now that are part of this one */
    bool whole;                  /* all of it has been put on the ring */
};

/* Options from the command line: blk.off=WORD,WORD... blk.queues=N blk.order=N blk.pool=PAGES. False: unknown
 * word. */
bool blk_options_cmdline(struct blk_options *opt);

/*
 * Opens the vbd with that number and connects. opt NULL: as the command line says. NULL on failure with
 * *error a negative errno; one line on the console says why. Threads only.
 */
struct blk_dev *blk_open(unsigned id, const struct blk_options *opt, int *error);

/* Waits for what is in flight, ends the connection, frees everything; nobody may use the device any more. */
void blk_close(struct blk_dev *dev);

/* A consistent copy. */
void blk_info(struct blk_dev *dev, struct blk_info *info);
void blk_stats(struct blk_dev *dev, struct blk_stats *stats);

/* 0, or why the device is out of use. */
int blk_error(struct blk_dev *dev);

/*
 * Hands a request over: 0, or a negative errno and done() will not run (-XEN_EINVAL: outside the disk or not
 * aligned; -XEN_EROFS; -XEN_EOPNOTSUPP; -XEN_ENODEV, -XEN_EIO: the device is out of use). Any vCPU, also from
 * done(). There is no limit on length or number: what does not fit the ring waits.
 */
int blk_submit(struct blk_dev *dev, struct blk_req *req);

/* The same and waiting for the end; 0 or a negative errno. Threads only. */
int blk_read(struct blk_dev *dev, uint64_t sector, void *buf, uint64_t sectors);
int blk_write(struct blk_dev *dev, uint64_t sector, const void *buf, uint64_t sectors);
int blk_flush(struct blk_dev *dev);
int blk_discard(struct blk_dev *dev, uint64_t sector, uint64_t sectors);

/* Lets go of the backend and connects again, as if it had asked for that; returns at once. Threads only. */
void blk_reconnect(struct blk_dev *dev);

/* Sleeps until the disk's size is not `sectors` or the deadline (system time, 0: none); the size. Threads
 * only. */
uint64_t blk_wait_resize(struct blk_dev *dev, uint64_t sectors, uint64_t deadline);

#endif
