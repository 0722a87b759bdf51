/* SPDX-License-Identifier: MIT */
/* The broker's half of qcow2 images, with QEMU's real programs: what is refused and why, locks, orderly ends.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dom0/backends/block/lock.h"
#include "dom0/backends/block/qcow2.h"
#include "dom0/backends/block/writelog.h"

#define DIR_    IMAGES_RUN_DIR "/images"
#define BASE    DIR_ "/base, one.raw" /* as an operator may call it */
#define TOP     DIR_ "/top.qcow2"
#define OTHER   DIR_ "/other.qcow2"
#define PATTERN 0x5a

static const struct images_request device = {.domid = 3, .devid = 51712};

static void run(const char *command)
{
    if (system(command) != 0)
        fail_msg("%s", command);
}

static int setup(void **state)
{
    (void)state;
    run("rm -rf '" IMAGES_RUN_DIR "'; mkdir -p '" DIR_ "'; cd '" DIR_ "';"
        "qemu-img create -q -f raw 'base, one.raw' 8M && printf base > x && dd if=x 'of=base, one.raw' "
        "conv=notrunc 2>/dev/null;"
        "qemu-img create -q -f qcow2 -F raw -b 'base, one.raw' top.qcow2 &&"
        "qemu-img create -q -f qcow2 -F raw -b 'base, one.raw' other.qcow2");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    qcow2_close(&device);
    run("rm -rf '" IMAGES_RUN_DIR "'");
    return 0;
}

