/* SPDX-License-Identifier: MIT */
/*
 * qcow2 images by way of QEMU's storage daemon: the real one, killed at any time. What a guest was told to be
 * written has to be in the image.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dom0/backends/block/image_nbd.h"
#include "dom0/backends/block/nbd_handshake.h"
#include "dom0/backends/common/daemon.h"

#define STORAGE_DAEMON "/usr/bin/qemu-storage-daemon"
#define IMAGE_BYTES    (64u << 20)
#define CLUSTER_BYTES  65536u
#define BLOCK_BYTES    65536u
#define BLOCKS         (IMAGE_BYTES / BLOCK_BYTES)
#define AT_ONCE        16

struct fixture {
    char dir[32];
    struct loop *loop;
    struct image *image;
    int log_fd;
    pid_t daemon;
    unsigned int starts;
    bool refuse;
    uint64_t bytes; /* what the image is to have when it is served anew */
    unsigned int grown;
    uint8_t expected[BLOCKS]; /* what each block was filled with, as far as it was acknowledged */
};

static void run(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static void run(const char *fmt, ...)
{
    char command[512];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(command, sizeof(command), fmt, ap);
    va_end(ap);
    assert_int_equal(system(command), 0);
}

/* ---- what the broker does ---- */

static int listen_at(const char *path)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
    unlink(path);
    assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
    assert_int_equal(listen(fd, 1), 0);
    return fd;
}

static int connect_to(const char *path)
{
    struct sockaddr_un addr = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
    assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
    return fd;
}

static void start_daemon(struct fixture *f, int listener)
{
    char file[160], server[64];

    snprintf(file, sizeof(file),
             "driver=qcow2,node-name=image,discard=unmap,file.driver=file,file.filename=%s/top.qcow2",
             f->dir);
    snprintf(server, sizeof(server), "addr.type=fd,addr.str=%d", listener);
    f->daemon = fork();
    if (f->daemon == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        execl(STORAGE_DAEMON, STORAGE_DAEMON, "--blockdev", file, "--nbd-server", server, "--export",
              "type=nbd,id=e,node-name=image,name=image,writable=on", (char *)NULL);
        _exit(127);
    }
}

static void stop_daemon(struct fixture *f, int signal)
{
    if (f->daemon <= 0)
        return;
    kill(f->daemon, signal);
    waitpid(f->daemon, NULL, 0);
    f->daemon = 0;
}

static int reopen(void *arg, uint64_t *bytes)
{
    struct fixture *f = arg;
    char path[64];
    bool readonly;
    int listener, fd;

    if (f->refuse)
        return -1;
    stop_daemon(f, SIGKILL);
    if (f->bytes > IMAGE_BYTES)
        run("qemu-img resize -q -f qcow2 %s/top.qcow2 %llu", f->dir, (unsigned long long)f->bytes);
    snprintf(path, sizeof(path), "%s/socket", f->dir);
    listener = listen_at(path);
    start_daemon(f, listener);
    close(listener);
    f->starts++;
    fd = connect_to(path);
    assert_int_equal(nbd_handshake(fd, "image", 20000, bytes, &readonly), 0);
    assert_int_equal(*bytes, f->bytes);
    assert_false(readonly);
    return fd;
}

static void grown(void *arg)
{
    struct fixture *f = arg;
    struct image_info info;

    image_info(f->image, &info);
    assert_int_equal(info.bytes, f->bytes);
    f->grown++;
}

/* As a worker that starts does; the log is what the last one left. */
static void open_image(struct fixture *f, bool fresh)
{
    struct image_nbd_config config = {
        .loop = f->loop, .cluster_bytes = CLUSTER_BYTES, .source = {reopen, grown, f}};

    config.fd = reopen(f, &config.bytes);
    config.log = mmap(NULL, WRITELOG_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, f->log_fd, 0);
    assert_ptr_not_equal(config.log, MAP_FAILED);
    if (fresh)
        writelog_format(config.log, 1);
    assert_true(writelog_is_of(config.log, 1));
    f->image = image_nbd_open(&config);
    assert_non_null(f->image);
}

