/* SPDX-License-Identifier: MIT */
/* Claim: the tables of a PC are read as they are meant; damaged ones are refused or cost nothing, within
 * their bounds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "boot/acpi_tables.h"
#include "machine.h"

static const u8 madt[] = {
    'A', 'P', 'I',  'C',  0, 0, 0,    0,    1,    0, 'B', 'O', 'C', 'H', 'S', ' ', 0, 0,
    0,   0,   0,    0,    0, 0, 0,    0,    0,    0, 0,   0,   0,   0,   0,   0,   0, 0,
    0,   0,   0xe0, 0xfe, 1, 0, 0,    0,    0,    8, 0,   0,   1,   0,   0,   0, /* CPU, APIC id 0 */
    0,   8,   1,    4,    1, 0, 0,    0,                                         /* CPU, APIC id 4 */
    0,   8,   2,    5,    0, 0, 0,    0,                                         /* disabled */
    9,   16,  0,    0,    0, 1, 0,    0,    1,    0, 0,   0,   7,   0,   0,   0, /* x2APIC, id 0x100 */
    9,   16,  0,    0,    4, 0, 0,    0,    1,    0, 0,   0,   1,   0,   0,   0, /* the second one again */
    1,   12,  2,    0,    0, 0, 0xc0, 0xfe, 0,    0, 0,   0,                     /* IO-APIC */
    2,   10,  0,    0,    2, 0, 0,    0,    0,    0,                             /* ISA 0 is GSI 2 */
    2,   10,  0,    9,    9, 0, 0,    0,    0x0f, 0,                             /* ISA 9: level, low */
    4,   6,   0xff, 0,    0, 1,                                                  /* NMI line */
};

static struct acpi_info info;

static void fresh(void)
{
    machine_reset();
    memset(&info, 0, sizeof(info));
    acpi_info_defaults(&info);
}

static void test_madt(void **state)
{
    (void)state;
    fresh();
    assert_true(acpi_read_madt(&info, madt, sizeof(madt)));
    assert_int_equal(info.cpu_count, 3);
    assert_int_equal(info.cpus[1].apic_id, 4);
    assert_int_equal(info.cpus[1].acpi_id, 1);
    assert_int_equal(info.cpus[2].apic_id, 0x100);
    assert_int_equal(info.ioapic_count, 1);
    assert_int_equal(info.ioapics[0].paddr, 0xfec00000);
    assert_int_equal(info.isa_gsi[0], 2);
    assert_int_equal(info.isa_gsi[1], 1);
}

static void test_madt_hostile(void **state)
{
    (void)state;
    srandom(9);
    for (unsigned round = 0; round < 30000; round++) {
        size_t size = round % 2 ? sizeof(madt) : (size_t)random() % sizeof(madt);
        u8 *bad = malloc(size ? size : 1);

        fresh();
        memcpy(bad, madt, size);
        for (unsigned i = 0; size && i < round % 5; i++)
            bad[(size_t)random() % size] = (u8)random();
        (void)acpi_read_madt(&info, bad, (u32)size);
        assert_true(info.cpu_count <= NR_CPUS && info.ioapic_count <= ACPI_IOAPICS_MAX);
        free(bad);
    }
}

static void test_madt_too_many(void **state)
{
    u8 table[44 + 8 * 200] = {0};

    (void)state;
    fresh();
    for (unsigned i = 0; i < 200; i++) {
        u8 *e = table + 44 + 8 * i;

        e[1] = 8;
        e[3] = (u8)i;
        e[4] = 1;
    }
    assert_true(acpi_read_madt(&info, table, sizeof(table)));
    assert_int_equal(info.cpu_count, NR_CPUS);
    assert_int_equal(machine_messages, 200 - NR_CPUS);
}

static void test_fadt(void **state)
{
    u8 table[244] = {0};

    (void)state;
    fresh();
    table[46] = 9;
    table[64] = 0x04; /* PM1a control 0x604 */
    table[65] = 0x06;
    table[76] = 0x08; /* PM timer 0x608 */
    table[77] = 0x06;
    table[91] = 4;
    table[112 + 1] = 0x04; /* reset register supported */
    table[116] = ACPI_IO;
    table[120] = 0xf9;
    table[121] = 0x0c;
    table[128] = 0x0f;
    table[208] = ACPI_IO; /* the newer form of the timer wins */
    table[212] = 0x08;
    table[213] = 0xb0;
    assert_true(acpi_read_fadt(&info, table, sizeof(table)));
    assert_int_equal(info.pm1a_cnt, 0x604);
    assert_int_equal(info.pm1b_cnt, 0);
    assert_int_equal(info.pm_timer_port, 0xb008);
    assert_true(info.reset.present && info.reset.addr == 0xcf9 && info.reset.value == 0x0f);
    fresh();
    assert_true(acpi_read_fadt(&info, table, 116)); /* revision 1 */
    assert_int_equal(info.pm_timer_port, 0x608);
    assert_false(info.reset.present);
    assert_false(acpi_read_fadt(&info, table, 115));
}

static void test_hpet(void **state)
{
    u8 hpet[56] = {0};

    (void)state;
    fresh();
    hpet[46] = 0xd0;
    hpet[47] = 0xfe;
    assert_true(acpi_read_hpet(&info, hpet, sizeof(hpet)));
    assert_int_equal(info.hpet_paddr, 0xfed00000);
    assert_false(acpi_read_hpet(&info, hpet, 55));
}

static void test_checksum(void **state)
{
    static const u8 good[] = {0x10, 0xf0}, bad[] = {0x10, 0xf1};

    (void)state;
    assert_true(acpi_checksum_ok(good, 2));
    assert_false(acpi_checksum_ok(bad, 2));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_madt),          cmocka_unit_test(test_madt_hostile),
        cmocka_unit_test(test_madt_too_many), cmocka_unit_test(test_fadt),
        cmocka_unit_test(test_hpet),          cmocka_unit_test(test_checksum),
    };

    return cmocka_run_group_tests_name("acpi", tests, NULL, NULL);
}
