/* SPDX-License-Identifier: MIT */
/*
 * Raw images through a real io_uring, on the file system of the build and on a tmpfs. Skipped where the
 * kernel, or a container's filter, has no io_uring.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "dom0/backends/block/image.h"
#include "dom0/backends/block/lock.h"

#define IMAGE_BYTES (1u << 20)

struct fixture {
    struct loop *loop;
    struct uring *uring;
    char path[64];
    int fd; /* the test's own */
    struct image *image;
    uint8_t *memory;
    unsigned left;
    int error;
};

static struct fixture *current;

static void done(struct image_io *io, int error)
{
    (void)io;
    current->left--;
    if (error)
        current->error = error;
}

static int start(void **state, const char *directory)
{
    struct fixture *f = calloc(1, sizeof(*f));

    *state = current = f;
    f->loop = loop_new();
    f->uring = uring_open();
    snprintf(f->path, sizeof(f->path), "%s/image.XXXXXX", directory);
    f->fd = mkstemp(f->path);
    f->memory = aligned_alloc(4096, 65536);
    if (!f->loop || f->fd < 0 || ftruncate(f->fd, IMAGE_BYTES) != 0)
        return -1;
    if (!f->uring)
        return 0;
    uring_start(f->uring, f->loop);
    f->image = image_raw_open(f->uring, open(f->path, O_RDWR | O_CLOEXEC), false);
    return f->image ? 0 : -1;
}

static int setup_disk(void **state)
{
    return start(state, "/var/tmp");
}

static int setup_tmpfs(void **state)
{
    return start(state, "/dev/shm");
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    image_close(f->image);
    uring_close(f->uring);
    loop_free(f->loop);
    unlink(f->path);
    close(f->fd);
    free(f->memory);
    free(f);
    return 0;
}

static int run(struct fixture *f, enum image_op op, uint64_t offset, struct iovec *iov, unsigned niov)
{
    struct image_io io = {.op = op, .offset = offset, .iov = iov, .niov = niov, .done = done};

    for (unsigned i = 0; i < niov; i++)
        io.bytes += iov[i].iov_len;
    if (op == IMAGE_DISCARD) {
        io.iov = NULL;
        io.niov = 0;
    }
    f->left = 1;
    f->error = 0;
    image_submit(f->image, &io);
    while (f->left)
        assert_int_equal(loop_round(f->loop, 1000), 0);
    return f->error;
}

static void need_uring(struct fixture *f)
{
    if (!f->uring)
        skip();
}

static void test_data(void **state)
{
    struct fixture *f = *state;
    struct iovec out[3], in[1] = {{f->memory + 32768, 16384}};
    uint8_t check[16384];

    need_uring(f);
    for (unsigned i = 0; i < 16384; i++)
        f->memory[i] = (uint8_t)(i * 13 >> 3);
    /* Pieces as guests have them: any sectors of pages. */
    out[0] = (struct iovec){f->memory, 512};
    out[1] = (struct iovec){f->memory + 512, 3584};
    out[2] = (struct iovec){f->memory + 4096, 12288};
    assert_int_equal(run(f, IMAGE_WRITE, 512, out, 3), 0);
    assert_int_equal(run(f, IMAGE_FLUSH, 0, NULL, 0), 0);
    assert_int_equal(pread(f->fd, check, sizeof(check), 512), sizeof(check));
    assert_memory_equal(check, f->memory, sizeof(check));
    assert_int_equal(run(f, IMAGE_READ, 512, in, 1), 0);
    assert_memory_equal(f->memory + 32768, f->memory, 16384);
}

/* Memory that the ring knows; on a file in memory that makes no difference. */
static void test_registered(void **state)
{
    struct fixture *f = *state;
    struct iovec piece = {f->memory, 8192};
    struct image_io io = {
        .op = IMAGE_WRITE, .offset = 4096, .bytes = 8192, .iov = &piece, .niov = 1, .done = done};
    uint8_t check[8192];
    int number;

    need_uring(f);
    number = uring_buffer_add(f->uring, f->memory, 65536);
    if (number < 0)
        skip();
    assert_int_not_equal(uring_buffer_add(f->uring, f->memory, 4096), number);
    io.registered = true;
    io.buffer = (uint16_t)number;
    for (unsigned i = 0; i < 8192; i++)
        f->memory[i] = (uint8_t)(i * 13 >> 3);
    for (unsigned pass = 0; pass < 2; pass++) {
        f->left = 1;
        f->error = 0;
        image_submit(f->image, &io);
        while (f->left)
            assert_int_equal(loop_round(f->loop, 1000), 0);
        assert_int_equal(f->error, 0);
        assert_int_equal(pread(f->fd, check, sizeof(check), 4096), sizeof(check));
        assert_memory_equal(check, f->memory + pass * 32768, sizeof(check));
        /* And back, to another place of the same memory. */
        io.op = IMAGE_READ;
        io.iov = &piece; /* the image has changed them */
        io.niov = 1;
        piece = (struct iovec){f->memory + 32768, 8192};
    }
    uring_buffer_remove(f->uring, number);
    assert_int_equal(uring_buffer_add(f->uring, f->memory, 4096), number);
}

