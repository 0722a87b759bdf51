/* SPDX-License-Identifier: MIT */
#include "dom0/toolstack/kernel_beside.h"

#include <elf.h>
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <fcntl.h>
#include <unistd.h>

#include <lzma.h>

#include "dom0/toolstack/kernel_compact.h"
#include "dom0/toolstack/report.h"

/* Behind the ELF image; numbers are little-endian. */
struct trailer {
    char magic[16];
    uint64_t packed_len;
    uint64_t packed_crc;
};

static const char trailer_magic[16] = "hospes unpacked";

_Static_assert(sizeof(struct trailer) == 32, "the trailer is a format on disk");

static struct trailer trailer_for(const struct kernel_bytes *file)
{
    struct trailer t;

    memcpy(t.magic, trailer_magic, sizeof(t.magic));
    t.packed_len = htole64(file->len);
    t.packed_crc = htole64(lzma_crc64(file->data, file->len, 0));
    return t;
}

/* Nobody but who could replace the kernel itself can have written it. */
static bool may_trust(int fd, const struct kernel_bytes *file, struct stat *st)
{
    struct stat packed;

    return fstat(fd, st) == 0 && fstat(file->fd, &packed) == 0 && S_ISREG(st->st_mode) &&
           st->st_uid == packed.st_uid && !(st->st_mode & ~packed.st_mode & 022) &&
           st->st_size > (off_t)sizeof(struct trailer) && (uint64_t)st->st_size <= KERNEL_MAX_BYTES;
}

int kernel_beside_open(struct kernel_bytes *elf, const char *path, const struct kernel_bytes *file)
{
    struct trailer found, wanted;
    struct stat st;
    char *name;
    int fd;

    if (asprintf(&name, "%s" KERNEL_BESIDE_SUFFIX, path) < 0)
        return -1;
    fd = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    free(name);
    if (fd < 0)
        return -1;
    if (may_trust(fd, file, &st) &&
        pread(fd, &found, sizeof(found), st.st_size - (off_t)sizeof(found)) == (ssize_t)sizeof(found) &&
        memcmp(found.magic, trailer_magic, sizeof(found.magic)) == 0 &&
        le64toh(found.packed_len) == file->len) {
        wanted = trailer_for(file);
        if (memcmp(&found, &wanted, sizeof(found)) == 0) {
            size_t len = (size_t)st.st_size - sizeof(found);
            void *map = mmap(NULL, len, PROT_READ, MAP_PRIVATE, fd, 0);

            if (map != MAP_FAILED) {
                *elf = (struct kernel_bytes){.data = map, .len = len, .fd = fd};
                return 0;
            }
        }
    }
    close(fd);
    return -1;
}

static int write_file(int fd, const struct kernel_compact *compact, const struct trailer *trailer)
{
    FILE *f = fdopen(fd, "w");
    int rc = -1;

    if (!f) {
        close(fd);
        return -1;
    }
    if (kernel_compact_write(compact, f) == 0 && fwrite(trailer, sizeof(*trailer), 1, f) == 1 &&
        fflush(f) == 0)
        rc = 0;
    return fclose(f) == 0 ? rc : -1;
}

/* Under a temporary name first: a create meanwhile sees the old file or the new one, never a part. */
static int replace(const char *name, mode_t mode, const struct kernel_compact *compact,
                   const struct trailer *trailer)
{
    char *temp;
    int fd, rc = -1;

    if (asprintf(&temp, "%s.XXXXXX", name) < 0)
        return -1;
    fd = mkostemp(temp, O_CLOEXEC);
    if (fd >= 0) {
        fchmod(fd, mode & 0755);
        rc = write_file(fd, compact, trailer);
        if (rc == 0)
            rc = rename(temp, name);
        if (rc != 0) {
            int saved = errno;

            unlink(temp);
            errno = saved;
        }
    }
    free(temp);
    return rc;
}

static int make_from(const char *path, const struct kernel_bytes *file, const struct kernel_bytes *elf)
{
    struct kernel_compact compact;
    struct trailer trailer = trailer_for(file);
    struct stat st;
    char *name;
    int rc;

    if (kernel_compact_plan(&compact, elf, path) != 0)
        return -1;
    if (fstat(file->fd, &st) != 0 || asprintf(&name, "%s" KERNEL_BESIDE_SUFFIX, path) < 0) {
        report_error("%s: %s", path, strerror(errno));
        return -1;
    }
    rc = replace(name, st.st_mode, &compact, &trailer);
    if (rc != 0)
        report_error("%s: %s", name, strerror(errno));
    free(name);
    return rc;
}

int kernel_beside_make(const char *path)
{
    struct kernel_bytes file, elf;
    struct kernel_payload payload;
    struct kernel_image image;
    int rc = -1;

    if (kernel_bytes_open(&file, path, KERNEL_MAX_BYTES, NULL) != 0)
        return -1;
    if (kernel_find_payload(&file, path, &payload) == 0) {
        if (payload.packing == KERNEL_PLAIN && payload.data == file.data)
            report_error("%s: not packed, there is nothing to gain", path);
        else if (kernel_unpack_anonymous(&payload, path, &elf) == 0) {
            if (kernel_parse(&elf, path, &image) == 0)
                rc = make_from(path, &file, &elf);
            kernel_bytes_close(&elf);
        }
    }
    kernel_bytes_close(&file);
    return rc;
}
