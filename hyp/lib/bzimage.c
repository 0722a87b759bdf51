/* SPDX-License-Identifier: MIT */
/* The setup header's fields are at fixed offsets of the file since boot protocol 2.08. */
#include "lib/bzimage.h"
#include "lib/string.h"
#include "lib/xz.h"

#define SETUP_SECTS    0x1f1
#define SETUP_MAGIC    0x202
#define SETUP_VERSION  0x206
#define PAYLOAD_OFFSET 0x248
#define PAYLOAD_LENGTH 0x24c
#define SETUP_MIN_SIZE 0x250
#define SECTOR         512

static u32 get(const u8 *p, size_t bytes)
{
    u32 v = 0;

    memcpy(&v, p, bytes);
    return v;
}

bool bzimage_is(const u8 *image, size_t size)
{
    return size >= SETUP_MIN_SIZE && !memcmp(image + SETUP_MAGIC, "HdrS", 4);
}

static const char *format_of(const u8 *p, size_t n)
{
    static const struct {
        const char *name;
        u8 magic[6], size;
    } formats[] = {
        {"xz", {0xfd, '7', 'z', 'X', 'Z', 0}, 6},
        {"gzip", {0x1f, 0x8b}, 2},
        {"zstd", {0x28, 0xb5, 0x2f, 0xfd}, 4},
        {"lz4", {0x02, 0x21, 0x4c, 0x18}, 4},
        {"bzip2", {'B', 'Z', 'h'}, 3},
        {"lzma", {0x5d, 0, 0}, 3},
        {"lzo", {0x89, 'L', 'Z', 'O'}, 4},
        {"ELF", {0x7f, 'E', 'L', 'F'}, 4},
    };

    for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
        if (n >= formats[i].size && !memcmp(p, formats[i].magic, formats[i].size))
            return formats[i].name;
    return "an unknown format";
}

const char *bzimage_parse(const u8 *image, size_t size, struct bzimage *bz)
{
    size_t start, length;

    if (!bzimage_is(image, size))
        return "not a bzImage";
    if (get(image + SETUP_VERSION, 2) < 0x208)
        return "the bzImage is older than boot protocol 2.08";
    /* 0 means 4, from the time when there was only one size. */
    start = ((image[SETUP_SECTS] ? image[SETUP_SECTS] : 4U) + 1U) * SECTOR +
            (size_t)get(image + PAYLOAD_OFFSET, 4);
    length = get(image + PAYLOAD_LENGTH, 4);
    if (length < 8 || start > size || length > size - start)
        return "the bzImage is cut short";
    bz->payload = image + start;
    bz->payload_size = length - 4;
    bz->unpacked_size = get(image + start + length - 4, 4);
    bz->format = format_of(bz->payload, bz->payload_size);
    return NULL;
}

const char *bzimage_unpack(const struct bzimage *bz, u8 *out)
{
    size_t n = bz->unpacked_size;
    const char *wrong;

    if (!xz_is_stream(bz->payload, bz->payload_size))
        return "the kernel is packed in a format other than xz";
    wrong = xz_decode(bz->payload, bz->payload_size, out, &n);
    if (!wrong && n != bz->unpacked_size)
        wrong = "the kernel's packed size is wrong";
    return wrong;
}