static void test_discard_gives_back(void **state)
{
    struct fixture *f = *state;
    struct iovec all[1] = {{f->memory, 65536}};
    struct stat before, after;

    need_uring(f);
    memset(f->memory, 0x5a, 65536);
    assert_int_equal(run(f, IMAGE_WRITE, 65536, all, 1), 0);
    assert_int_equal(run(f, IMAGE_FLUSH, 0, NULL, 0), 0);
    fstat(f->fd, &before);
    all[0] = (struct iovec){f->memory, 65536};
    assert_int_equal(run(f, IMAGE_DISCARD, 65536, all, 1), 0);
    fstat(f->fd, &after);
    assert_true(after.st_blocks < before.st_blocks);
    assert_int_equal(after.st_size, IMAGE_BYTES);
    assert_int_equal(run(f, IMAGE_READ, 65536, all, 1), 0);
    for (unsigned i = 0; i < 65536; i++)
        assert_int_equal(f->memory[i], 0);
}

static void test_cut_off(void **state)
{
    struct fixture *f = *state;
    struct iovec part[1] = {{f->memory, 8192}};
    struct image_info info;

    need_uring(f);
    assert_int_equal(ftruncate(f->fd, IMAGE_BYTES / 2 + 4096), 0);
    /* Half of it is there, which is not enough. */
    assert_int_equal(run(f, IMAGE_READ, IMAGE_BYTES / 2, part, 1), EIO);
    assert_int_equal(image_refresh(f->image), 0);
    image_info(f->image, &info);
    assert_int_equal(info.bytes, IMAGE_BYTES / 2 + 4096);
    assert_int_equal(ftruncate(f->fd, 2 * IMAGE_BYTES + 100), 0);
    assert_int_equal(image_refresh(f->image), 0);
    image_info(f->image, &info);
    assert_int_equal(info.bytes, 2 * IMAGE_BYTES);
}

static void test_many_at_once(void **state)
{
    struct fixture *f = *state;
    static struct image_io io[2000];
    static struct iovec iov[2000];

    need_uring(f);
    f->left = 2000;
    f->error = 0;
    for (unsigned i = 0; i < 2000; i++) {
        iov[i] = (struct iovec){f->memory + i % 128 * 512, 512};
        io[i] = (struct image_io){
            .op = IMAGE_READ, .offset = i * 512, .bytes = 512, .iov = &iov[i], .niov = 1, .done = done};
        image_submit(f->image, &io[i]);
    }
    while (f->left)
        assert_int_equal(loop_round(f->loop, 1000), 0);
    assert_int_equal(f->error, 0);
}

/* Readers share, a writer does not; a device's own past is told from other devices. */
static void test_locks(void **state)
{
    struct fixture *f = *state;
    int a = open(f->path, O_RDWR), b = open(f->path, O_RDWR), c = open(f->path, O_RDONLY);

    assert_int_equal(lock_image(a, false, 1, 51712, 0), 0);
    assert_int_equal(lock_image(b, false, 2, 51712, 0), EBUSY);
    assert_int_equal(lock_image(c, true, 2, 51712, 0), EBUSY);
    assert_int_equal(lock_image(b, false, 1, 51712, 10), ETIMEDOUT);
    close(a);
    assert_int_equal(lock_image(c, true, 2, 51712, 0), 0);
    a = open(f->path, O_RDONLY);
    assert_int_equal(lock_image(a, true, 1, 51712, 0), 0);
    assert_int_equal(lock_image(b, false, 3, 51712, 0), EBUSY);
    close(a);
    close(c);
    assert_int_equal(lock_image(b, false, 3, 51712, 0), 0);
    close(b);
}

#define BOTH(test)                                               \
    cmocka_unit_test_setup_teardown(test, setup_disk, teardown), \
        cmocka_unit_test_setup_teardown(test, setup_tmpfs, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(test_data),    BOTH(test_registered),   BOTH(test_discard_gives_back),
        BOTH(test_cut_off), BOTH(test_many_at_once), BOTH(test_locks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
