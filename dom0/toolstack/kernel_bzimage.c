/* SPDX-License-Identifier: MIT */
#include "dom0/toolstack/kernel.h"

#include <endian.h>
#include <string.h>

#include "dom0/toolstack/report.h"

/*
 * Offsets of Linux's boot protocol for x86 that lead to the packed kernel. From version 2.08 on the setup
 * header says where in the protected-mode part it lies. Its last four bytes are the length of what it unpacks
 * to: part of gzip's own format, appended by the kernel's build for the others.
 */
#define BZ_SETUP_SECTS    0x1f1U
#define BZ_MAGIC          0x202U
#define BZ_VERSION        0x206U
#define BZ_PAYLOAD_OFFSET 0x248U
#define BZ_PAYLOAD_LENGTH 0x24cU
#define BZ_HEADER_END     0x250U
#define BZ_SECTOR         512U
#define BZ_VERSION_MIN    0x0208U

#define SIZE_TAIL         4U

static uint32_t le32(const unsigned char *p)
{
    uint32_t v;

    memcpy(&v, p, sizeof(v));
    return le32toh(v);
}

static const struct {
    const char *name;
    unsigned char magic[6];
    unsigned char magic_len;
    bool supported;
    bool tail_apart; /* the length is not part of the format: cut it off */
    enum kernel_packing packing;
} packings[] = {
    {"gzip", {0x1f, 0x8b}, 2, true, false, KERNEL_GZIP},
    {"xz", {0xfd, '7', 'z', 'X', 'Z', 0}, 6, true, true, KERNEL_XZ},
    {"zstd", {0x28, 0xb5, 0x2f, 0xfd}, 4, true, true, KERNEL_ZSTD},
    {"lz4", {0x02, 0x21, 0x4c, 0x18}, 4, true, true, KERNEL_LZ4},
    {"bzip2", {'B', 'Z', 'h'}, 3, false, false, KERNEL_PLAIN},
    {"lzma", {0x5d, 0, 0}, 3, false, false, KERNEL_PLAIN},
    {"lzo", {0x89, 'L', 'Z', 'O'}, 4, false, false, KERNEL_PLAIN},
};

static bool is_elf(const unsigned char *data, size_t len)
{
    return len >= 4 && memcmp(data, "\177ELF", 4) == 0;
}

/* Packed or plain image in [data, data + len). */
static int identify(const unsigned char *data, size_t len, const char *path, struct kernel_payload *payload)
{
    if (is_elf(data, len)) {
        *payload = (struct kernel_payload){KERNEL_PLAIN, data, len, len};
        return 0;
    }
    for (size_t i = 0; i < sizeof(packings) / sizeof(packings[0]); i++) {
        if (len < packings[i].magic_len + SIZE_TAIL ||
            memcmp(data, packings[i].magic, packings[i].magic_len) != 0)
            continue;
        if (!packings[i].supported) {
            report_error("%s: the kernel is packed with %s; gzip, xz, zstd and lz4 are supported", path,
                         packings[i].name);
            return -1;
        }
        payload->packing = packings[i].packing;
        payload->data = data;
        payload->len = packings[i].tail_apart ? len - SIZE_TAIL : len;
        payload->unpacked_len = le32(data + len - SIZE_TAIL);
        if (payload->unpacked_len == 0 || payload->unpacked_len > KERNEL_MAX_BYTES) {
            report_error("%s: the packed kernel claims to be %zu bytes, at most %zu are taken", path,
                         payload->unpacked_len, KERNEL_MAX_BYTES);
            return -1;
        }
        return 0;
    }
    report_error("%s: the payload is neither ELF nor packed in a known way", path);
    return -1;
}

static int find_in_bzimage(const struct kernel_bytes *file, const char *path, struct kernel_payload *payload)
{
    const unsigned char *head = file->data;
    unsigned int version = head[BZ_VERSION] | (unsigned int)head[BZ_VERSION + 1] << 8;
    uint64_t sectors = head[BZ_SETUP_SECTS] ? head[BZ_SETUP_SECTS] : 4;
    uint64_t start = (sectors + 1) * BZ_SECTOR + le32(head + BZ_PAYLOAD_OFFSET);
    uint64_t len = le32(head + BZ_PAYLOAD_LENGTH);

    if (version < BZ_VERSION_MIN) {
        report_error("%s: bzImage of boot protocol %u.%02u, at least 2.08 is needed", path, version >> 8,
                     version & 0xff);
        return -1;
    }
    if (start >= file->len || len == 0 || len > file->len - start) {
        report_error("%s: bzImage payload of %llu bytes at %llu lies outside the file of %zu bytes", path,
                     (unsigned long long)len, (unsigned long long)start, file->len);
        return -1;
    }
    return identify(head + start, (size_t)len, path, payload);
}

int kernel_find_payload(const struct kernel_bytes *file, const char *path, struct kernel_payload *payload)
{
    if (is_elf(file->data, file->len))
        return identify(file->data, file->len, path, payload);
    if (file->len >= BZ_HEADER_END && memcmp(file->data + BZ_MAGIC, "HdrS", 4) == 0)
        return find_in_bzimage(file, path, payload);
    /* A gzipped vmlinux; the other formats would need a length that only the kernel's build appends. */
    if (file->len > 18 && file->data[0] == 0x1f && file->data[1] == 0x8b)
        return identify(file->data, file->len, path, payload);
    report_error("%s: not a kernel: neither ELF, gzipped ELF nor bzImage", path);
    return -1;
}
