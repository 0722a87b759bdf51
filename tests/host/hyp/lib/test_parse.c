/* SPDX-License-Identifier: MIT */
/* Claim: numbers and sizes are read as the headers promise, too large ones become the largest, and nothing
 * behind the text is touched. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "lib/string.h"
#include "lib/types.h"

struct number_case {
    const char *text;
    u64 value;
    size_t used;
};

static void check(u64 (*parse)(const char *, const char **), const struct number_case *c)
{
    char *copy = strdup(c->text);
    const char *end;
    u64 v = parse(copy, &end);

    assert_true(v == c->value);
    assert_int_equal(end - copy, c->used);
    assert_true(parse(copy, NULL) == v);
    free(copy);
}

static void test_numbers(void **state)
{
    static const struct number_case cases[] = {
        {"", 0, 0},
        {"x", 0, 0},
        {"0", 0, 1},
        {"42 ", 42, 2},
        {"0x10", 16, 4},
        {"0X1fG", 31, 4},
        {"0x", 0, 1},
        {"0xg", 0, 1},
        {"010", 8, 3},
        {"08", 0, 1},
        {"-1", 0, 0},
        {"18446744073709551615", ~0UL, 20},
        {"18446744073709551616", ~0UL, 20},
        {"99999999999999999999999", ~0UL, 23},
        {"0xffffffffffffffffff", ~0UL, 20},
        {"12a", 12, 2},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        check(parse_u64, &cases[i]);
}

static void test_sizes(void **state)
{
    static const struct number_case cases[] = {
        {"", 0, 0},
        {"k", 0, 0},
        {"M", 0, 0},
        {"512M", 512UL << 20, 4},
        {"1g,", 1UL << 30, 2},
        {"2T", 2UL << 40, 2},
        {"0x10k", 16384, 5},
        {"7", 7, 1},
        {"7b", 7, 1},
        {"20000000T", ~0UL, 9},
        {"18446744073709551615k", ~0UL, 21},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        check(parse_size, &cases[i]);
}

static void test_strlcpy(void **state)
{
    char *buf = malloc(4);

    (void)state;
    assert_int_equal(hyp_strlcpy(buf, "abc", 4), 3);
    assert_string_equal(buf, "abc");
    assert_int_equal(hyp_strlcpy(buf, "abcdef", 4), 6);
    assert_string_equal(buf, "abc");
    assert_int_equal(hyp_strlcpy(buf, "", 1), 0);
    assert_string_equal(buf, "");
    assert_int_equal(hyp_strlcpy(NULL, "abc", 0), 3);
    free(buf);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_strlcpy),
    };

    return cmocka_run_group_tests_name("parse", tests, NULL, NULL);
}
