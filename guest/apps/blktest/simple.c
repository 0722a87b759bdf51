/* SPDX-License-Identifier: MIT */
/* Tests with single requests: what must be refused, and disks that grow. */
#include "blktest.h"
#include "guest/guest.h"
#include "guest/heap.h"
#include "guest/time.h"

#define TAIL 64u /* sectors */

static bool expect(int got, int want, const char *what)
{
    if (got != want)
        printf("blktest: %s gave %d instead of %d\n", what, got, want);
    return got == want;
}

/* Requests that must not reach the backend. */
bool limits(const struct job *job)
{
    static uint64_t buf[PAGE_SIZE / sizeof(uint64_t)];
    const struct blk_info *i = &job->info;
    uint64_t unit = i->sector_size / BLK_SECTOR;
    bool good =
        expect(blk_read(job->dev, i->sectors, buf, unit), -XEN_EINVAL, "a read behind the end") &&
        expect(blk_read(job->dev, i->sectors - unit, buf, 2 * unit), -XEN_EINVAL, "a read across the end") &&
        expect(blk_read(job->dev, UINT64_MAX, buf, unit), -XEN_EINVAL, "a read of the last number") &&
        expect(blk_read(job->dev, 0, buf, 0), -XEN_EINVAL, "a read of nothing") &&
        expect(blk_read(job->dev, i->sectors - unit, buf, unit), 0, "a read of the last sector");

    if (unit > 1)
        good = good && expect(blk_read(job->dev, 1, buf, unit), -XEN_EINVAL, "a read across sectors");
    if (i->readonly)
        good = good && expect(blk_write(job->dev, 0, buf, unit), -XEN_EROFS, "a write");
    if (!i->discard)
        good = good && expect(blk_discard(job->dev, 0, unit), -XEN_EOPNOTSUPP, "a discard");
    return good && expect(blk_flush(job->dev), i->flush ? 0 : -XEN_EOPNOTSUPP, "a flush");
}

/* Writes and reads the last sectors of a disk of that size. */
static bool use_tail(const struct job *job, uint64_t sectors)
{
    unsigned char *buf = heap_alloc(2 * TAIL * BLK_SECTOR), *back = buf + TAIL * BLK_SECTOR;
    bool good = buf;

    for (unsigned i = 0; good && i < TAIL * BLK_SECTOR; i++)
        buf[i] = (unsigned char)(i * 7 + sectors);
    good = good && expect(blk_write(job->dev, sectors - TAIL, buf, TAIL), 0, "a write of the last sectors") &&
           expect(blk_read(job->dev, sectors - TAIL, back, TAIL), 0, "a read of the last sectors");
    if (good && memcmp(buf, back, TAIL * BLK_SECTOR)) {
        printf("blktest: the last sectors do not hold what was written\n");
        good = false;
    }
    heap_free(buf);
    return good;
}

/* Linux's backend looks at the size only while it has work. */
static uint64_t wait_and_read(const struct job *job, uint64_t size)
{
    uint64_t now, sector[BLK_SECTOR * 8 / sizeof(uint64_t)];

    while ((now = blk_wait_resize(job->dev, size, time_now() + SECONDS / 2)) == size)
        if (blk_read(job->dev, 0, sector, job->info.sector_size / BLK_SECTOR))
            break;
    return now;
}

bool resize(const struct job *job)
{
    uint64_t size = job->info.sectors;

    printf("blktest: waiting for %u changes of size\n", job->count);
    for (unsigned i = 0; i < job->count; i++) {
        uint64_t now = wait_and_read(job, size), sector[BLK_SECTOR * 8 / sizeof(uint64_t)];

        if (now == size || !use_tail(job, now) ||
            !expect(blk_read(job->dev, now, sector, job->info.sector_size / BLK_SECTOR), -XEN_EINVAL,
                    "a read behind the new end"))
            return false;
        printf("resize: %lu to %lu sectors\n", size, now);
        size = now;
    }
    return true;
}
