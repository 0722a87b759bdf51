/* SPDX-License-Identifier: MIT */
#include "dom0/toolstack/kernel.h"

#include <endian.h>
#include <string.h>

#include <lz4.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "dom0/toolstack/report.h"

/* Enough for the dictionary of any kernel (xz -9 is 64 MiB) and a bound for a stream that asks for more. */
#define UNPACK_MEMORY_LIMIT ((uint64_t)160 << 20)

/* Each unpacker: bytes written to out, or -1 with *why set. */
typedef long (*unpack_fn)(const struct kernel_payload *p, unsigned char *out, const char **why);

static long unpack_gzip(const struct kernel_payload *p, unsigned char *out, const char **why)
{
    z_stream z;
    int r;

    memset(&z, 0, sizeof(z));
    z.next_in = (unsigned char *)(uintptr_t)p->data;
    z.avail_in = (uInt)p->len;
    z.next_out = out;
    z.avail_out = (uInt)p->unpacked_len;
    if (inflateInit2(&z, 16 + MAX_WBITS) != Z_OK) {
        *why = "out of memory";
        return -1;
    }
    r = inflate(&z, Z_FINISH);
    inflateEnd(&z);
    if (r == Z_STREAM_END)
        return (long)z.total_out;
    if (r == Z_BUF_ERROR || r == Z_OK)
        *why = z.avail_out == 0 ? "it holds more than it claims" : "it ends early";
    else
        *why = z.msg ? "damaged data" : "gzip cannot read it";
    return -1;
}

static long unpack_xz(const struct kernel_payload *p, unsigned char *out, const char **why)
{
    uint64_t limit = UNPACK_MEMORY_LIMIT;
    size_t in = 0, done = 0;
    lzma_ret r =
        lzma_stream_buffer_decode(&limit, 0, NULL, p->data, &in, p->len, out, &done, p->unpacked_len);

    switch (r) {
    case LZMA_OK:
        return (long)done;
    case LZMA_BUF_ERROR:
        *why = "it holds more than it claims";
        break;
    case LZMA_MEMLIMIT_ERROR:
        *why = "it needs too large a dictionary";
        break;
    case LZMA_MEM_ERROR:
        *why = "out of memory";
        break;
    default:
        *why = in >= p->len ? "it ends early" : "damaged data";
        break;
    }
    return -1;
}

static long unpack_zstd(const struct kernel_payload *p, unsigned char *out, const char **why)
{
    /* One shot: the output buffer is the window, so that the frame cannot ask for memory. */
    size_t r = ZSTD_decompress(out, p->unpacked_len, p->data, p->len);

    if (!ZSTD_isError(r))
        return (long)r;
    switch (ZSTD_getErrorCode(r)) {
    case ZSTD_error_dstSize_tooSmall:
        *why = "it holds more than it claims";
        break;
    case ZSTD_error_srcSize_wrong:
        *why = "it ends early";
        break;
    default:
        *why = "damaged data";
        break;
    }
    return -1;
}

/* The kernel's build uses lz4's legacy frame: a magic, then blocks with a length in front of each. */
static long unpack_lz4(const struct kernel_payload *p, unsigned char *out, const char **why)
{
    const size_t head = sizeof(uint32_t);
    size_t in = head, done = 0;

    while (in < p->len) {
        uint32_t block;
        int room =
            p->unpacked_len - done > LZ4_MAX_INPUT_SIZE ? LZ4_MAX_INPUT_SIZE : (int)(p->unpacked_len - done);
        int r;

        if (p->len - in < head) {
            *why = "it ends early";
            return -1;
        }
        memcpy(&block, p->data + in, head);
        block = le32toh(block);
        in += head;
        if (block == 0 || block > p->len - in || block > LZ4_MAX_INPUT_SIZE) {
            *why = "a block is longer than the rest of the file";
            return -1;
        }
        r = LZ4_decompress_safe((const char *)p->data + in, (char *)out + done, (int)block, room);
        if (r < 0) {
            *why = "damaged data, or it holds more than it claims";
            return -1;
        }
        in += block;
        done += (size_t)r;
    }
    return (long)done;
}

static const struct {
    const char *name;
    unpack_fn unpack;
} unpackers[] = {
    [KERNEL_GZIP] = {"gzip", unpack_gzip},
    [KERNEL_XZ] = {"xz", unpack_xz},
    [KERNEL_ZSTD] = {"zstd", unpack_zstd},
    [KERNEL_LZ4] = {"lz4", unpack_lz4},
};

int kernel_unpack(const struct kernel_payload *payload, const char *path, unsigned char *out)
{
    const char *why = NULL;
    long done;

    if (payload->packing == KERNEL_PLAIN) {
        memcpy(out, payload->data, payload->len);
        return 0;
    }
    done = unpackers[payload->packing].unpack(payload, out, &why);
    if (done < 0) {
        report_error("%s: cannot unpack the kernel (%s): %s", path, unpackers[payload->packing].name, why);
        return -1;
    }
    if ((size_t)done != payload->unpacked_len) {
        report_error("%s: the packed kernel is %ld bytes, not %zu as it claims", path, done,
                     payload->unpacked_len);
        return -1;
    }
    return 0;
}
