/* SPDX-License-Identifier: MIT */
/*
 * Claim: what GRUB and QEMU hand over is read as it is meant; a structure that was cut, changed or made up
 * gives a message or nonsense within bounds, never an access outside of it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <xen/xen.h>
#include <xen/arch-x86/hvm/start_info.h>
#include "boot/cpio.h"
#include "boot/protocol.h"
#include "machine.h"

#define INFO_AT 0x10000UL

static struct boot_info bi;

static void fresh(void)
{
    machine_reset();
    memset(&bi, 0, sizeof(bi));
}

/* --- Multiboot2 --- */

struct info {
    u8 data[4096];
    u32 size;
};

static void put(struct info *in, const void *p, size_t n)
{
    if (n)
        memcpy(in->data + in->size, p, n);
    in->size += (u32)n;
}

static void put_tag(struct info *in, u32 type, const void *head, size_t head_size, const void *rest,
                    size_t rest_size)
{
    u32 words[2] = {type, (u32)(8 + head_size + rest_size)};

    while (in->size % 8)
        in->size++;
    put(in, words, 8);
    put(in, head, head_size);
    put(in, rest, rest_size);
}

static void finish(struct info *in)
{
    put_tag(in, 0, NULL, 0, NULL, 0);
    memcpy(in->data, &in->size, 4);
}

static struct info typical_info(void)
{
    static const struct {
        u32 size, version;
        struct {
            u64 addr, len;
            u32 type, zero;
        } e[4];
    } map = {24,
             0,
             {{0, 0x9fc00, 1, 0},
              {0x9fc00, 0x400, 2, 0},
              {0x100000, 0x7fee0000, 1, 0},
              {0xfffc0000, 0x40000, 2, 0}}};
    static const u32 module[2] = {0x200000, 0x300000}, module2[2] = {0x300000, 0x300010};
    static const u8 rsdp[36] = "RSD PTR ";
    u64 system_table = 0x7fabc000;
    struct info in = {.size = 8};

    put_tag(&in, 1, NULL, 0, "console=com1 loglvl=all", 24);
    put_tag(&in, 2, NULL, 0, "GRUB 2.06", 10);
    put_tag(&in, 3, module, 8, "console=hvc0", 13);
    put_tag(&in, 3, module2, 8, "", 1);
    put_tag(&in, 6, &map, sizeof(map), NULL, 0);
    put_tag(&in, 12, &system_table, 8, NULL, 0);
    put_tag(&in, 14, rsdp, 20, NULL, 0);
    put_tag(&in, 15, rsdp, 36, NULL, 0);
    put_tag(&in, 77, "unknown", 7, NULL, 0);
    finish(&in);
    return in;
}

static void test_multiboot2(void **state)
{
    struct info in = typical_info();

    (void)state;
    fresh();
    machine_put(INFO_AT, in.data, in.size);
    assert_null(multiboot2_parse(&bi, INFO_AT));
    e820_sanitize(&bi);
    assert_int_equal(machine_messages, 0);
    assert_string_equal(bi.cmdline, "console=com1 loglvl=all");
    assert_int_equal(bi.module_count, 2);
    assert_int_equal(bi.modules[0].start, 0x200000);
    assert_int_equal(bi.modules[0].size, 0x100000);
    assert_string_equal(bi.modules[0].cmdline, "console=hvc0");
    assert_int_equal(bi.modules[1].size, 16);
    assert_int_equal(bi.e820_count, 4);
    assert_true(bi.efi && bi.efi_system_table == 0x7fabc000);
    assert_int_equal(bi.rsdp_copy_size, 36);
}

static void test_multiboot2_long_texts(void **state)
{
    static char text[8192];
    static const u32 module[2] = {1, 2};
    struct info in = {.size = 8};

    (void)state;
    fresh();
    memset(text, 'x', sizeof(text));
    put_tag(&in, 1, NULL, 0, text, 2100); /* not even terminated */
    put_tag(&in, 3, module, 8, text, 1100);
    finish(&in);
    machine_put(INFO_AT, in.data, in.size);
    assert_null(multiboot2_parse(&bi, INFO_AT));
    assert_int_equal(strlen(bi.cmdline), sizeof(bi.cmdline) - 1);
    assert_int_equal(strlen(bi.modules[0].cmdline), sizeof(bi.modules[0].cmdline) - 1);
    assert_int_equal(machine_messages, 2);
}

