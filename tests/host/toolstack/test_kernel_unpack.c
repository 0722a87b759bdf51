/* SPDX-License-Identifier: MIT */
/*
 * Packed kernels: each format round, and files that lie about where the payload is and what it unpacks to.
 * And the cache: an image is unpacked once, a changed file is never taken for the old one.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include <lz4.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include "dom0/toolstack/kernel.h"
#include "dom0/toolstack/kernel_beside.h"
#include "tests/host/toolstack/capture.h"
#include "tests/host/toolstack/elf_maker.h"

#define ROOM (1U << 20)

static unsigned char packed[ROOM], file[ROOM + 4096];

static size_t pack_gzip(const unsigned char *in, size_t len)
{
    z_stream z;
    size_t out;

    memset(&z, 0, sizeof(z));
    assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 16 + MAX_WBITS, 9, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (unsigned char *)(uintptr_t)in;
    z.avail_in = (uInt)len;
    z.next_out = packed;
    z.avail_out = ROOM;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    out = z.total_out;
    deflateEnd(&z);
    return out;
}

static size_t pack_xz(const unsigned char *in, size_t len)
{
    size_t out = 0;

    assert_int_equal(lzma_easy_buffer_encode(6, LZMA_CHECK_CRC32, NULL, in, len, packed, &out, ROOM),
                     LZMA_OK);
    return out;
}

static size_t pack_zstd(const unsigned char *in, size_t len)
{
    size_t out = ZSTD_compress(packed, ROOM, in, len, 3);

    assert_false(ZSTD_isError(out));
    return out;
}

static size_t pack_lz4(const unsigned char *in, size_t len)
{
    static const unsigned char magic[4] = {0x02, 0x21, 0x4c, 0x18};
    size_t half = len / 2, at = 4;

    memcpy(packed, magic, 4);
    for (int i = 0; i < 2; i++) {
        size_t n = i ? len - half : half;
        int r = LZ4_compress_default((const char *)in + i * half, (char *)packed + at + 4, (int)n,
                                     (int)(ROOM - at - 4));
        uint32_t block = (uint32_t)r;

        assert_true(r > 0);
        memcpy(packed + at, &block, 4);
        at += 4 + block;
    }
    return at;
}

static const struct {
    const char *name;
    size_t (*pack)(const unsigned char *in, size_t len);
    int tail;
} formats[] = {{"gzip", pack_gzip, 0}, {"xz", pack_xz, 1}, {"zstd", pack_zstd, 1}, {"lz4", pack_lz4, 1}};

#define FORMATS (sizeof(formats) / sizeof(formats[0]))

static int load(const unsigned char *bytes, size_t len, struct kernel_bytes *elf)
{
    capture_start();
    return kernel_load(elf, em_file(bytes, len));
}

static int no_cache(void **state)
{
    (void)state;
    kernel_cache_set_dir(NULL);
    return 0;
}

static void test_formats(void **state)
{
    static struct em_image image;

    (void)state;
    em_good(&image);
    for (size_t f = 0; f < FORMATS; f++) {
        size_t len = formats[f].pack(image.bytes, image.len);
        struct kernel_bytes elf;

        len = em_bzimage(file, packed, len, formats[f].tail, (uint32_t)image.len);
        if (load(file, len, &elf) != 0)
            fail_msg("%s: %s", formats[f].name, capture_text());
        assert_int_equal(elf.len, image.len);
        assert_memory_equal(elf.data, image.bytes, image.len);
        kernel_bytes_close(&elf);
    }
}

static void test_gzipped_elf(void **state)
{
    static struct em_image image;
    struct kernel_bytes elf;

    (void)state;
    em_good(&image);
    assert_int_equal(load(packed, pack_gzip(image.bytes, image.len), &elf), 0);
    assert_int_equal(elf.len, image.len);
    kernel_bytes_close(&elf);
}

/* Cut off anywhere, or with bytes turned: refused in one line that names the file. */
static void test_damaged(void **state)
{
    static struct em_image image;

    (void)state;
    em_good(&image);
    for (size_t f = 0; f < FORMATS; f++) {
        size_t len = formats[f].pack(image.bytes, image.len);
        struct kernel_bytes elf;

        for (size_t cut = 1; cut < len; cut = cut * 2 + 1) {
            size_t n = em_bzimage(file, packed, len - cut, 1, (uint32_t)image.len);

            assert_int_equal(load(file, n, &elf), -1);
            assert_non_null(strstr(capture_text(), "hospes: /tmp/"));
            assert_ptr_equal(strchr(capture_text(), '\n'), strrchr(capture_text(), '\n'));
        }
        packed[len / 2] ^= 0x55;
        packed[len / 2 + 1] ^= 0xaa;
        if (load(file, em_bzimage(file, packed, len, formats[f].tail, (uint32_t)image.len), &elf) == 0)
            kernel_bytes_close(&elf); /* lz4 has no checksum: the ELF parser is next */
    }
}

