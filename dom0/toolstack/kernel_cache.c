/* SPDX-License-Identifier: MIT */
#include "dom0/toolstack/kernel.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dom0/toolstack/kernel_beside.h"
#include "dom0/toolstack/report.h"

/*
 * Unpacking xz is nine tenths of the work of creating a Linux guest, and guests share kernels. So an unpacked
 * image is kept in memory (/run) under the identity of the packed file: device, inode, size, mtime and ctime.
 * The ctime changes with every write and cannot be set by a program, so a file that was replaced is never
 * taken for the old one. The directory must be ours alone, or the cache is not used.
 */
#define CACHE_DIR      "/run/hospes/kernels"
#define CACHE_ENTRIES  4 /* further ones push out the oldest */
#define CACHE_NAME_MAX 160
#define CACHE_TEMP     ".new"
#define CACHE_LOCK     ".lock"
#define PAGE_BYTES     4096U

static const char *cache_dir = CACHE_DIR;

void kernel_cache_set_dir(const char *dir)
{
    cache_dir = dir;
}

/* The directory, created when missing; -1 when it cannot be trusted. */
static int cache_open_dir(void)
{
    struct stat st;
    char parent[256], *slash;
    int fd;

    if (!cache_dir || snprintf(parent, sizeof(parent), "%s", cache_dir) >= (int)sizeof(parent))
        return -1;
    slash = strrchr(parent, '/');
    if (slash && slash != parent) {
        *slash = '\0';
        mkdir(parent, 0755);
    }
    mkdir(cache_dir, 0700);
    fd = open(cache_dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0 && (fstat(fd, &st) != 0 || st.st_uid != geteuid() || (st.st_mode & 022))) {
        close(fd);
        return -1;
    }
    return fd;
}

static void cache_name(const struct kernel_identity *id, char name[CACHE_NAME_MAX])
{
    snprintf(name, CACHE_NAME_MAX,
             "%" PRIx64 "-%" PRIx64 "-%" PRIx64 "-%" PRIx64 ".%" PRIx64 "-%" PRIx64 ".%" PRIx64, id->dev,
             id->ino, id->size, (uint64_t)id->mtime_sec, (uint64_t)id->mtime_nsec, (uint64_t)id->ctime_sec,
             (uint64_t)id->ctime_nsec);
}

static int map_whole(struct kernel_bytes *bytes, int fd, size_t len, int prot)
{
    void *map = mmap(NULL, len, prot, MAP_SHARED, fd, 0);

    if (map == MAP_FAILED)
        return -1;
    *bytes = (struct kernel_bytes){.data = map, .len = len, .fd = fd};
    return 0;
}

static int cache_lookup(int dir, const char *name, struct kernel_bytes *elf)
{
    struct stat st;
    int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0)
        return -1;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size <= 0 ||
        (uint64_t)st.st_size > KERNEL_MAX_BYTES || map_whole(elf, fd, (size_t)st.st_size, PROT_READ) != 0) {
        close(fd);
        return -1;
    }
    return 0;
}

/* Removes the oldest entry when there are more than CACHE_ENTRIES. */
static void cache_trim(int dir)
{
    char oldest[CACHE_NAME_MAX] = "";
    struct timespec oldest_time = {0, 0};
    struct dirent *entry;
    unsigned int count = 0;
    int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *list = fd >= 0 ? fdopendir(fd) : NULL;

    if (!list) {
        if (fd >= 0)
            close(fd);
        return;
    }
    while ((entry = readdir(list))) {
        struct stat st;

        if (entry->d_name[0] == '.' || strlen(entry->d_name) >= sizeof(oldest) ||
            fstatat(dir, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
            continue;
        count++;
        if (count == 1 || st.st_mtim.tv_sec < oldest_time.tv_sec ||
            (st.st_mtim.tv_sec == oldest_time.tv_sec && st.st_mtim.tv_nsec < oldest_time.tv_nsec)) {
            oldest_time = st.st_mtim;
            strcpy(oldest, entry->d_name);
        }
    }
    closedir(list);
    if (count > CACHE_ENTRIES)
        unlinkat(dir, oldest, 0);
}

static bool page_is_zero(const unsigned char *page)
{
    return page[0] == 0 && memcmp(page, page + 1, PAGE_BYTES - 1) == 0;
}

/* A kernel's bss is a quarter of its image: give those pages of memory back. */
static void punch_zero_pages(int fd, const unsigned char *data, size_t len)
{
    size_t start = 0, end = 0;

    for (size_t at = 0; at + PAGE_BYTES <= len; at += PAGE_BYTES) {
        if (!page_is_zero(data + at))
            continue;
        if (at != end) {
            if (end > start)
                fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)start, (off_t)(end - start));
            start = at;
        }
        end = at + PAGE_BYTES;
    }
    if (end > start)
        fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)start, (off_t)(end - start));
}

