/* SPDX-License-Identifier: MIT */
/*
 * Claim: every frame of RAM is in exactly one place: the first MiB, the image, a module, an allocation, or
 * among those that are handed to the frame allocator.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "boot/boot.h"
#include "boot/boot_alloc.h"
#include "cpu/paging.h"
#include "machine.h"

#define FRAMES 4096 /* 16 MiB */

struct boot_info boot_info;
u8 arena[FRAMES * PAGE_SIZE];
const char __text_start[1] = "", __image_end[1] = "";

enum owner { NOBODY, RAM, LOW, IMAGE, MODULE, ALLOCATED, FREED };
static u8 frames[FRAMES];

static void mark(paddr_t start, paddr_t end, enum owner o)
{
    for (u64 f = start / PAGE_SIZE; f < PFN_UP(end) && f < FRAMES; f++)
        if (frames[f] != NOBODY)
            frames[f] = (u8)o;
}

static u64 last; /* end of the range before */

static void on_free(mfn_t start, mfn_t end)
{
    assert_true(mfn_x(start) < mfn_x(end));
    assert_true(mfn_x(start) >= last); /* ascending */
    last = mfn_x(end);
    for (u64 f = mfn_x(start); f < mfn_x(end); f++) {
        assert_int_equal(frames[f], RAM);
        frames[f] = FREED;
    }
}

static void on_module(mfn_t start, mfn_t end)
{
    assert_true(mfn_x(start) >= last);
    last = mfn_x(end);
    for (u64 f = mfn_x(start); f < mfn_x(end); f++) {
        assert_int_equal(frames[f], MODULE);
        frames[f] = FREED;
    }
}

static void setup(void)
{
    static const struct e820_entry map[] = {
        {0, 0x9fc00, E820_RAM},       {0x9fc00, 0x60400, E820_RESERVED}, {0x100000, 0x700000, E820_RAM},
        {0x800000, 0x8000, E820_NVS}, {0x808000, 0x3800, E820_RAM},      {0x900000, 0x700000, E820_RAM},
    };

    machine_reset();
    memset(&boot_info, 0, sizeof(boot_info));
    memset(frames, NOBODY, sizeof(frames));
    memset(arena, 0x5a, sizeof(arena));
    for (size_t i = 0; i < ARRAY_SIZE(map); i++) {
        boot_info.e820[boot_info.e820_count++] = map[i];
        if (map[i].type == E820_RAM)
            for (u64 f = PFN_UP(map[i].addr); f < PFN_DOWN(map[i].addr + map[i].size); f++)
                frames[f] = RAM;
    }
    mark(0, 0x100000, LOW);
    mark(0x200000, 0x2aa123, IMAGE);
}

static void add_module(paddr_t start, u64 size)
{
    boot_info.modules[boot_info.module_count].start = start;
    boot_info.modules[boot_info.module_count++].size = size;
    mark(start, start + size, MODULE);
}

static void take(size_t n, u64 align)
{
    u8 *p = boot_alloc_aligned(n, align);
    paddr_t at = (paddr_t)(p - arena);

    assert_int_equal(at % align, 0);
    for (u64 f = at / PAGE_SIZE; f < at / PAGE_SIZE + n; f++) {
        assert_int_equal(frames[f], RAM);
        frames[f] = ALLOCATED;
    }
    for (size_t i = 0; i < n * PAGE_SIZE; i++)
        assert_int_equal(p[i], 0);
}

static void finish(void)
{
    last = 0;
    boot_free_ranges(on_free);
    for (unsigned f = 0; f < FRAMES; f++)
        assert_int_not_equal(frames[f], RAM);
    last = 0;
    boot_free_modules(on_module);
    for (unsigned f = 0; f < FRAMES; f++)
        assert_int_not_equal(frames[f], MODULE);
}

static void test_typical(void **state)
{
    (void)state;
    setup();
    add_module(0x2ab000, 0x100010);
    add_module(0x3ac000, 0x1000);
    boot_alloc_init();
    take(1, PAGE_SIZE);
    take(8, 0x8000);
    take(300, PAGE_SIZE);
    take(1, PAGE_SIZE);
    assert_true(boot_max_ram_mfn() == 0x1000);
    finish();
}

static void test_modules_share_a_frame(void **state)
{
    (void)state;
    setup();
    add_module(0x500800, 0x1000);
    add_module(0x501800, 0x10);
    add_module(0x501900, 0x3000);
    boot_alloc_init();
    finish();
}

static void test_early_free(void **state)
{
    (void)state;
    setup();
    add_module(0x500800, 0x4000);
    add_module(0x504a00, 0x100);
    boot_alloc_init();
    boot_info.modules[0].start = 0x700000; /* unpacked elsewhere */
    boot_info.modules[0].size = 0;
    boot_free_early(0x500800, 0x504800);
    for (unsigned f = 0x501; f < 0x504; f++)
        frames[f] = RAM;
    frames[0x500] = NOBODY; /* its first frame is given up: something else may lie in front */
    finish();
}

static void test_random(void **state)
{
    (void)state;
    srandom(10);
    for (unsigned round = 0; round < 200; round++) {
        paddr_t at = 0x2ab000;

        setup();
        for (unsigned i = 0; i < round % 6; i++) {
            u64 size = 1 + (u64)random() % 0x40000;

            at += (u64)random() % 0x20000;
            add_module(at, size);
            at += size;
        }
        boot_alloc_init();
        for (unsigned i = 0; i < 20; i++)
            take(1 + (size_t)random() % 20, PAGE_SIZE << random() % 4);
        finish();
    }
}

static void test_exhausted(void **state)
{
    (void)state;
    setup();
    boot_alloc_init();
    assert_null(boot_try_alloc(FRAMES));
    assert_non_null(boot_try_alloc(0x500));
    assert_null(boot_try_alloc(0x701));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_typical),    cmocka_unit_test(test_modules_share_a_frame),
        cmocka_unit_test(test_early_free), cmocka_unit_test(test_random),
        cmocka_unit_test(test_exhausted),
    };

    return cmocka_run_group_tests_name("boot_alloc", tests, NULL, NULL);
}