static void test_multiboot2_too_many(void **state)
{
    static const u32 module[2] = {1, 2};
    struct info in = {.size = 8};

    (void)state;
    fresh();
    for (unsigned i = 0; i < 10; i++)
        put_tag(&in, 3, module, 8, "", 1);
    finish(&in);
    machine_put(INFO_AT, in.data, in.size);
    assert_null(multiboot2_parse(&bi, INFO_AT));
    assert_int_equal(bi.module_count, ARRAY_SIZE(bi.modules));
    assert_int_equal(machine_messages, 2);
}

static void test_multiboot2_refused(void **state)
{
    static const u32 backwards[2] = {0x2000, 0x1000};
    static const u32 narrow_map[2] = {8, 0};
    struct info in;

    (void)state;
    fresh();
    assert_non_null(multiboot2_parse(&bi, INFO_AT)); /* nothing there */
    in = (struct info){.size = 8};
    put_tag(&in, 3, backwards, 8, "", 1);
    finish(&in);
    machine_put(INFO_AT, in.data, in.size);
    assert_non_null(multiboot2_parse(&bi, INFO_AT));
    fresh();
    in = (struct info){.size = 8};
    put_tag(&in, 6, narrow_map, 8, NULL, 0);
    finish(&in);
    machine_put(INFO_AT, in.data, in.size);
    assert_non_null(multiboot2_parse(&bi, INFO_AT));
    fresh();
    in = typical_info();
    machine_put(INFO_AT + 4, in.data, in.size);
    assert_non_null(multiboot2_parse(&bi, INFO_AT + 4)); /* not aligned */
}

static void test_multiboot2_hostile(void **state)
{
    struct info good = typical_info();

    (void)state;
    srandom(6);
    for (unsigned round = 0; round < 30000; round++) {
        struct info bad = good;

        fresh();
        for (unsigned i = 0; i <= round % 4; i++) {
            u32 at = 8 + (u32)random() % (bad.size - 8);

            bad.data[at] = random() % 2 ? (u8)random() : (u8[]){0, 1, 7, 8, 0x7f, 0x80, 0xff}[random() % 7];
        }
        if (round % 5 == 0) {
            bad.size = 8 + (u32)random() % (bad.size - 8);
            memcpy(bad.data, &bad.size, 4);
        }
        machine_put(INFO_AT, bad.data, bad.size);
        (void)multiboot2_parse(&bi, INFO_AT);
        assert_true(bi.module_count <= ARRAY_SIZE(bi.modules));
        assert_true(bi.e820_count <= E820_MAX);
        assert_true(memchr(bi.cmdline, 0, sizeof(bi.cmdline)) != NULL);
    }
}

/* --- PVH --- */

#define CMDLINE_AT 0x20000UL
#define MODLIST_AT 0x30000UL
#define MEMMAP_AT  0x40000UL
#define MODULE_AT  0x50000UL

static void put_pvh(const char *cmdline, const void *module, size_t size)
{
    static const struct hvm_memmap_table_entry map[] = {{0, 0x9fc00, 1, 0}, {0x100000, 0x1fee0000, 1, 0}};
    struct hvm_start_info si = {
        .magic = XEN_HVM_START_MAGIC_VALUE,
        .version = 1,
        .nr_modules = module != NULL,
        .modlist_paddr = MODLIST_AT,
        .cmdline_paddr = CMDLINE_AT,
        .rsdp_paddr = 0xf5000,
        .memmap_paddr = MEMMAP_AT,
        .memmap_entries = 2,
    };
    struct hvm_modlist_entry mod = {.paddr = MODULE_AT, .size = size};
    char room[4096] = {0};

    fresh();
    snprintf(room, sizeof(room), "%s", cmdline);
    machine_put(INFO_AT, &si, sizeof(si));
    machine_put(CMDLINE_AT, room, sizeof(room));
    machine_put(MODLIST_AT, &mod, sizeof(mod));
    machine_put(MEMMAP_AT, map, sizeof(map));
    if (module)
        machine_put(MODULE_AT, module, size);
}

