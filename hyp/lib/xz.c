/* SPDX-License-Identifier: MIT */
/* The container: stream header, blocks, index, stream footer; all headers are covered by CRC32. */
#include "lib/xz.h"
#include "lib/bcj.h"
#include "lib/crc32.h"
#include "lib/lzma.h"
#include "lib/string.h"

#define STREAM_HEADER_SIZE 12
#define CHECK_NONE         0
#define CHECK_CRC32        1
#define FILTER_X86         0x04
#define FILTER_LZMA2       0x21
#define VLI_UNKNOWN        (~0UL)

static const u8 header_magic[6] = {0xfd, '7', 'z', 'X', 'Z', 0};
static const char damaged[] = "the xz data are damaged";

static struct lzma decoder;

struct xz {
    const u8 *in;
    size_t size, at;
    u8 *out;
    size_t room, pos;
    u8 check;
    /* What the index must say. */
    u64 blocks, unpadded_total, unpacked_total;
};

struct block {
    u64 packed, unpacked; /* VLI_UNKNOWN: the header does not say */
    bool x86;
    u32 x86_start;
};

static u32 le32(const u8 *p)
{
    u32 v;

    __builtin_memcpy(&v, p, 4);
    return v;
}

/* Seven bits a byte, least significant first, at most nine bytes, no needless zero bytes. */
static bool read_vli(const u8 *p, size_t end, size_t *at, u64 *value)
{
    *value = 0;
    for (unsigned shift = 0; shift < 63 && *at < end; shift += 7) {
        u8 b = p[(*at)++];

        *value |= (u64)(b & 0x7f) << shift;
        if (!(b & 0x80))
            return b || !shift;
    }
    return false;
}

bool xz_is_stream(const u8 *in, size_t in_size)
{
    return in_size >= sizeof(header_magic) && !memcmp(in, header_magic, sizeof(header_magic));
}

static const char *read_stream_header(struct xz *s)
{
    if (s->size < STREAM_HEADER_SIZE || !xz_is_stream(s->in, s->size))
        return "not xz data";
    if (crc32(0, s->in + 6, 2) != le32(s->in + 8) || s->in[6])
        return damaged;
    s->check = s->in[7];
    if (s->check != CHECK_NONE && s->check != CHECK_CRC32)
        return "the xz data have a check other than CRC32";
    s->at = STREAM_HEADER_SIZE;
    return NULL;
}

static const char *read_filters(const u8 *head, size_t end, size_t *at, unsigned count, struct block *b)
{
    for (unsigned i = 0; i < count; i++) {
        u64 id, props;

        if (!read_vli(head, end, at, &id) || !read_vli(head, end, at, &props) || props > end - *at)
            return damaged;
        if (i == count - 1 && id == FILTER_LZMA2 && props == 1) {
            /* The dictionary's size does not matter: all of the output is one. */
        } else if (i < count - 1 && id == FILTER_X86 && !b->x86 && (props == 0 || props == 4)) {
            b->x86 = true;
            b->x86_start = props ? le32(head + *at) : 0;
        } else {
            return "the xz data use a filter other than LZMA2 and x86";
        }
        *at += props;
    }
    return NULL;
}

static const char *read_block_header(struct xz *s, struct block *b)
{
    const u8 *head = s->in + s->at;
    size_t size = ((size_t)head[0] + 1) * 4, at = 2;
    const char *wrong;
    u8 flags;

    if (size > s->size - s->at || crc32(0, head, size - 4) != le32(head + size - 4))
        return damaged;
    flags = head[1];
    *b = (struct block){.packed = VLI_UNKNOWN, .unpacked = VLI_UNKNOWN};
    if (flags & 0x3c)
        return damaged;
    if ((flags & 0x40) && !read_vli(head, size - 4, &at, &b->packed))
        return damaged;
    if ((flags & 0x80) && !read_vli(head, size - 4, &at, &b->unpacked))
        return damaged;
    wrong = read_filters(head, size - 4, &at, (flags & 3) + 1U, b);
    if (wrong)
        return wrong;
    for (; at < size - 4; at++)
        if (head[at])
            return damaged;
    s->at += size;
    return NULL;
}

static const char *read_block(struct xz *s)
{
    size_t start = s->at, unpacked = s->room - s->pos, packed;
    u8 *data = s->out + s->pos;
    const char *wrong;
    struct block b;

    wrong = read_block_header(s, &b);
    if (wrong)
        return wrong;
    packed = lzma2_decode(&decoder, s->in + s->at, s->size - s->at, data, &unpacked);
    if (!packed || (b.packed != VLI_UNKNOWN && b.packed != packed) ||
        (b.unpacked != VLI_UNKNOWN && b.unpacked != unpacked))
        return damaged;
    if (b.x86)
        bcj_x86_decode(data, unpacked, b.x86_start);
    s->at += packed;
    s->pos += unpacked;
    s->blocks++;
    s->unpacked_total += unpacked;
    s->unpadded_total += s->at - start + (s->check ? 4 : 0);
    for (; (s->at - start) % 4; s->at++)
        if (s->at >= s->size || s->in[s->at])
            return damaged;
    if (s->check == CHECK_CRC32) {
        if (s->size - s->at < 4 || crc32(0, data, unpacked) != le32(s->in + s->at))
            return "the xz data do not match their CRC32";
        s->at += 4;
    }
    return NULL;
}

static const char *read_index(struct xz *s, size_t *index_size)
{
    size_t start = s->at++;
    u64 count, unpadded, unpacked, unpadded_sum = 0, unpacked_sum = 0;

    if (!read_vli(s->in, s->size, &s->at, &count) || count != s->blocks)
        return damaged;
    for (u64 i = 0; i < count; i++) {
        if (!read_vli(s->in, s->size, &s->at, &unpadded) || !read_vli(s->in, s->size, &s->at, &unpacked))
            return damaged;
        unpadded_sum += unpadded;
        unpacked_sum += unpacked;
    }
    for (; (s->at - start) % 4; s->at++)
        if (s->at >= s->size || s->in[s->at])
            return damaged;
    if (unpadded_sum != s->unpadded_total || unpacked_sum != s->unpacked_total || s->size - s->at < 4 ||
        crc32(0, s->in + start, s->at - start) != le32(s->in + s->at))
        return damaged;
    s->at += 4;
    *index_size = s->at - start;
    return NULL;
}

static const char *read_footer(const struct xz *s, size_t index_size)
{
    const u8 *f = s->in + s->at;

    if (s->size - s->at != STREAM_HEADER_SIZE || f[10] != 'Y' || f[11] != 'Z' ||
        crc32(0, f + 4, 6) != le32(f) || ((u64)le32(f + 4) + 1) * 4 != index_size || f[8] || f[9] != s->check)
        return damaged;
    return NULL;
}

const char *xz_decode(const u8 *in, size_t in_size, u8 *out, size_t *out_size)
{
    struct xz s = {.in = in, .size = in_size, .out = out, .room = *out_size};
    const char *wrong = read_stream_header(&s);
    size_t index_size = 0;

    while (!wrong && s.at < s.size && s.in[s.at])
        wrong = read_block(&s);
    if (!wrong && s.at >= s.size)
        wrong = damaged;
    if (!wrong)
        wrong = read_index(&s, &index_size);
    if (!wrong)
        wrong = read_footer(&s, index_size);
    *out_size = s.pos;
    return wrong;
}
