/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_TOOLSTACK_KERNEL_H
#define HOSPES_TOOLSTACK_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A guest kernel: from a file that may say anything to a checked list of what goes where. The file is
 * hostile: each length in it is checked against what is really there before use, and what it may unpack to is
 * bounded. All functions return 0, or -1 after a report that begins with the file's name.
 */

/* A kernel file, and what it unpacks to, may not be larger. */
#define KERNEL_MAX_BYTES    ((size_t)512 << 20)
#define KERNEL_MAX_SEGMENTS 64U

/* Virtual room that a kernel must have at its p2m_base: the list of 2 TiB of guest memory. */
#define KERNEL_P2M_ROOM (4ULL << 30)

/* --- kernel_file.c: bytes --- */

/*
 * A file's bytes. Headers are read through the mapping, contents through fd, straight to where they belong.
 * Another process may truncate the file meanwhile: pread() then ends early, which is checked, and the mapping
 * gives SIGBUS, which ends the command (main.c); so the mapping is not touched any more once a domain exists.
 */
struct kernel_bytes {
    const unsigned char *data;
    size_t len;
    int fd; /* -1: not open */
};

/* Identity of a file's contents as far as the kernel of dom0 knows it; the key of the cache. */
struct kernel_identity {
    uint64_t dev, ino, size;
    int64_t mtime_sec, mtime_nsec, ctime_sec, ctime_nsec;
};

/* Maps a regular file of 1..limit bytes. id may be NULL. */
int kernel_bytes_open(struct kernel_bytes *bytes, const char *path, size_t limit, struct kernel_identity *id);
void kernel_bytes_close(struct kernel_bytes *bytes);

/* Exactly len bytes at offset into dst. */
int kernel_bytes_read(const struct kernel_bytes *bytes, const char *path, uint64_t offset, void *dst,
                      size_t len);

/* --- kernel_bzimage.c, kernel_unpack.c: to an ELF image --- */

enum kernel_packing {
    KERNEL_PLAIN, /* ELF as it is */
    KERNEL_GZIP,
    KERNEL_XZ,
    KERNEL_ZSTD,
    KERNEL_LZ4,
};

struct kernel_payload {
    enum kernel_packing packing;
    const unsigned char *data; /* inside the file's bytes */
    size_t len;
    size_t unpacked_len; /* as the file claims, at most KERNEL_MAX_BYTES; for KERNEL_PLAIN it is len */
};

/* Finds the ELF image or the packed one in a file: ELF, gzipped ELF, or a bzImage's payload. */
int kernel_find_payload(const struct kernel_bytes *file, const char *path, struct kernel_payload *payload);

/*
 * Unpacks into out, which has payload->unpacked_len bytes. A stream that is damaged, ends early or holds more
 * than it claimed is refused.
 */
int kernel_unpack(const struct kernel_payload *payload, const char *path, unsigned char *out);

/* --- kernel_cache.c --- */

/*
 * The ELF image of the file at path, unpacked at most once: unpacked images are kept in the cache directory
 * under the identity of the file. A cache that cannot be used costs time, not success.
 */
int kernel_load(struct kernel_bytes *elf, const char *path);

/* Unpacks into memory of this process alone. */
int kernel_unpack_anonymous(const struct kernel_payload *payload, const char *path, struct kernel_bytes *elf);

/* For tests: another directory, NULL for none. The default is /run/hospes/kernels. */
void kernel_cache_set_dir(const char *dir);

/* --- kernel_elf.c: what goes where --- */

struct kernel_segment {
    uint64_t paddr;  /* guest-physical start, after PADDR_OFFSET: pfn * 4096 + offset in page */
    uint64_t offset; /* in the ELF image */
    uint64_t filesz;
    uint64_t memsz; /* >= filesz, the rest is zeroes */
};

struct kernel_image {
    struct kernel_segment segments[KERNEL_MAX_SEGMENTS];
    size_t segment_count;
    uint64_t start; /* lowest guest-physical byte of any segment */
    uint64_t end;   /* first byte behind the highest */

    uint64_t entry;     /* virtual */
    uint64_t virt_base; /* virtual address of guest-physical 0 */
    bool has_hypercall_page;
    uint64_t hypercall_page; /* virtual */
    bool has_p2m_base;
    uint64_t p2m_base;  /* virtual: where the p2m list is to be mapped */
    bool mod_start_pfn; /* an initrd needs no mapping */
    char guest_os[32];
};

/*
 * Reads program headers and Xen notes of a 64-bit x86 ELF image and checks all that a builder relies on:
 * segments lie inside the image, do not overlap and end below KERNEL_MAX_BYTES; the entry point and hypercall
 * page lie in a segment; virtual addresses do not wrap or meet the hypervisor; nothing is required that a PV
 * guest cannot have.
 */
int kernel_parse(const struct kernel_bytes *elf, const char *path, struct kernel_image *image);

/*
 * Reads segment i into dst, which is where its first byte belongs and which has room for memsz bytes, and
 * clears what is not in the file.
 */
int kernel_read_segment(const struct kernel_bytes *elf, const char *path,
                        const struct kernel_segment *segment, unsigned char *dst);

#endif
