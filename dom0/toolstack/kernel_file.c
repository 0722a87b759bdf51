/* SPDX-License-Identifier: MIT */
#include "dom0/toolstack/kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dom0/toolstack/report.h"

static void fill_identity(struct kernel_identity *id, const struct stat *st)
{
    id->dev = st->st_dev;
    id->ino = st->st_ino;
    id->size = (uint64_t)st->st_size;
    id->mtime_sec = st->st_mtim.tv_sec;
    id->mtime_nsec = st->st_mtim.tv_nsec;
    id->ctime_sec = st->st_ctim.tv_sec;
    id->ctime_nsec = st->st_ctim.tv_nsec;
}

static int check_file(const struct stat *st, const char *path, size_t limit)
{
    if (!S_ISREG(st->st_mode)) {
        report_error("%s: not a regular file", path);
        return -1;
    }
    if (st->st_size == 0) {
        report_error("%s: empty file", path);
        return -1;
    }
    if ((uint64_t)st->st_size > limit) {
        report_error("%s: %llu bytes, at most %zu are taken", path, (unsigned long long)st->st_size, limit);
        return -1;
    }
    return 0;
}

int kernel_bytes_open(struct kernel_bytes *bytes, const char *path, size_t limit, struct kernel_identity *id)
{
    struct stat st;
    void *map;
    int fd;

    *bytes = (struct kernel_bytes){.fd = -1};
    /* O_NONBLOCK: a FIFO must not stop the command before fstat() can refuse it. */
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || fstat(fd, &st) != 0) {
        report_error("%s: %s", path, strerror(errno));
        if (fd >= 0)
            close(fd);
        return -1;
    }
    if (check_file(&st, path, limit) != 0) {
        close(fd);
        return -1;
    }
    map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (map == MAP_FAILED) {
        report_error("%s: cannot map %llu bytes: %s", path, (unsigned long long)st.st_size, strerror(errno));
        close(fd);
        return -1;
    }
    bytes->data = map;
    bytes->len = (size_t)st.st_size;
    bytes->fd = fd;
    if (id)
        fill_identity(id, &st);
    return 0;
}

void kernel_bytes_close(struct kernel_bytes *bytes)
{
    if (bytes->fd < 0)
        return;
    munmap((void *)(uintptr_t)bytes->data, bytes->len);
    close(bytes->fd);
    *bytes = (struct kernel_bytes){.fd = -1};
}

static int read_range(const struct kernel_bytes *bytes, const char *path, uint64_t offset, char *dst,
                      size_t len)
{
    size_t done = 0;

    while (done < len) {
        ssize_t r = pread(bytes->fd, dst + done, len - done, (off_t)(offset + done));

        if (r < 0 && errno == EINTR)
            continue;
        if (r < 0) {
            report_error("%s: %s", path, strerror(errno));
            return -1;
        }
        if (r == 0) {
            report_error("%s: became shorter while it was read", path);
            return -1;
        }
        done += (size_t)r;
    }
    return 0;
}

/*
 * Where the next data of the file at or behind offset begins, at most end. A kernel's bss is a hole in a
 * cached image; clearing is much cheaper than reading zeroes.
 */
static uint64_t next_data(const struct kernel_bytes *bytes, uint64_t offset, uint64_t end)
{
    off_t data = lseek(bytes->fd, (off_t)offset, SEEK_DATA);
    struct stat st;

    if (data >= 0)
        return (uint64_t)data < end ? (uint64_t)data : end;
    /* No data up to the end of the file; where that is short, reading says so. */
    if (errno == ENXIO && fstat(bytes->fd, &st) == 0 && (uint64_t)st.st_size >= end)
        return end;
    return offset;
}

static uint64_t next_hole(const struct kernel_bytes *bytes, uint64_t offset, uint64_t end)
{
    off_t hole = lseek(bytes->fd, (off_t)offset, SEEK_HOLE);

    return hole > (off_t)offset && (uint64_t)hole < end ? (uint64_t)hole : end;
}

int kernel_bytes_read(const struct kernel_bytes *bytes, const char *path, uint64_t offset, void *dst,
                      size_t len)
{
    uint64_t at = offset, end = offset + len;

    while (at < end) {
        uint64_t data = next_data(bytes, at, end), hole;

        memset((char *)dst + (at - offset), 0, data - at);
        if (data == end)
            break;
        hole = next_hole(bytes, data, end);
        if (read_range(bytes, path, data, (char *)dst + (data - offset), hole - data) != 0)
            return -1;
        at = hole;
    }
    return 0;
}
