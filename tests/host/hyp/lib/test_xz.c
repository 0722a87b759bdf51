/* SPDX-License-Identifier: MIT */
/*
 * Claim: whatever liblzma packs with the filters that kernels use, we unpack to the same bytes; whatever is
 * cut short, changed, or does not fit is refused, and neither input nor output is touched behind its end.
 */
#include <lzma.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "lib/bzimage.h"
#include "lib/xz.h"

struct blob {
    u8 *data;
    size_t size;
};

/* Exactly as large as its contents, so that the sanitizer sees the first byte too many. */
static struct blob blob_copy(const void *data, size_t size)
{
    struct blob b = {malloc(size ? size : 1), size};

    memcpy(b.data, data, size);
    return b;
}

static struct blob pack(const struct blob *in, bool x86, uint32_t preset, lzma_check check, size_t block_size)
{
    size_t room = in->size + in->size / 2 + 4096, at = 0;
    u8 *out = malloc(room);
    lzma_options_lzma opt;
    lzma_filter filters[3];
    lzma_stream strm = LZMA_STREAM_INIT;
    unsigned n = 0;
    struct blob packed;

    assert_false(lzma_lzma_preset(&opt, preset));
    if (x86)
        filters[n++] = (lzma_filter){LZMA_FILTER_X86, NULL};
    filters[n++] = (lzma_filter){LZMA_FILTER_LZMA2, &opt};
    filters[n] = (lzma_filter){LZMA_VLI_UNKNOWN, NULL};
    assert_int_equal(lzma_stream_encoder(&strm, filters, check), LZMA_OK);
    strm.next_out = out;
    strm.avail_out = room;
    while (block_size && in->size - at > block_size) {
        strm.next_in = in->data + at;
        strm.avail_in = block_size;
        assert_int_equal(lzma_code(&strm, LZMA_FULL_FLUSH), LZMA_STREAM_END);
        at += block_size;
    }
    strm.next_in = in->data + at;
    strm.avail_in = in->size - at;
    assert_int_equal(lzma_code(&strm, LZMA_FINISH), LZMA_STREAM_END);
    packed = blob_copy(out, strm.total_out);
    lzma_end(&strm);
    free(out);
    return packed;
}

static struct blob make_data(size_t size, unsigned kind)
{
    struct blob b = {malloc(size ? size : 1), size};

    for (size_t i = 0; i < size; i++) {
        switch (kind) {
        case 0: /* noise: stored chunks */
            b.data[i] = (u8)random();
            break;
        case 1: /* long repetitions */
            b.data[i] = (u8)(i / 1000);
            break;
        case 2: /* mostly near and far repeats */
            b.data[i] = i > 300 && random() % 20 ? b.data[i - 1 - (size_t)random() % 3 * 97] : (u8)random();
            break;
        default: /* opcodes of calls and jumps, with sign bytes, close together */
            b.data[i] = (u8[]){0xe8, 0xe9, 0x00, 0xff, (u8)random()}[random() % 5];
            break;
        }
    }
    return b;
}

static void check_round_trip(const struct blob *data, bool x86, uint32_t preset, size_t block)
{
    struct blob packed = pack(data, x86, preset, LZMA_CHECK_CRC32, block);
    u8 *out = malloc(data->size ? data->size : 1);
    size_t n = data->size;

    assert_null(xz_decode(packed.data, packed.size, out, &n));
    assert_int_equal(n, data->size);
    assert_memory_equal(out, data->data, n);
    free(out);
    free(packed.data);
}

static void test_round_trips(void **state)
{
    static const size_t sizes[] = {0, 1, 4, 5, 8, 100, 65537, 700000};

    (void)state;
    srandom(2);
    for (unsigned kind = 0; kind < 4; kind++)
        for (size_t s = 0; s < ARRAY_SIZE(sizes); s++) {
            struct blob data = make_data(sizes[s], kind);

            check_round_trip(&data, false, 6, 0);
            check_round_trip(&data, true, 1, 0);
            check_round_trip(&data, true, 3, 50000);
            free(data.data);
        }
}

/* Real machine code: this program's own. */
static void test_machine_code(void **state)
{
    static u8 code[4 << 20];
    FILE *f = fopen("/proc/self/exe", "rb");
    struct blob data;

    (void)state;
    assert_non_null(f);
    data = blob_copy(code, fread(code, 1, sizeof(code), f));
    fclose(f);
    check_round_trip(&data, true, 6, 0);
    free(data.data);
}

static void test_other_checks(void **state)
{
    struct blob data = make_data(1000, 2), packed;
    u8 out[1000];
    size_t n = sizeof(out);

    (void)state;
    packed = pack(&data, false, 6, LZMA_CHECK_NONE, 0);
    assert_null(xz_decode(packed.data, packed.size, out, &n));
    free(packed.data);
    packed = pack(&data, false, 6, LZMA_CHECK_CRC64, 0);
    n = sizeof(out);
    assert_non_null(xz_decode(packed.data, packed.size, out, &n));
    free(packed.data);
    free(data.data);
}