/* A bomb: the stream holds far more than the file claims, or claims more than any kernel is. */
static void test_bombs(void **state)
{
    const size_t big = (size_t)64 << 20;
    unsigned char *zeroes = calloc(1, big);

    (void)state;
    assert_non_null(zeroes);
    for (size_t f = 0; f < FORMATS; f++) {
        size_t len = formats[f].pack(zeroes, big);
        struct kernel_bytes elf;

        if (!formats[f].tail) {
            uint32_t claim = 8192;

            memcpy(packed + len - 4, &claim, 4);
        }
        assert_int_equal(load(file, em_bzimage(file, packed, len, formats[f].tail, 8192), &elf), -1);
        assert_non_null(strstr(capture_text(), "more than it claims"));
        if (formats[f].tail) {
            assert_int_equal(load(file, em_bzimage(file, packed, len, 1, 0xfffffff0), &elf), -1);
            assert_non_null(
                strstr(capture_text(), "claims to be 4294967280 bytes, at most 536870912 are taken"));
            assert_int_equal(load(file, em_bzimage(file, packed, len, 1, 0), &elf), -1);
        }
    }
    free(zeroes);
}

static void test_bad_headers(void **state)
{
    static struct em_image image;
    struct kernel_bytes elf;
    uint32_t bad = 0xffffff00;
    size_t len;

    (void)state;
    em_good(&image);
    len = em_bzimage(file, packed, pack_xz(image.bytes, image.len), 1, (uint32_t)image.len);
    memcpy(file + 0x248, &bad, 4);
    assert_int_equal(load(file, len, &elf), -1);
    assert_non_null(strstr(capture_text(), "lies outside the file"));
    len = em_bzimage(file, packed, pack_xz(image.bytes, image.len), 1, (uint32_t)image.len);
    memcpy(file + 0x24c, &bad, 4);
    assert_int_equal(load(file, len, &elf), -1);
    assert_non_null(strstr(capture_text(), "lies outside the file"));
    len = em_bzimage(file, packed, pack_xz(image.bytes, image.len), 1, (uint32_t)image.len);
    file[0x206] = 7;
    assert_int_equal(load(file, len, &elf), -1);
    assert_non_null(strstr(capture_text(), "bzImage of boot protocol 2.07, at least 2.08 is needed"));
    len = em_bzimage(file, (const unsigned char *)"BZh91AY&SY", 10, 1, 1);
    assert_int_equal(load(file, len, &elf), -1);
    assert_non_null(strstr(capture_text(), "packed with bzip2; gzip, xz, zstd and lz4 are supported"));
    assert_int_equal(load((const unsigned char *)"#!/bin/sh\n", 10, &elf), -1);
    assert_non_null(strstr(capture_text(), "not a kernel: neither ELF, gzipped ELF nor bzImage"));
    assert_int_equal(load(file, 0, &elf), -1);
    assert_non_null(strstr(capture_text(), "empty file"));
    capture_start();
    assert_int_equal(kernel_load(&elf, "/dev/null"), -1);
    assert_string_equal(capture_text(), "hospes: /dev/null: not a regular file\n");
}

