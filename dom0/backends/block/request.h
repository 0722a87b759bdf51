/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_BLOCK_REQUEST_H
#define HOSPES_BLOCK_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include <xen/xen.h>
#include <xen/io/blkif.h>

/*
 * What a frontend asks for, judged. Input is a private copy of a ring entry: nothing here reads shared
 * memory. A verdict is the status that goes back to the frontend, BLKIF_RSP_OKAY when the request may be
 * executed. Units: sectors are 512 bytes, whatever the disk's own sector size.
 */
#define BLK_SECTOR_SHIFT  9
#define BLK_SECTOR_BYTES  (1u << BLK_SECTOR_SHIFT)
#define BLK_PAGE_BYTES    4096u
#define BLK_PAGE_SECTORS  (BLK_PAGE_BYTES / BLK_SECTOR_BYTES)
#define BLK_MAX_SEGMENTS  256u /* of an indirect request; they fit in one indirect page */
#define BLK_SEGMENTS_PAGE (BLK_PAGE_BYTES / sizeof(struct blkif_request_segment))

enum blk_kind { BLK_READ, BLK_WRITE, BLK_FLUSH, BLK_BARRIER, BLK_DISCARD };

/* What a disk allows. */
struct blk_limits {
    uint64_t sectors;
    uint32_t sector_bytes; /* the disk's logical sector: a power of two, 512 to 4096 */
    bool readonly;
    bool discard;
};

struct blk_request {
    uint64_t id;       /* the frontend's, echoed */
    uint64_t sector;   /* start */
    uint64_t sectors;  /* length; 0 for a flush, and for an empty barrier */
    uint8_t operation; /* what the answer repeats: of an indirect request the operation inside */
    enum blk_kind kind;
    bool indirect; /* the segments are in the page that `indirect_gref` names: blk_request_segments() next */
    uint32_t indirect_gref;
    unsigned segments;
    struct blkif_request_segment direct[BLKIF_MAX_SEGMENTS_PER_REQUEST]; /* valid unless indirect */
};

/*
 * Judges everything but an indirect request's segments. Fills req also when the verdict is bad, as far as
 * the answer needs it (id, operation).
 */
int16_t blk_request_parse(struct blk_request *req, const struct blkif_request *copy,
                          const struct blk_limits *limits);

/* Judges req->segments segments, a private copy as well, and sets req->sectors. */
int16_t blk_request_segments(struct blk_request *req, const struct blkif_request_segment *segments,
                             const struct blk_limits *limits);

/* Whether the data goes from the frontend to the disk. */
static inline bool blk_request_writes(const struct blk_request *req)
{
    return req->kind == BLK_WRITE || req->kind == BLK_BARRIER;
}

/* Why a request was refused, for the log. Only valid after a bad verdict of the two functions above. */
const char *blk_request_fault(const struct blk_request *req, const struct blk_limits *limits);

#endif
