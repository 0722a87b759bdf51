/* SPDX-License-Identifier: MIT */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#define xen_mb()  __sync_synchronize()
#define xen_rmb() __sync_synchronize()
#define xen_wmb() __sync_synchronize()
#include "tests/host/guest/blk/disk.h"
#include "tests/host/guest/blk/machine.h"

#define PAGE_BYTES 4096u
#define MAX_TAKEN  1024u

void disk_init(struct disk *d, uint64_t sectors)
{
    *d = (struct disk){.sectors = sectors};
    d->data = calloc(sectors, DISK_SECTOR);
    d->taken = calloc(MAX_TAKEN, sizeof(*d->taken));
    assert(d->data && d->taken);
}

void disk_fini(struct disk *d)
{
    free(d->data);
    free(d->taken);
}

void disk_attach(struct disk *d, void *shared, unsigned ring_pages)
{
    BACK_RING_INIT(&d->ring, (blkif_sring_t *)shared, ring_pages * PAGE_BYTES);
    d->nr_taken = 0;
}

static void parse_indirect(struct disk_request *to, const blkif_request_indirect_t *from)
{
    to->op = from->indirect_op;
    to->sector = from->sector_number;
    to->nr_segments = from->nr_segments;
    assert(from->nr_segments > 11 && from->nr_segments <= 512);
    const void *page = machine_map(from->indirect_grefs[0], false);
    assert(page);
    memcpy(to->seg, page, from->nr_segments * sizeof(to->seg[0]));
    machine_unmap(from->indirect_grefs[0], false);
}

static void parse(struct disk_request *to, const blkif_request_t *from)
{
    *to = (struct disk_request){.op = from->operation, .id = from->id};
    if (from->operation == BLKIF_OP_INDIRECT) {
        parse_indirect(to, (const blkif_request_indirect_t *)from);
    } else if (from->operation == BLKIF_OP_DISCARD) {
        to->sector = from->sector_number;
        to->nr_sectors = ((const blkif_request_discard_t *)from)->nr_sectors;
    } else {
        to->sector = from->sector_number;
        to->nr_segments = from->nr_segments;
        assert(from->nr_segments <= BLKIF_MAX_SEGMENTS_PER_REQUEST);
        memcpy(to->seg, from->seg, from->nr_segments * sizeof(to->seg[0]));
    }
}

unsigned disk_take(struct disk *d)
{
    int more;

    do {
        while (RING_HAS_UNCONSUMED_REQUESTS(&d->ring)) {
            blkif_request_t req;

            RING_COPY_REQUEST(&d->ring, d->ring.req_cons, &req);
            d->ring.req_cons++;
            assert(d->nr_taken < MAX_TAKEN);
            parse(&d->taken[d->nr_taken++], &req);
        }
        RING_FINAL_CHECK_FOR_REQUESTS(&d->ring, more);
    } while (more);
    return d->nr_taken;
}

static int16_t transfer(struct disk *d, const struct disk_request *r)
{
    bool read = r->op == BLKIF_OP_READ;
    uint64_t at = r->sector;

    for (unsigned i = 0; i < r->nr_segments; i++) {
        unsigned first = r->seg[i].first_sect, n = r->seg[i].last_sect + 1u - first;
        uint8_t *page = machine_map(r->seg[i].gref, read || d->persistent);

        assert(page && r->seg[i].last_sect < 8 && first <= r->seg[i].last_sect);
        if (at + n > d->sectors)
            return BLKIF_RSP_ERROR;
        if (read)
            memcpy(page + first * DISK_SECTOR, d->data + at * DISK_SECTOR, n * DISK_SECTOR);
        else
            memcpy(d->data + at * DISK_SECTOR, page + first * DISK_SECTOR, n * DISK_SECTOR);
        if (!d->persistent)
            machine_unmap(r->seg[i].gref, read);
        at += n;
    }
    return BLKIF_RSP_OKAY;
}

int16_t disk_carry_out(struct disk *d, const struct disk_request *r)
{
    switch (r->op) {
    case BLKIF_OP_READ:
    case BLKIF_OP_WRITE:
        return transfer(d, r);
    case BLKIF_OP_WRITE_BARRIER:
    case BLKIF_OP_FLUSH_DISKCACHE:
        d->flushes++;
        return d->no_flush ? BLKIF_RSP_EOPNOTSUPP : BLKIF_RSP_OKAY;
    case BLKIF_OP_DISCARD:
        d->discards++;
        if (d->no_discard)
            return BLKIF_RSP_EOPNOTSUPP;
        memset(d->data + r->sector * DISK_SECTOR, 0, r->nr_sectors * DISK_SECTOR);
        return BLKIF_RSP_OKAY;
    }
    abort();
}

bool disk_answer(struct disk *d, unsigned which)
{
    struct disk_request *r = &d->taken[which];
    blkif_response_t rsp = {.id = r->id, .operation = r->op, .status = disk_carry_out(d, r)};
    int notify;

    *RING_GET_RESPONSE(&d->ring, d->ring.rsp_prod_pvt) = rsp;
    d->ring.rsp_prod_pvt++;
    RING_PUSH_RESPONSES_AND_CHECK_NOTIFY(&d->ring, notify);
    *r = d->taken[--d->nr_taken];
    return notify;
}

void disk_run(struct disk *d, bool reverse)
{
    while (disk_take(d))
        disk_answer(d, reverse ? d->nr_taken - 1 : 0);
}