/* Prefixes of a bzImage of every length around the fields that are read. */
static void test_every_prefix(void **state)
{
    static struct em_image image;
    struct kernel_bytes elf;
    size_t len;

    (void)state;
    em_good(&image);
    len = em_bzimage(file, packed, pack_gzip(image.bytes, image.len), 0, 0);
    for (size_t n = 1; n < len; n += n < 0x1f0 || n > 0x260 ? 61 : 1)
        assert_int_equal(load(file, n, &elf), -1);
}

/* --- the cache --- */

static char dir[64];

static int make_cache(void **state)
{
    (void)state;
    snprintf(dir, sizeof(dir), "/tmp/hospes-test-cache-XXXXXX");
    if (!mkdtemp(dir))
        return -1;
    kernel_cache_set_dir(dir);
    return 0;
}

static int drop_cache(void **state)
{
    char command[128];

    (void)state;
    snprintf(command, sizeof(command), "rm -rf %s", dir);
    return system(command);
}

static unsigned int entries(void)
{
    char command[128], line[16];
    FILE *list;

    snprintf(command, sizeof(command), "ls %s | wc -l", dir);
    list = popen(command, "r");
    if (!list || !fgets(line, sizeof(line), list))
        abort();
    pclose(list);
    return (unsigned int)atoi(line);
}

static void test_cache(void **state)
{
    static struct em_image image;
    struct kernel_bytes elf;
    const char *path;
    size_t len;
    FILE *f;

    (void)state;
    em_good(&image);
    len = em_bzimage(file, packed, pack_xz(image.bytes, image.len), 1, (uint32_t)image.len);
    path = em_file(file, len);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(kernel_load(&elf, path), 0);
        assert_memory_equal(elf.data, image.bytes, image.len);
        kernel_bytes_close(&elf);
        assert_int_equal(entries(), 1);
    }
    /* The same length, other contents: a damaged file must fail although a good one was cached. */
    f = fopen(path, "r+");
    assert_non_null(f);
    fseek(f, 5 * 512 + 16, SEEK_SET);
    fputc('!', f);
    fclose(f);
    capture_start();
    assert_int_equal(kernel_load(&elf, path), -1);
    assert_int_equal(entries(), 1);
}

static void test_cache_is_bounded(void **state)
{
    static struct em_image image;
    struct kernel_bytes elf;

    (void)state;
    em_good(&image);
    for (int i = 0; i < 8; i++) {
        size_t len = em_bzimage(file, packed, pack_xz(image.bytes, image.len), 1, (uint32_t)image.len);

        assert_int_equal(load(file, len, &elf), 0);
        kernel_bytes_close(&elf);
    }
    assert_in_range(entries(), 1, 4);
}

/* A directory that others may write to could hold anything: it is not used, and the load succeeds without. */
static void test_cache_distrust(void **state)
{
    static struct em_image image;
    struct kernel_bytes elf;
    size_t len;

    (void)state;
    assert_int_equal(chmod(dir, 0777), 0);
    em_good(&image);
    len = em_bzimage(file, packed, pack_xz(image.bytes, image.len), 1, (uint32_t)image.len);
    assert_int_equal(load(file, len, &elf), 0);
    kernel_bytes_close(&elf);
    assert_int_equal(entries(), 0);
}

/* --- beside the kernel --- */

static void beside_name(char *name, size_t room, const char *path)
{
    snprintf(name, room, "%s" KERNEL_BESIDE_SUFFIX, path);
}

