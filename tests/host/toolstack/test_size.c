/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dom0/toolstack/size.h"

static void test_sizes(void **state)
{
    static const struct {
        const char *text;
        uint64_t kib;
    } good[] = {
        {"1", 1024},
        {"512m", 512 * 1024},
        {"512M", 512 * 1024},
        {"2g", 2 << 20},
        {"1t", 1ULL << 30},
        {"1024b", 1},
        {"4k", 4},
        {"1024t", 1ULL << 40},
        {"2047b", 1},
        {"1099511627776k", 1ULL << 40},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        uint64_t kib = 0;

        assert_true(size_parse(good[i].text, &kib));
        assert_int_equal(kib, good[i].kib);
    }
}

static void test_no_sizes(void **state)
{
    static const char *const bad[] = {"",      "-1",   "+1",   " 1",       "m",
                                      "1mb",   "0",    "512b", "1x",       "18446744073709551616",
                                      "1025t", "0x10", "1.5g", "16777216t"};

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        uint64_t kib;

        assert_false(size_parse(bad[i], &kib));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_sizes), cmocka_unit_test(test_no_sizes)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