static size_t put_member(u8 *out, size_t at, const char *name, size_t name_size, const void *data,
                         size_t size)
{
    at += (size_t)sprintf((char *)out + at, "070701%08X%08X%08X%08X%08X%08X%08zX%08X%08X%08X%08X%08zX%08X", 0,
                          0100644, 0, 0, 1, 0, size, 0, 0, 0, 0, name_size, 0);
    memset(out + at, 0, name_size);
    strcpy((char *)out + at, name);
    at = ROUND_UP(at + name_size, 4UL);
    if (size)
        memcpy(out + at, data, size);
    return ROUND_UP(at + size, 4UL);
}

static size_t typical_archive(u8 *out)
{
    size_t at = put_member(out, 0, "cmdline", 8, "console=hvc0\n", 13);

    at = put_member(out, at, "kernel", 107, "KERNEL", 6);
    at = put_member(out, at, "initrd", 7, "INITRD..", 8);
    return put_member(out, at, "TRAILER!!!", 11, NULL, 0);
}

static void test_pvh_kernel(void **state)
{
    (void)state;
    put_pvh("console=com1 noreboot -- console=hvc0 quiet ",
            "\x7f"
            "ELF",
            4);
    assert_null(pvh_parse(&bi, INFO_AT));
    assert_string_equal(bi.cmdline, "console=com1 noreboot");
    assert_int_equal(bi.module_count, 1);
    assert_string_equal(bi.modules[0].cmdline, "console=hvc0 quiet");
    assert_int_equal(bi.modules[0].start, MODULE_AT);
    assert_int_equal(bi.e820_count, 2);
    assert_true(bi.rsdp == 0xf5000);
    put_pvh("-- a",
            "\x7f"
            "ELF",
            4);
    assert_null(pvh_parse(&bi, INFO_AT));
    assert_string_equal(bi.cmdline, "");
    assert_string_equal(bi.modules[0].cmdline, "a");
    put_pvh("a--b", NULL, 0);
    assert_null(pvh_parse(&bi, INFO_AT));
    assert_string_equal(bi.cmdline, "a--b");
    assert_int_equal(bi.module_count, 0);
}

static void test_pvh_archive(void **state)
{
    u8 archive[2048];
    size_t size = typical_archive(archive);

    (void)state;
    put_pvh("loglvl=all -- quiet", archive, size);
    assert_null(pvh_parse(&bi, INFO_AT));
    assert_int_equal(bi.module_count, 2);
    assert_string_equal(bi.modules[0].cmdline, "console=hvc0 quiet");
    assert_memory_equal(boot_phys(bi.modules[0].start, 6), "KERNEL", 6);
    assert_memory_equal(boot_phys(bi.modules[1].start, 8), "INITRD..", 8);
    size = put_member(archive, 0, "initrd", 7, "x", 1);
    put_pvh("", archive, size);
    assert_non_null(pvh_parse(&bi, INFO_AT));
}

static void test_pvh_hostile(void **state)
{
    u8 good[2048];
    size_t size = typical_archive(good);

    (void)state;
    srandom(7);
    for (unsigned round = 0; round < 20000; round++) {
        static const char *const fields[] = {"FFFFFFFF", "0000", "7FFFFFFF", "00000001", "zzzz"};
        u8 bad[sizeof(good)];
        size_t n = round % 3 ? size : (size_t)random() % size, at = (size_t)random() % size;
        const char *with = fields[random() % 5];

        memcpy(bad, good, sizeof(bad));
        memcpy(bad + MIN(at, sizeof(bad) - 8), with, strlen(with));
        put_pvh("", bad, n);
        (void)pvh_parse(&bi, INFO_AT);
        for (unsigned i = 0; i < bi.module_count; i++)
            assert_non_null(boot_phys(bi.modules[i].start, bi.modules[i].size));
    }
}