static void test_beside(void **state)
{
    static struct em_image image;
    struct kernel_image full, small;
    struct kernel_bytes elf;
    unsigned char *a = calloc(1, 3 * 4096), *b = calloc(1, 3 * 4096);
    const char *path;
    char name[128];
    struct stat st;

    (void)state;
    assert_true(a && b);
    em_good(&image);
    memset(image.bytes + 4096 + EM_TEXT - 3000, 0, 3000);
    path = em_file(file, em_bzimage(file, packed, pack_xz(image.bytes, image.len), 1, (uint32_t)image.len));
    beside_name(name, sizeof(name), path);
    assert_int_equal(kernel_load(&elf, path), 0);
    assert_int_equal(kernel_parse(&elf, path, &full), 0);
    assert_int_equal(kernel_read_segment(&elf, path, &full.segments[0], a), 0);
    kernel_bytes_close(&elf);
    capture_start();
    assert_int_equal(kernel_beside_make(path), 0);
    assert_string_equal(capture_text(), "");
    assert_int_equal(stat(name, &st), 0);
    assert_true((size_t)st.st_size < image.len);
    /* It is what is loaded, and it loads the same. */
    assert_int_equal(kernel_load(&elf, path), 0);
    assert_int_equal(elf.len + 32, st.st_size);
    assert_int_equal(kernel_parse(&elf, path, &small), 0);
    assert_int_equal(small.entry, full.entry);
    assert_int_equal(small.p2m_base, full.p2m_base);
    assert_int_equal(small.end, full.end);
    assert_int_equal(small.segments[0].filesz, EM_TEXT - 3000);
    assert_int_equal(kernel_read_segment(&elf, path, &small.segments[0], b), 0);
    assert_memory_equal(a, b, 3 * 4096);
    kernel_bytes_close(&elf);
    unlink(name);
    free(a);
    free(b);
}

static void test_beside_distrust(void **state)
{
    static struct em_image image;
    struct kernel_bytes elf;
    const char *path;
    char name[128];
    FILE *f;

    (void)state;
    em_good(&image);
    path = em_file(file, em_bzimage(file, packed, pack_xz(image.bytes, image.len), 1, (uint32_t)image.len));
    beside_name(name, sizeof(name), path);
    /* Others may write it: the kernel itself is unpacked. */
    assert_int_equal(kernel_beside_make(path), 0);
    assert_int_equal(chmod(name, 0666), 0);
    assert_int_equal(kernel_load(&elf, path), 0);
    assert_int_equal(elf.len, image.len);
    kernel_bytes_close(&elf);
    /* Another kernel of the same length. */
    assert_int_equal(chmod(name, 0600), 0);
    f = fopen(path, "r+");
    assert_non_null(f);
    fseek(f, 5 * 512 + 16 + 100, SEEK_SET);
    fputc('!', f);
    fclose(f);
    assert_int_equal(kernel_load(&elf, path), -1);
    /* Cut short, or no file at all. */
    assert_int_equal(truncate(name, 20), 0);
    assert_int_equal(kernel_load(&elf, path), -1);
    unlink(name);
    assert_int_equal(symlink("/dev/zero", name), 0);
    assert_int_equal(kernel_load(&elf, path), -1);
    unlink(name);
    capture_start();
    assert_int_equal(kernel_beside_make(em_file(image.bytes, image.len)), -1);
    assert_non_null(strstr(capture_text(), "not packed, there is nothing to gain"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_formats, no_cache),
        cmocka_unit_test_setup(test_gzipped_elf, no_cache),
        cmocka_unit_test_setup(test_damaged, no_cache),
        cmocka_unit_test_setup(test_bombs, no_cache),
        cmocka_unit_test_setup(test_bad_headers, no_cache),
        cmocka_unit_test_setup(test_every_prefix, no_cache),
        cmocka_unit_test_setup(test_beside, no_cache),
        cmocka_unit_test_setup(test_beside_distrust, no_cache),
        cmocka_unit_test_setup_teardown(test_cache, make_cache, drop_cache),
        cmocka_unit_test_setup_teardown(test_cache_is_bounded, make_cache, drop_cache),
        cmocka_unit_test_setup_teardown(test_cache_distrust, make_cache, drop_cache),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
