/* SPDX-License-Identifier: MIT */
/*
 * Load for a block device: blkload DEVICE read|write seq|rand BLOCK DEPTH SECONDS
 *
 * Keeps DEPTH direct requests of BLOCK bytes in flight for SECONDS and prints one line:
 * "blkload: BYTES_PER_SECOND REQUESTS_PER_SECOND MEAN_LATENCY_NS". Any error ends it with status 1.
 */
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include <linux/fs.h>

#define MAX_DEPTH 128u
#define ALIGNMENT 4096u

struct load {
    int fd;
    bool write, random;
    uint64_t block, blocks; /* bytes of a request; how many fit the device */
    unsigned int depth;
    uint64_t next, state; /* block of the next sequential request; of the generator */
    struct io_uring ring;
    uint64_t started[MAX_DEPTH]; /* ns, by slot */
    void *buffers;
};

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void fail(const char *what, int error)
{
    fprintf(stderr, "blkload: %s: %s\n", what, strerror(error));
    exit(EXIT_FAILURE);
}

static uint64_t next_offset(struct load *load)
{
    if (!load->random)
        return load->next++ % load->blocks * load->block;
    /* Knuth's multiplier: the sequence need not be good, only spread, and the same each time. */
    load->state = load->state * 6364136223846793005u + 1442695040888963407u;
    return (load->state >> 33) % load->blocks * load->block;
}

static void queue_request(struct load *load, unsigned int slot)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&load->ring);
    char *buffer = (char *)load->buffers + slot * load->block;
    uint64_t offset = next_offset(load);

    if (load->write)
        io_uring_prep_write(sqe, load->fd, buffer, (unsigned int)load->block, offset);
    else
        io_uring_prep_read(sqe, load->fd, buffer, (unsigned int)load->block, offset);
    io_uring_sqe_set_data64(sqe, slot);
    load->started[slot] = now_ns();
}

/* Takes all completions there are; sum of their latencies in ns. */
static uint64_t reap(struct load *load, uint64_t *done, bool again)
{
    uint64_t latency = 0, now = now_ns();
    struct io_uring_cqe *cqe;

    while (io_uring_peek_cqe(&load->ring, &cqe) == 0) {
        unsigned int slot = (unsigned int)io_uring_cqe_get_data64(cqe);

        if (cqe->res != (int)load->block)
            fail(load->write ? "write" : "read", cqe->res < 0 ? -cqe->res : EIO);
        io_uring_cqe_seen(&load->ring, cqe);
        latency += now - load->started[slot];
        ++*done;
        if (again)
            queue_request(load, slot);
    }
    return latency;
}

static void run(struct load *load, uint64_t seconds)
{
    uint64_t begin = now_ns(), end = begin + seconds * 1000000000u, done = 0, latency = 0, elapsed;

    for (unsigned int slot = 0; slot < load->depth; slot++)
        queue_request(load, slot);
    while (now_ns() < end) {
        int rc = io_uring_submit_and_wait(&load->ring, 1);

        if (rc < 0 && rc != -EINTR)
            fail("io_uring", -rc);
        latency += reap(load, &done, true);
    }
    elapsed = now_ns() - begin;
    printf("blkload: %.0f %.0f %.0f\n", (double)done * (double)load->block * 1e9 / (double)elapsed,
           (double)done * 1e9 / (double)elapsed, done ? (double)latency / (double)done : 0.0);
}

static uint64_t number(const char *text)
{
    char *end;
    uint64_t value = strtoull(text, &end, 10);

    if (*end == 'k')
        value <<= 10;
    else if (*end == 'm')
        value <<= 20;
    return value;
}

static void open_device(struct load *load, const char *path)
{
    uint64_t bytes;

    load->fd = open(path, (load->write ? O_RDWR : O_RDONLY) | O_DIRECT);
    if (load->fd < 0 || ioctl(load->fd, BLKGETSIZE64, &bytes) != 0)
        fail(path, errno);
    load->blocks = load->block ? bytes / load->block : 0;
    if (load->blocks == 0 || load->block % 512)
        fail("block size", EINVAL);
}

int main(int argc, char **argv)
{
    struct load load = {.state = 1};
    int rc;

    if (argc != 7) {
        fprintf(stderr, "usage: blkload DEVICE read|write seq|rand BLOCK DEPTH SECONDS\n");
        return EXIT_FAILURE;
    }
    load.write = strcmp(argv[2], "write") == 0;
    load.random = strcmp(argv[3], "rand") == 0;
    load.block = number(argv[4]);
    load.depth = (unsigned int)number(argv[5]);
    if (load.depth == 0 || load.depth > MAX_DEPTH)
        fail("depth", EINVAL);
    open_device(&load, argv[1]);
    if (posix_memalign(&load.buffers, ALIGNMENT, load.block * load.depth) != 0)
        fail("buffers", ENOMEM);
    memset(load.buffers, 0x5a, load.block * load.depth);
    rc = io_uring_queue_init(MAX_DEPTH, &load.ring, 0);
    if (rc < 0)
        fail("io_uring", -rc);
    run(&load, number(argv[6]));
    return EXIT_SUCCESS;
}
