/* SPDX-License-Identifier: MIT */
#include "dom0/backends/block/request.h"

#include <stddef.h>
#include <string.h>

/* The frontend's layout is that of 64-bit x86; these are figures of the protocol, not of a compiler. */
_Static_assert(sizeof(struct blkif_request) == 112, "x86_64 protocol: an entry has 112 bytes");
_Static_assert(offsetof(struct blkif_request, id) == 8, "x86_64 protocol: id at 8");
_Static_assert(offsetof(struct blkif_request, seg) == 24, "x86_64 protocol: segments at 24");
_Static_assert(offsetof(struct blkif_request_discard, nr_sectors) == 24, "x86_64 protocol: length at 24");
_Static_assert(offsetof(struct blkif_request_indirect, id) == 8, "x86_64 protocol: id at 8");
_Static_assert(offsetof(struct blkif_request_indirect, indirect_grefs) == 28, "x86_64 protocol: grefs at 28");
_Static_assert(sizeof(struct blkif_request_segment) == 8, "an indirect page has 512 segments");
_Static_assert(sizeof(struct blkif_response) == 16, "x86_64 protocol: a response has 16 bytes");
_Static_assert(BLK_MAX_SEGMENTS <= BLK_SEGMENTS_PAGE, "one indirect page is enough");

/* No overflow: both ends are compared with the capacity. */
static bool inside(uint64_t sector, uint64_t sectors, const struct blk_limits *limits)
{
    return sectors <= limits->sectors && sector <= limits->sectors - sectors;
}

static bool aligned(uint64_t sector, uint64_t sectors, const struct blk_limits *limits)
{
    uint64_t mask = limits->sector_bytes / BLK_SECTOR_BYTES - 1;

    return ((sector | sectors) & mask) == 0;
}

static int16_t check_range(const struct blk_request *req, const struct blk_limits *limits)
{
    if (!inside(req->sector, req->sectors, limits) || !aligned(req->sector, req->sectors, limits))
        return BLKIF_RSP_ERROR;
    return BLKIF_RSP_OKAY;
}

int16_t blk_request_segments(struct blk_request *req, const struct blkif_request_segment *segments,
                             const struct blk_limits *limits)
{
    req->sectors = 0;
    for (unsigned i = 0; i < req->segments; i++) {
        if (segments[i].last_sect >= BLK_PAGE_SECTORS || segments[i].first_sect > segments[i].last_sect)
            return BLKIF_RSP_ERROR;
        req->sectors += (uint64_t)segments[i].last_sect - segments[i].first_sect + 1;
    }
    return check_range(req, limits);
}

static int16_t parse_data(struct blk_request *req, const struct blkif_request *copy,
                          const struct blk_limits *limits)
{
    req->sector = copy->sector_number;
    req->segments = copy->nr_segments;
    if (req->segments > BLKIF_MAX_SEGMENTS_PER_REQUEST)
        return BLKIF_RSP_ERROR;
    if (req->segments == 0 && (req->kind == BLK_READ || req->kind == BLK_WRITE))
        return BLKIF_RSP_ERROR;
    if (blk_request_writes(req) && limits->readonly)
        return BLKIF_RSP_ERROR;
    memcpy(req->direct, copy->seg, req->segments * sizeof(req->direct[0]));
    if (req->segments == 0) {
        /* A barrier alone orders, it touches no sector. */
        req->sector = 0;
        return BLKIF_RSP_OKAY;
    }
    return blk_request_segments(req, req->direct, limits);
}

static int16_t parse_flush(struct blk_request *req, const struct blkif_request *copy,
                           const struct blk_limits *limits)
{
    if (copy->nr_segments == 0)
        return BLKIF_RSP_OKAY;
    /* With data it is what a barrier is: earlier writes first, then this one. */
    req->kind = BLK_BARRIER;
    return parse_data(req, copy, limits);
}

static int16_t parse_discard(struct blk_request *req, const struct blkif_request *copy,
                             const struct blk_limits *limits)
{
    struct blkif_request_discard discard;

    memcpy(&discard, copy, sizeof(discard));
    req->sector = discard.sector_number;
    req->sectors = discard.nr_sectors;
    if (limits->readonly)
        return BLKIF_RSP_ERROR;
    if (!limits->discard)
        return BLKIF_RSP_EOPNOTSUPP;
    return req->sectors ? check_range(req, limits) : BLKIF_RSP_ERROR;
}

static int16_t parse_indirect(struct blk_request *req, const struct blkif_request *copy,
                              const struct blk_limits *limits)
{
    struct blkif_request_indirect indirect;

    memcpy(&indirect, copy, sizeof(indirect));
    if (indirect.indirect_op != BLKIF_OP_READ && indirect.indirect_op != BLKIF_OP_WRITE)
        return BLKIF_RSP_ERROR;
    req->kind = indirect.indirect_op == BLKIF_OP_READ ? BLK_READ : BLK_WRITE;
    /* Frontends look for the operation that they meant, not for how they asked. */
    req->operation = indirect.indirect_op;
    req->indirect = true;
    req->indirect_gref = indirect.indirect_grefs[0];
    req->segments = indirect.nr_segments;
    req->sector = indirect.sector_number;
    if (req->segments == 0 || req->segments > BLK_MAX_SEGMENTS)
        return BLKIF_RSP_ERROR;
    return req->kind == BLK_WRITE && limits->readonly ? BLKIF_RSP_ERROR : BLKIF_RSP_OKAY;
}

int16_t blk_request_parse(struct blk_request *req, const struct blkif_request *copy,
                          const struct blk_limits *limits)
{
    memset(req, 0, sizeof(*req));
    /* At the same place in all four layouts, see the assertions above. */
    req->id = copy->id;
    req->operation = copy->operation;
    switch (copy->operation) {
    case BLKIF_OP_READ:
        req->kind = BLK_READ;
        return parse_data(req, copy, limits);
    case BLKIF_OP_WRITE:
        req->kind = BLK_WRITE;
        return parse_data(req, copy, limits);
    case BLKIF_OP_WRITE_BARRIER:
        req->kind = BLK_BARRIER;
        return parse_data(req, copy, limits);
    case BLKIF_OP_FLUSH_DISKCACHE:
        req->kind = BLK_FLUSH;
        return parse_flush(req, copy, limits);
    case BLKIF_OP_DISCARD:
        req->kind = BLK_DISCARD;
        return parse_discard(req, copy, limits);
    case BLKIF_OP_INDIRECT:
        return parse_indirect(req, copy, limits);
    default:
        return BLKIF_RSP_EOPNOTSUPP;
    }
}

const char *blk_request_fault(const struct blk_request *req, const struct blk_limits *limits)
{
    if (req->operation > BLKIF_OP_INDIRECT || req->operation == BLKIF_OP_RESERVED_1)
        return "unknown operation";
    if (req->kind == BLK_DISCARD && !limits->discard && !limits->readonly)
        return "discard, which this disk does not offer";
    if (limits->readonly && req->kind != BLK_READ)
        return "write to a read-only disk";
    if (req->kind != BLK_DISCARD && (req->segments == 0 || req->segments > BLK_MAX_SEGMENTS))
        return "number of segments out of range";
    if (req->sectors && !inside(req->sector, req->sectors, limits))
        return "beyond the end of the disk";
    if (req->sectors && !aligned(req->sector, req->sectors, limits))
        return "not aligned to the disk's sectors";
    return "segment outside its page";
}
