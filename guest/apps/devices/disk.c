/* SPDX-License-Identifier: MIT */
#include "devices.h"
#include "guest/frontends/blk.h"
#include "guest/guest.h"
#include "guest/mm.h"
#include "guest/time.h"

#define PIECE_ORDER   6u
#define PIECE_SECTORS ((PAGE_SIZE << PIECE_ORDER) / BLK_SECTOR)
#define LOOK_NS       500000000ul

/* --- the checksum of POSIX's cksum, which is in every userland ------------------ */

static uint32_t cksum_byte(uint32_t crc, uint8_t byte)
{
    static uint32_t table[256];

    if (!table[1]) {
        for (uint32_t i = 0; i < 256; i++) {
            uint32_t v = i << 24;

            for (unsigned bit = 0; bit < 8; bit++)
                v = v << 1 ^ (v >> 31 ? 0x04c11db7u : 0);
            table[i] = v;
        }
    }
    return crc << 8 ^ table[crc >> 24 ^ byte];
}

static uint32_t cksum_end(uint32_t crc, uint64_t bytes)
{
    for (; bytes; bytes >>= 8)
        crc = cksum_byte(crc, (uint8_t)bytes);
    return ~crc;
}

/* --- what is done with a disk ----------------------------------------------------- */

static uint64_t piece_of(uint64_t sectors, uint64_t at)
{
    return sectors - at < PIECE_SECTORS ? sectors - at : PIECE_SECTORS;
}

static int read_all(struct blk_dev *dev, uint8_t *buf, uint64_t sectors, uint32_t *sum)
{
    uint32_t crc = 0;

    for (uint64_t at = 0; at < sectors; at += PIECE_SECTORS) {
        uint64_t n = piece_of(sectors, at);
        int rc = blk_read(dev, at, buf, n);

        if (rc)
            return rc;
        for (uint64_t i = 0; i < n * BLK_SECTOR; i++)
            crc = cksum_byte(crc, buf[i]);
    }
    *sum = cksum_end(crc, sectors * BLK_SECTOR);
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
        printf("disk %u: %lu sectors, cksum %u\n", d->id, info.sectors, sum);
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