/* ---- what the rings do ---- */

struct operation {
    struct image_io io;
    struct iovec iov[4];
    uint8_t *data;
    int error;
    bool done;
};

static void on_done(struct image_io *io, int error)
{
    struct operation *op = (struct operation *)io;

    op->error = error;
    op->done = true;
}

static void submit(struct fixture *f, struct operation *op, enum image_op what, unsigned int block,
                   uint8_t fill)
{
    if (!op->data)
        op->data = malloc(BLOCK_BYTES);
    memset(op->data, fill, BLOCK_BYTES);
    for (int i = 0; i < 4; i++)
        op->iov[i] = (struct iovec){op->data + i * (BLOCK_BYTES / 4), BLOCK_BYTES / 4};
    op->done = false;
    op->io = (struct image_io){.op = what,
                               .offset = what == IMAGE_FLUSH ? 0 : (uint64_t)block * BLOCK_BYTES,
                               .bytes = what == IMAGE_FLUSH ? 0 : BLOCK_BYTES,
                               .iov = op->iov,
                               .niov = 4,
                               .done = on_done};
    image_submit(f->image, &op->io);
}

static void wait_for(struct fixture *f, struct operation *op)
{
    while (!op->done)
        assert_int_equal(loop_round(f->loop, 1000), 0);
}

static int do_one(struct fixture *f, enum image_op what, unsigned int block, uint8_t fill)
{
    struct operation op = {.data = NULL};
    int error;

    submit(f, &op, what, block, fill);
    wait_for(f, &op);
    if (what == IMAGE_READ && op.error == 0)
        for (size_t i = 0; i < BLOCK_BYTES; i++)
            assert_int_equal(op.data[i], fill);
    error = op.error;
    free(op.data);
    return error;
}

static void check_all(struct fixture *f)
{
    for (unsigned int i = 0; i < BLOCKS; i++)
        assert_int_equal(do_one(f, IMAGE_READ, i, f->expected[i]), 0);
}