/* As images.c does. */
static int open_grown(const struct images_request *req, const char *path, bool readonly, uint64_t at_least,
                      struct images_reply *reply, int fds[2], unsigned int *nfds)
{
    int top = open(path, (readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC), error;

    assert_true(top >= 0);
    memset(reply, 0, sizeof(*reply));
    reply->readonly = readonly;
    snprintf(reply->path, sizeof(reply->path), "%s", path);
    qcow2_end(req);
    error = lock_image(top, readonly, req->domid, req->devid, 5000);
    if (error == 0)
        error = qcow2_open(req, reply, top, at_least, fds, nfds);
    close(top);
    return error;
}

static int open_device(const struct images_request *req, const char *path, bool readonly,
                       struct images_reply *reply, int fds[2], unsigned int *nfds)
{
    return open_grown(req, path, readonly, 0, reply, fds, nfds);
}

static void close_all(const int *fds, unsigned int nfds)
{
    while (nfds > 0)
        close(fds[--nfds]);
}

/* One request and its answer, as they lie on the wire. */
static uint32_t ask(int fd, uint16_t type, uint64_t offset, void *data, uint32_t bytes)
{
    struct {
        uint32_t magic;
        uint16_t flags, type;
        uint64_t cookie, offset;
        uint32_t bytes;
    } __attribute__((packed))
    request = {htobe32(0x25609513), 0, htobe16(type), 7, htobe64(offset), htobe32(bytes)};
    struct {
        uint32_t magic, error;
        uint64_t cookie;
    } __attribute__((packed)) reply;

    assert_int_equal(write(fd, &request, sizeof(request)), sizeof(request));
    if (type == 1)
        assert_int_equal(write(fd, data, bytes), bytes);
    assert_int_equal(read(fd, &reply, sizeof(reply)), sizeof(reply));
    if (type == 0 && reply.error == 0)
        assert_int_equal(read(fd, data, bytes), bytes);
    return be32toh(reply.error);
}

static void test_overlay(void **state)
{
    struct images_reply reply;
    char sector[512];
    unsigned int nfds;
    struct stat st;
    int fds[2];

    (void)state;
    assert_int_equal(open_device(&device, TOP, false, &reply, fds, &nfds), 0);
    assert_int_equal(nfds, 2);
    assert_int_equal(reply.bytes, 8u << 20);
    assert_int_equal(reply.cluster_bytes, 65536);
    assert_int_equal(fstat(fds[1], &st), 0);
    assert_int_equal(st.st_size, WRITELOG_BYTES);
    assert_int_equal(ask(fds[0], 0, 0, sector, sizeof(sector)), 0);
    assert_memory_equal(sector, "base", 4);
    memset(sector, PATTERN, sizeof(sector));
    assert_int_equal(ask(fds[0], 1, 1 << 20, sector, sizeof(sector)), 0);
    close_all(fds, nfds);

    /* Not flushed by us: its end does that. */
    assert_int_equal(open_device(&device, TOP, false, &reply, fds, &nfds), 0);
    memset(sector, 0, sizeof(sector));
    assert_int_equal(ask(fds[0], 0, 1 << 20, sector, sizeof(sector)), 0);
    for (size_t i = 0; i < sizeof(sector); i++)
        assert_int_equal(sector[i], PATTERN);
    close_all(fds, nfds);
    qcow2_close(&device);
    assert_int_equal(access(IMAGES_RUN_DIR "/3-51712.writes", F_OK), -1);
    run("qemu-img check -q " TOP);
}

static void test_readonly(void **state)
{
    struct images_reply reply;
    char sector[512] = "";
    unsigned int nfds;
    int fds[2];

    (void)state;
    assert_int_equal(open_device(&device, TOP, true, &reply, fds, &nfds), 0);
    assert_int_equal(nfds, 1);
    assert_int_not_equal(ask(fds[0], 1, 0, sector, sizeof(sector)), 0);
    close_all(fds, nfds);
}

/* While it is served: what is new reads as zeroes and can be written; less than it has changes nothing. */
static void test_grown(void **state)
{
    struct images_reply reply;
    char sector[512];
    unsigned int nfds;
    int fds[2];

    (void)state;
    assert_int_equal(open_device(&device, TOP, false, &reply, fds, &nfds), 0);
    memset(sector, PATTERN, sizeof(sector));
    assert_int_equal(ask(fds[0], 1, 0, sector, sizeof(sector)), 0);
    close_all(fds, nfds);
    assert_int_equal(open_grown(&device, TOP, false, 24u << 20, &reply, fds, &nfds), 0);
    assert_int_equal(reply.bytes, 24u << 20);
    assert_int_equal(ask(fds[0], 0, 20 << 20, sector, sizeof(sector)), 0);
    assert_int_equal(sector[0], 0);
    assert_int_equal(ask(fds[0], 1, 20 << 20, sector, sizeof(sector)), 0);
    assert_int_equal(ask(fds[0], 0, 0, sector, sizeof(sector)), 0);
    assert_int_equal(sector[0], PATTERN);
    close_all(fds, nfds);
    assert_int_equal(open_grown(&device, TOP, false, 1u << 20, &reply, fds, &nfds), 0);
    assert_int_equal(reply.bytes, 24u << 20);
    close_all(fds, nfds);
    assert_int_equal(open_grown(&device, TOP, true, 32u << 20, &reply, fds, &nfds), 0);
    assert_int_equal(reply.bytes, 24u << 20);
    close_all(fds, nfds);
}

/* Larger than its format can be: served as it is. */
static void test_not_grown(void **state)
{
    struct images_reply reply;
    unsigned int nfds;
    int fds[2];

    (void)state;
    assert_int_equal(open_grown(&device, TOP, false, UINT64_C(1) << 59, &reply, fds, &nfds), 0);
    assert_int_equal(reply.bytes, 8u << 20);
    close_all(fds, nfds);
}

static void assert_refused(const char *path, const char *why)
{
    struct images_reply reply;
    unsigned int nfds;
    int fds[2];

    assert_int_not_equal(open_device(&device, path, false, &reply, fds, &nfds), 0);
    assert_int_equal(nfds, 0);
    if (!strstr(reply.why, why))
        fail_msg("'%s' does not say '%s'", reply.why, why);
    assert_null(strchr(reply.why, '\n'));
}

static void test_refused(void **state)
{
    (void)state;
    assert_refused(BASE, "not in qcow2 format");
    run("mv '" BASE "' '" DIR_ "/gone'");
    assert_refused(TOP, "base, one.raw': No such file");
    run("mv '" DIR_ "/gone' '" BASE "'");
    run("qemu-img create -q -f qcow2 '" DIR_ "/loop.qcow2' 1M; cd '" DIR_ "';"
        "qemu-img rebase -u -f qcow2 -F raw -b null-co:// loop.qcow2");
    assert_refused(DIR_ "/loop.qcow2", "a base has to be");
}

/* Two overlays share their base; nobody may write to it while they do. */
static void test_locks(void **state)
{
    const struct images_request second = {.domid = 4, .devid = 51712};
    int base = open(BASE, O_RDWR | O_CLOEXEC), fds[2], more[2];
    struct images_reply reply;
    unsigned int nfds, more_nfds;

    (void)state;
    assert_int_equal(lock_image(base, false, 9, 9, 0), 0);
    assert_refused(TOP, "another device writes to it");
    close(base);
    assert_int_equal(open_device(&device, TOP, false, &reply, fds, &nfds), 0);
    assert_int_equal(open_device(&second, OTHER, false, &reply, more, &more_nfds), 0);
    base = open(BASE, O_RDWR | O_CLOEXEC);
    assert_int_equal(lock_image(base, false, 9, 9, 0), EBUSY);
    assert_int_equal(open_device(&second, TOP, false, &reply, more, &more_nfds), EBUSY);
    close_all(fds, nfds);
    qcow2_close(&second);
    qcow2_close(&device);
    assert_int_equal(lock_image(base, false, 9, 9, 0), 0);
    close(base);
}

/* The worker dies: all end by themselves, and the next one finds what they had. */
static void test_worker_gone(void **state)
{
    struct images_reply reply;
    char sector[512];
    unsigned int nfds;
    int fds[2];

    (void)state;
    assert_int_equal(open_device(&device, TOP, false, &reply, fds, &nfds), 0);
    memset(sector, PATTERN, sizeof(sector));
    assert_int_equal(ask(fds[0], 1, 0, sector, sizeof(sector)), 0);
    qcow2_end_all();
    close_all(fds, nfds);
    assert_int_equal(open_device(&device, TOP, false, &reply, fds, &nfds), 0);
    memset(sector, 0, sizeof(sector));
    assert_int_equal(ask(fds[0], 0, 0, sector, sizeof(sector)), 0);
    assert_int_equal(sector[0], PATTERN);
    close_all(fds, nfds);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_overlay), TEST(test_readonly), TEST(test_grown),       TEST(test_not_grown),
        TEST(test_refused), TEST(test_locks),    TEST(test_worker_gone),
    };

    if (access("/usr/bin/qemu-storage-daemon", X_OK) != 0 || access("/usr/bin/qemu-img", X_OK) != 0) {
        printf("test_qcow2: skipped, QEMU's storage daemon or qemu-img is missing\n");
        return 0;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
