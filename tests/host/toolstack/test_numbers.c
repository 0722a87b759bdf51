/* SPDX-License-Identifier: MIT */
/* What operators type for numbers and sets of CPUs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dom0/toolstack/cpuset.h"
#include "dom0/toolstack/number.h"

static void test_numbers(void **state)
{
    static const char *const bad[] = {"",    "-1", "+1", " 1",  "1 ",
                                      "0x1", "1x", "0",  "101", "18446744073709551617"};
    uint32_t value = 0;

    (void)state;
    assert_true(number_parse("1", 1, 100, &value));
    assert_int_equal(value, 1);
    assert_true(number_parse("100", 1, 100, &value));
    assert_int_equal(value, 100);
    assert_true(number_parse("4294967295", 0, UINT32_MAX, &value));
    assert_int_equal(value, UINT32_MAX);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(number_parse(bad[i], 1, 100, &value));
}

static void test_cpusets(void **state)
{
    static const struct {
        const char *text;
        uint64_t word;
    } good[] = {{"0", 1},           {"0-3", 15},       {"0-3,^1", 13}, {"1 5", 0x22},
                {"63", 1ULL << 63}, {"all,^0", ~1ULL}, {"2,2,2", 4},   {"7-7", 0x80}};
    static const char *const bad[] = {"",   "x",  "-1",   "3-1",  "4096", "0-4096",
                                      "1-", "^0", "0,^0", "1,,x", "all1"};
    uint64_t map[CPUSET_WORDS];

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(cpuset_parse(good[i].text, map));
        assert_int_equal(map[0], good[i].word);
    }
    assert_true(cpuset_parse("4095", map));
    assert_int_equal(map[CPUSET_WORDS - 1], 1ULL << 63);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(cpuset_parse(bad[i], map));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_numbers), cmocka_unit_test(test_cpusets)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