/* Each block once a round at most, so that what is expected is known whatever the order. */
static void write_round(struct fixture *f, void (*meanwhile)(struct fixture *f, unsigned int i))
{
    static struct operation ops[AT_ONCE];
    unsigned int stride = 1 + 2 * ((unsigned int)rand() % 97), at = (unsigned int)rand();

    for (unsigned int i = 0; i < BLOCKS; i++) {
        struct operation *op = &ops[i % AT_ONCE];
        unsigned int block = (at + i * stride) % BLOCKS;

        if (op->data)
            wait_for(f, op);
        f->expected[block] = (uint8_t)(1 + rand() % 255);
        submit(f, op, IMAGE_WRITE, block, f->expected[block]);
        if (meanwhile)
            meanwhile(f, i);
    }
    for (int i = 0; i < AT_ONCE; i++) {
        wait_for(f, &ops[i]);
        assert_int_equal(ops[i].error, 0);
        free(ops[i].data);
        ops[i].data = NULL;
    }
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    strcpy(f->dir, "/tmp/test_nbd.XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    run("qemu-img create -q -f raw %s/base.raw %u", f->dir, IMAGE_BYTES);
    run("qemu-img create -q -f qcow2 -F raw -b base.raw %s/top.qcow2", f->dir);
    f->log_fd = memfd_create("log", MFD_CLOEXEC);
    assert_int_equal(ftruncate(f->log_fd, WRITELOG_BYTES), 0);
    f->loop = loop_new();
    f->bytes = IMAGE_BYTES;
    open_image(f, true);
    srand(11);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    image_close(f->image);
    stop_daemon(f, SIGTERM);
    /* 3: clusters that were allocated and never used, which a killed daemon may leave. */
    run("qemu-img check -q %s/top.qcow2 2> /dev/null || [ $? = 3 ]", f->dir);
    loop_free(f->loop);
    close(f->log_fd);
    run("rm -r %s", f->dir);
    free(f);
    return 0;
}

static void test_reads_and_writes(void **state)
{
    struct fixture *f = *state;

    write_round(f, NULL);
    assert_int_equal(do_one(f, IMAGE_FLUSH, 0, 0), 0);
    check_all(f);
    assert_int_equal(do_one(f, IMAGE_DISCARD, 5, 0), 0);
    f->expected[5] = 0;
    check_all(f);
    /* The base was not touched. */
    run("cmp -n %u %s/base.raw /dev/zero", IMAGE_BYTES, f->dir);
}

static void kill_now_and_then(struct fixture *f, unsigned int i)
{
    if (i % 300 == 299) {
        kill(f->daemon, SIGKILL);
        loop_round(f->loop, 0);
    }
}

/* Never flushed by us: all that was acknowledged is repeated. */
static void test_daemon_killed(void **state)
{
    struct fixture *f = *state;

    for (int round = 0; round < 3; round++)
        write_round(f, kill_now_and_then);
    assert_true(f->starts > 6);
    check_all(f);
    stop_daemon(f, SIGKILL);
    check_all(f);
}

static void renew_now_and_then(struct fixture *f, unsigned int i)
{
    if (i % 150 == 149) {
        image_nbd_renew(f->image);
        loop_round(f->loop, 0);
    }
}

static void test_renewed(void **state)
{
    struct fixture *f = *state;

    write_round(f, renew_now_and_then);
    assert_true(f->starts > 5);
    check_all(f);
    for (int i = 0; i < 10; i++) {
        image_nbd_renew(f->image);
        assert_int_equal(loop_round(f->loop, 0), 0);
    }
    check_all(f);
}

/* Everything at once: this worker, and the daemon with what it had in memory. */
static void test_all_killed(void **state)
{
    struct fixture *f = *state;

    for (int round = 0; round < 3; round++) {
        write_round(f, NULL);
        stop_daemon(f, SIGKILL);
        image_close(f->image);
        open_image(f, false);
        check_all(f);
    }
}

static void test_file_system_full(void **state)
{
    struct fixture *f = *state;
    struct rlimit small = {2u << 20, 2u << 20};
    unsigned int failed = 0;

    prlimit(f->daemon, RLIMIT_FSIZE, &small, NULL);
    for (unsigned int i = 0; i < 64; i++) {
        int error = do_one(f, IMAGE_WRITE, i, 7);

        f->expected[i] = error ? 0 : 7;
        failed += error != 0;
    }
    assert_true(failed > 0 && failed < 64);
    /* What was written is there. */
    for (unsigned int i = 0; i < 64; i++)
        if (f->expected[i])
            assert_int_equal(do_one(f, IMAGE_READ, i, 7), 0);
}

/* With operations under way, which go on; told once. */
static void test_grown(void **state)
{
    struct fixture *f = *state;

    write_round(f, NULL);
    f->bytes = IMAGE_BYTES + (8u << 20);
    image_nbd_renew(f->image);
    write_round(f, renew_now_and_then);
    assert_int_equal(f->grown, 1);
    check_all(f);
}

static void test_no_process_any_more(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(do_one(f, IMAGE_WRITE, 1, 9), 0);
    f->refuse = true;
    stop_daemon(f, SIGKILL);
    assert_int_equal(do_one(f, IMAGE_READ, 1, 9), EIO);
    assert_int_equal(do_one(f, IMAGE_WRITE, 1, 9), EIO);
    assert_int_equal(do_one(f, IMAGE_FLUSH, 1, 9), EIO);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_reads_and_writes),    TEST(test_daemon_killed),    TEST(test_renewed),
        TEST(test_all_killed),          TEST(test_file_system_full), TEST(test_grown),
        TEST(test_no_process_any_more),
    };

    if (access(STORAGE_DAEMON, X_OK) != 0) {
        printf("test_nbd: skipped, there is no %s\n", STORAGE_DAEMON);
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