static void test_cut_short(void **state)
{
    struct blob data = make_data(3000, 2), packed = pack(&data, true, 6, LZMA_CHECK_CRC32, 1000);
    u8 *out = malloc(data.size);

    (void)state;
    for (size_t size = 0; size < packed.size; size++) {
        struct blob part = blob_copy(packed.data, size);
        size_t n = data.size;

        assert_non_null(xz_decode(part.data, part.size, out, &n));
        assert_true(n <= data.size);
        free(part.data);
    }
    for (size_t room = 0; room < data.size; room += 7) {
        u8 *small = malloc(room ? room : 1);
        size_t n = room;

        assert_non_null(xz_decode(packed.data, packed.size, small, &n));
        free(small);
    }
    free(out);
    free(packed.data);
    free(data.data);
}

/* The CRCs catch every change of a few bits: none may pass as correct data. */
static void test_changed(void **state)
{
    struct blob data = make_data(5000, 2), packed = pack(&data, true, 6, LZMA_CHECK_CRC32, 0);
    u8 *out = malloc(data.size);

    (void)state;
    srandom(3);
    for (unsigned round = 0; round < 20000; round++) {
        struct blob bad = blob_copy(packed.data, packed.size);
        size_t n = data.size;

        for (unsigned i = 0; i <= round % 3; i++)
            bad.data[(size_t)random() % bad.size] ^= (u8)(1 << random() % 8);
        if (memcmp(bad.data, packed.data, bad.size))
            assert_non_null(xz_decode(bad.data, bad.size, out, &n));
        free(bad.data);
    }
    free(out);
    free(packed.data);
    free(data.data);
}

/* Valid headers around random chunks: what the decoder proper does with nonsense. */
static void test_hostile_chunks(void **state)
{
    struct blob data = make_data(2000, 2), packed = pack(&data, false, 6, LZMA_CHECK_CRC32, 0);
    size_t block = 12, body = block + (packed.data[block] + 1U) * 4;
    u8 *out = malloc(100000);

    (void)state;
    srandom(4);
    for (unsigned round = 0; round < 20000; round++) {
        struct blob bad = blob_copy(packed.data, packed.size);
        size_t n = 100000, head = body + (size_t)random() % 12, count = (size_t)random() % 40;

        for (size_t i = 0; i < count && head + i < bad.size; i++)
            bad.data[head + i] = (u8)random();
        (void)xz_decode(bad.data, bad.size, out, &n);
        assert_true(n <= 100000);
        free(bad.data);
    }
    free(out);
    free(packed.data);
    free(data.data);
}

static void put32(u8 *p, size_t v)
{
    u32 v32 = (u32)v;

    memcpy(p, &v32, 4);
}

static struct blob make_bzimage(const struct blob *payload, size_t unpacked)
{
    struct blob b = {calloc(1, 1024 + 512 + payload->size + 4), 1024 + 512 + payload->size + 4};

    b.data[0x1f1] = 1;
    memcpy(b.data + 0x202, "HdrS\x0f\x02", 6);
    put32(b.data + 0x248, 512);
    put32(b.data + 0x24c, payload->size + 4);
    memcpy(b.data + 1536, payload->data, payload->size);
    put32(b.data + 1536 + payload->size, unpacked);
    return b;
}

static void test_bzimage(void **state)
{
    struct blob data = make_data(4000, 2), packed = pack(&data, true, 6, LZMA_CHECK_CRC32, 0);
    struct blob image = make_bzimage(&packed, data.size);
    struct bzimage bz;
    u8 *out = malloc(data.size);

    (void)state;
    assert_null(bzimage_parse(image.data, image.size, &bz));
    assert_string_equal(bz.format, "xz");
    assert_int_equal(bz.unpacked_size, data.size);
    assert_null(bzimage_unpack(&bz, out));
    assert_memory_equal(out, data.data, data.size);
    /* The length word lies in either direction. */
    put32(image.data + image.size - 4, data.size - 1);
    assert_null(bzimage_parse(image.data, image.size, &bz));
    assert_non_null(bzimage_unpack(&bz, out));
    free(out);
    out = malloc(data.size + 1);
    put32(image.data + image.size - 4, data.size + 1);
    assert_null(bzimage_parse(image.data, image.size, &bz));
    assert_non_null(bzimage_unpack(&bz, out));
    for (size_t size = 0; size < image.size; size += 1 + size / 50) {
        struct blob part = blob_copy(image.data, size);

        assert_non_null(bzimage_parse(part.data, part.size, &bz));
        free(part.data);
    }
    put32(image.data + 0x248, 0xfffffff0);
    assert_non_null(bzimage_parse(image.data, image.size, &bz));
    put32(image.data + 0x248, 512);
    memcpy(image.data + 1536, "\x28\xb5\x2f\xfd", 4);
    assert_null(bzimage_parse(image.data, image.size, &bz));
    assert_string_equal(bz.format, "zstd");
    assert_non_null(bzimage_unpack(&bz, out));
    free(out);
    free(image.data);
    free(packed.data);
    free(data.data);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trips),  cmocka_unit_test(test_machine_code),
        cmocka_unit_test(test_other_checks), cmocka_unit_test(test_cut_short),
        cmocka_unit_test(test_changed),      cmocka_unit_test(test_hostile_chunks),
        cmocka_unit_test(test_bzimage),
    };

    return cmocka_run_group_tests_name("xz", tests, NULL, NULL);
}
