/* SPDX-License-Identifier: MIT */
/*
 * Volume for a block device: blkpasses DEVICE PASSES BLOCK DEPTH
 *
 * In each pass everything is written in order and flushed, and then read in order and compared, DEPTH direct
 * requests of BLOCK bytes at a time. A sector says itself of which pass and place it is, and all its words
 * follow from those. A byte that is wrong, and any error, ends it with status 1 and a line that says what.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <liburing.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <linux/fs.h>

#define MAX_DEPTH 64u
#define SECTOR    512u
#define WORDS     (SECTOR / sizeof(uint64_t))
#define ALIGNMENT 4096u
#define MAGIC     0x6c62706173736573u

struct volume {
    int fd;
    uint64_t size, next; /* bytes of the device; where the next request begins */
    uint32_t block, depth, pass;
    bool reading;
    uint64_t written, checked; /* bytes */
    struct io_uring ring;
    uint64_t offset[MAX_DEPTH]; /* by slot */
    char *buffers;
};

static void fail(const char *what, int error)
{
    printf("blkpasses: %s: %s\n", what, strerror(error));
    exit(EXIT_FAILURE);
}

static void fill_sector(uint64_t *words, uint64_t sector, uint32_t pass)
{
    uint64_t x = sector << 32 ^ pass;

    words[0] = MAGIC;
    words[1] = sector;
    words[2] = pass;
    for (unsigned int i = 3; i < WORDS; i++)
        words[i] = x = x * 6364136223846793005u + 1442695040888963407u;
}

static void check_sector(const uint64_t *words, uint64_t sector, uint32_t pass)
{
    uint64_t expected[WORDS];

    fill_sector(expected, sector, pass);
    if (memcmp(words, expected, SECTOR) == 0)
        return;
    printf("blkpasses: pass %" PRIu32 ": sector %" PRIu64 " begins with %016" PRIx64 " %016" PRIx64
           " %016" PRIx64 "\n",
           pass, sector, words[0], words[1], words[2]);
    exit(EXIT_FAILURE);
}

static uint64_t *sector_at(struct volume *v, unsigned int slot, uint32_t byte)
{
    return (uint64_t *)(void *)(v->buffers + (size_t)slot * v->block + byte);
}

static void queue_request(struct volume *v, unsigned int slot)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&v->ring);

    v->offset[slot] = v->next;
    v->next += v->block;
    for (uint32_t b = 0; !v->reading && b < v->block; b += SECTOR)
        fill_sector(sector_at(v, slot, b), (v->offset[slot] + b) / SECTOR, v->pass);
    if (v->reading)
        io_uring_prep_read(sqe, v->fd, sector_at(v, slot, 0), v->block, v->offset[slot]);
    else
        io_uring_prep_write(sqe, v->fd, sector_at(v, slot, 0), v->block, v->offset[slot]);
    io_uring_sqe_set_data64(sqe, slot);
}

static void take(struct volume *v, const struct io_uring_cqe *cqe)
{
    unsigned int slot = (unsigned int)io_uring_cqe_get_data64(cqe);

    if (cqe->res != (int)v->block)
        fail(v->reading ? "read" : "write", cqe->res < 0 ? -cqe->res : EIO);
    for (uint32_t b = 0; v->reading && b < v->block; b += SECTOR)
        check_sector(sector_at(v, slot, b), (v->offset[slot] + b) / SECTOR, v->pass);
    *(v->reading ? &v->checked : &v->written) += v->block;
}

/* Writes or reads everything once. */
static void half_pass(struct volume *v)
{
    unsigned int busy = 0;
    struct io_uring_cqe *cqe;

    v->next = 0;
    for (; busy < v->depth && v->next < v->size; busy++)
        queue_request(v, busy);
    while (busy > 0) {
        int rc = io_uring_submit_and_wait(&v->ring, 1);

        if (rc < 0 && rc != -EINTR)
            fail("io_uring", -rc);
        while (io_uring_peek_cqe(&v->ring, &cqe) == 0) {
            take(v, cqe);
            if (v->next < v->size)
                queue_request(v, (unsigned int)io_uring_cqe_get_data64(cqe));
            else
                busy--;
            io_uring_cqe_seen(&v->ring, cqe);
        }
    }
}

static void whole_pass(struct volume *v)
{
    v->reading = false;
    half_pass(v);
    if (fsync(v->fd) != 0)
        fail("flush", errno);
    v->reading = true;
    half_pass(v);
}

static void open_device(struct volume *v, const char *path)
{
    v->fd = open(path, O_RDWR | O_DIRECT);
    if (v->fd < 0 || ioctl(v->fd, BLKGETSIZE64, &v->size) != 0)
        fail(path, errno);
    if (v->block == 0 || v->block % SECTOR || v->size == 0 || v->size % v->block)
        fail("block size", EINVAL);
}

int main(int argc, char **argv)
{
    struct volume v = {0};
    uint32_t passes;
    int rc;

    if (argc != 5) {
        fprintf(stderr, "usage: blkpasses DEVICE PASSES BLOCK DEPTH\n");
        return EXIT_FAILURE;
    }
    passes = (uint32_t)strtoul(argv[2], NULL, 10);
    v.block = (uint32_t)strtoul(argv[3], NULL, 10);
    v.depth = (uint32_t)strtoul(argv[4], NULL, 10);
    if (v.depth == 0 || v.depth > MAX_DEPTH)
        fail("depth", EINVAL);
    open_device(&v, argv[1]);
    if (posix_memalign((void **)&v.buffers, ALIGNMENT, (size_t)v.block * v.depth) != 0)
        fail("buffers", ENOMEM);
    rc = io_uring_queue_init(MAX_DEPTH, &v.ring, 0);
    if (rc < 0)
        fail("io_uring", -rc);
    for (v.pass = 1; v.pass <= passes; v.pass++) {
        whole_pass(&v);
        printf("blkpasses: pass %" PRIu32 " of %" PRIu32 " is right\n", v.pass, passes);
        fflush(stdout);
    }
    printf("passes: %" PRIu64 " sectors written, %" PRIu64 " checked\n", v.written / SECTOR,
           v.checked / SECTOR);
    return EXIT_SUCCESS;
}