/* --- memory map --- */

static void test_e820_order_and_overlap(void **state)
{
    (void)state;
    fresh();
    e820_add(&bi, 0x100000, 0x100000, E820_RAM);
    e820_add(&bi, 0, 0x80000, E820_RAM);
    e820_add(&bi, 0x180000, 0x1000, E820_RESERVED); /* in the middle of RAM */
    e820_add(&bi, 0x200000, 0x1000, E820_RAM);      /* continues the first */
    e820_add(&bi, 0x1ff000, 0, E820_UNUSABLE);      /* empty */
    e820_add(&bi, ~0UL - 10, 100, E820_RAM);        /* beyond physical addresses */
    e820_sanitize(&bi);
    assert_int_equal(bi.e820_count, 4);
    assert_true(bi.e820[0].addr == 0 && bi.e820[0].size == 0x80000);
    assert_true(bi.e820[1].addr == 0x100000 && bi.e820[1].size == 0x80000);
    assert_true(bi.e820[2].addr == 0x180000 && bi.e820[2].type == E820_RESERVED);
    assert_true(bi.e820[3].addr == 0x181000 && bi.e820[3].size == 0x80000);
}

/* Against a byte array: every byte has the most severe type of what covers it. */
static void test_e820_random(void **state)
{
    static const u32 order[] = {E820_RAM, E820_ACPI, E820_NVS, E820_RESERVED, E820_UNUSABLE};

    (void)state;
    srandom(8);
    for (unsigned round = 0; round < 2000; round++) {
        u8 expect[64] = {0}, got[64] = {0};

        fresh();
        for (unsigned i = 0; i < 1 + round % 12; i++) {
            unsigned level = (unsigned)random() % 5, at = (unsigned)random() % 60,
                     n = (unsigned)random() % (64 - at);

            e820_add(&bi, at, n, order[level]);
            for (unsigned b = at; b < at + n; b++)
                expect[b] = MAX(expect[b], (u8)(level + 1));
        }
        e820_sanitize(&bi);
        for (unsigned i = 0; i < bi.e820_count; i++) {
            u8 level = 0;

            if (i && bi.e820[i - 1].addr + bi.e820[i - 1].size == bi.e820[i].addr)
                assert_true(bi.e820[i - 1].type != bi.e820[i].type);
            while (order[level] != bi.e820[i].type)
                level++;
            for (u64 b = bi.e820[i].addr; b < bi.e820[i].addr + bi.e820[i].size; b++) {
                assert_int_equal(got[b], 0);
                got[b] = (u8)(level + 1);
            }
        }
        assert_memory_equal(got, expect, sizeof(got));
    }
}

static void test_e820_full(void **state)
{
    (void)state;
    fresh();
    for (unsigned i = 0; i < E820_MAX; i++)
        assert_true(e820_add(&bi, i * 0x10000UL, 0x8000, i % 2 ? E820_RAM : E820_RESERVED));
    assert_false(e820_add(&bi, 0, 1UL << 40, E820_UNUSABLE));
    e820_sanitize(&bi);
    assert_int_equal(bi.e820_count, E820_MAX);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_multiboot2),
        cmocka_unit_test(test_multiboot2_long_texts),
        cmocka_unit_test(test_multiboot2_too_many),
        cmocka_unit_test(test_multiboot2_refused),
        cmocka_unit_test(test_multiboot2_hostile),
        cmocka_unit_test(test_pvh_kernel),
        cmocka_unit_test(test_pvh_archive),
        cmocka_unit_test(test_pvh_hostile),
        cmocka_unit_test(test_e820_order_and_overlap),
        cmocka_unit_test(test_e820_random),
        cmocka_unit_test(test_e820_full),
    };

    return cmocka_run_group_tests_name("handover", tests, NULL, NULL);
}