/*
 * A file of len bytes whose memory is there already, mapped for writing: running out of memory shows here as
 * an error and not as a signal while the image is unpacked into it.
 */
static int new_image(struct kernel_bytes *elf, int fd, size_t len)
{
    if (fd < 0)
        return -1;
    if (fallocate(fd, 0, 0, (off_t)len) != 0 || map_whole(elf, fd, len, PROT_READ | PROT_WRITE) != 0) {
        close(fd);
        return -1;
    }
    return 0;
}

/*
 * One at a time unpacks: a second create of the same kernel waits and then finds it, and what a killed one
 * left behind is nobody else's. The lock goes with its holder. -1: no lock, no cache.
 */
static int cache_lock(int dir)
{
    int fd = dir < 0 ? -1 : openat(dir, CACHE_LOCK, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

    if (fd < 0)
        return -1;
    while (flock(fd, LOCK_EX) != 0) {
        if (errno == EINTR)
            continue;
        close(fd);
        return -1;
    }
    unlinkat(dir, CACHE_TEMP, 0);
    return fd;
}

int kernel_unpack_anonymous(const struct kernel_payload *payload, const char *path, struct kernel_bytes *elf)
{
    if (new_image(elf, memfd_create("kernel", MFD_CLOEXEC), payload->unpacked_len) != 0) {
        report_error("%s: no memory for the unpacked kernel of %zu bytes: %s", path, payload->unpacked_len,
                     strerror(errno));
        return -1;
    }
    if (kernel_unpack(payload, path, (unsigned char *)(uintptr_t)elf->data) == 0)
        return 0;
    kernel_bytes_close(elf);
    return -1;
}

/* Unpacks into a cache file, or, when there is no room for one, for this process alone. Under the lock. */
static int unpack_cached(const struct kernel_payload *payload, const char *path, int dir, const char *name,
                         struct kernel_bytes *elf)
{
    if (new_image(elf, openat(dir, CACHE_TEMP, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600),
                  payload->unpacked_len) != 0) {
        unlinkat(dir, CACHE_TEMP, 0);
        return kernel_unpack_anonymous(payload, path, elf);
    }
    if (kernel_unpack(payload, path, (unsigned char *)(uintptr_t)elf->data) != 0) {
        unlinkat(dir, CACHE_TEMP, 0);
        kernel_bytes_close(elf);
        return -1;
    }
    punch_zero_pages(elf->fd, elf->data, elf->len);
    if (renameat(dir, CACHE_TEMP, dir, name) == 0)
        cache_trim(dir);
    else
        unlinkat(dir, CACHE_TEMP, 0);
    return 0;
}

/* Looks again under the lock: the one that was waited for may have unpacked this very kernel. */
static int unpack_once(const struct kernel_payload *payload, const char *path, int dir, const char *name,
                       struct kernel_bytes *elf)
{
    int lock = cache_lock(dir), rc = 0;

    if (lock < 0)
        return kernel_unpack_anonymous(payload, path, elf);
    if (cache_lookup(dir, name, elf) != 0)
        rc = unpack_cached(payload, path, dir, name, elf);
    close(lock);
    return rc;
}

static int load_packed(const struct kernel_bytes *file, const struct kernel_payload *payload,
                       const char *path, const struct kernel_identity *id, struct kernel_bytes *elf)
{
    char name[CACHE_NAME_MAX];
    int dir = cache_open_dir(), rc = 0;

    cache_name(id, name);
    if ((dir < 0 || cache_lookup(dir, name, elf) != 0) && kernel_beside_open(elf, path, file) != 0)
        rc = unpack_once(payload, path, dir, name, elf);
    if (dir >= 0)
        close(dir);
    return rc;
}

int kernel_load(struct kernel_bytes *elf, const char *path)
{
    struct kernel_bytes file;
    struct kernel_identity id;
    struct kernel_payload payload;
    int rc;

    *elf = (struct kernel_bytes){.fd = -1};
    if (kernel_bytes_open(&file, path, KERNEL_MAX_BYTES, &id) != 0)
        return -1;
    rc = kernel_find_payload(&file, path, &payload);
    if (rc == 0 && payload.packing == KERNEL_PLAIN && payload.data == file.data) {
        *elf = file;
        return 0;
    }
    if (rc == 0)
        rc = load_packed(&file, &payload, path, &id, elf);
    kernel_bytes_close(&file);
    return rc;
}
