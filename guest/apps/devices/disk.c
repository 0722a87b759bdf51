/* SPDX-License-Identifier: MIT */
#include "devices.h"
#include "guest/frontends/blk.h"
#include "guest/guest.h"
#include "guest/mm.h"
#include "guest/time.h"

#define PIECE_ORDER   6u
#define PIECE_SECTORS ((PAGE_SIZE << PIECE_ORDER) / BLK_SECTOR)
#define LOOK_NS       500000000ul

/* --- a checksum that every userland has: CRC-32 as in gzip, busybox crc32 ----------- */

static uint32_t crc32_byte(uint32_t crc, uint8_t byte)
{
    static uint32_t table[256];

    if (!table[1]) {
        for (uint32_t i = 0; i < 256; i++) {
            uint32_t v = i;

            for (unsigned bit = 0; bit < 8; bit++)
                v = v >> 1 ^ (v & 1 ? 0xedb88320u : 0);
            table[i] = v;
        }
    }
    return crc >> 8 ^ table[(crc ^ byte) & 0xff];
}

/* --- what is done with a disk ----------------------------------------------------- */

static uint64_t piece_of(uint64_t sectors, uint64_t at)
{
    return sectors - at < PIECE_SECTORS ? sectors - at : PIECE_SECTORS;
}

static int read_all(struct blk_dev *dev, uint8_t *buf, uint64_t sectors, uint32_t *sum)
{
    uint32_t crc = ~0u;

    for (uint64_t at = 0; at < sectors; at += PIECE_SECTORS) {
        uint64_t n = piece_of(sectors, at);
        int rc = blk_read(dev, at, buf, n);

        if (rc)
            return rc;
        for (uint64_t i = 0; i < n * BLK_SECTOR; i++)
            crc = crc32_byte(crc, buf[i]);
    }
    *sum = ~crc;
    return 0;
}

/* The first half onto the second. */
static int copy_half(struct blk_dev *dev, uint8_t *buf, uint64_t sectors)
{
    uint64_t half = sectors / 2;
    int rc = 0;

    for (uint64_t at = 0; at < half && !rc; at += PIECE_SECTORS) {
        rc = blk_read(dev, at, buf, piece_of(half, at));
        if (!rc)
            rc = blk_write(dev, half + at, buf, piece_of(half, at));
    }
    return rc;
}

static void use(const struct disk *d, struct blk_dev *dev)
{
    uint8_t *buf = page_alloc(PIECE_ORDER);
    struct blk_info info;
    uint32_t sum = 0;
    int rc;

    blk_info(dev, &info);
    rc = buf ? read_all(dev, buf, info.sectors, &sum) : -XEN_ENOMEM;
    if (!rc)
        printf("disk %u: %lu sectors, crc32 %08x\n", d->id, info.sectors, sum);
    if (!rc && !info.readonly)
        rc = copy_half(dev, buf, info.sectors);
    if (rc)
        printf("disk %u: a request ended with %d\n", d->id, rc);
    else
        printf("disk %u: %s\n", d->id, info.readonly ? "read-only" : "copied");
    if (buf)
        page_free(buf, PIECE_ORDER);
}

/* Until it is taken away. Linux's backend looks at the size only when there is a request. */
static void follow(struct disk *d, struct blk_dev *dev)
{
    uint64_t sector[PAGE_SIZE / sizeof(uint64_t)], size, now;
    struct blk_info info;

    blk_info(dev, &info);
    size = info.sectors;
    while (!blk_error(dev) && !__atomic_load_n(&d->stop, __ATOMIC_ACQUIRE)) {
        now = blk_wait_resize(dev, size, time_now() + LOOK_NS);
        if (now != size)
            printf("disk %u: now %lu sectors\n", d->id, now);
        size = now;
        blk_read(dev, 0, sector, info.sector_size / BLK_SECTOR);
    }
}

void disk_main(void *arg)
{
    struct disk *d = arg;
    int error;
    struct blk_dev *dev = blk_open(d->id, NULL, &error);

    if (dev) {
        use(d, dev);
        follow(d, dev);
        d->unplugged = blk_error(dev) == -XEN_ENODEV;
        blk_close(dev);
    }
    printf("disk %u: let go\n", d->id);
    __atomic_store_n(&d->ended, true, __ATOMIC_RELEASE);
    devices_look();
}
