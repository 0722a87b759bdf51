/* SPDX-License-Identifier: MIT */
/*
 * Claim: for every conversion that the hypervisor's vsnprintf() has, it writes what the C library's writes,
 * returns the same length, and never writes behind the buffer.
 */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

int hyp_snprintf(char *buf, size_t size, const char *fmt, ...);

#define COMPARE(fmt, ...)                                        \
    do {                                                         \
        char a[256], b[256];                                     \
        int na = hyp_snprintf(a, sizeof(a), fmt, ##__VA_ARGS__); \
        int nb = snprintf(b, sizeof(b), fmt, ##__VA_ARGS__);     \
        assert_string_equal(a, b);                               \
        assert_int_equal(na, nb);                                \
    } while (0)

static void test_plain(void **state)
{
    (void)state;
    COMPARE("nothing to convert");
    COMPARE("100%%");
    COMPARE("%s|%10s|%.2s|%10.3s|", "abc", "abc", "abc", "abcdef");
    COMPARE("%c|%3c|", 'x', 'y');
    COMPARE("%p", (void *)0x1234abcd);
    COMPARE("%.*d|%.*s", 5, 42, 1, "ab");
    COMPARE("%.*s|", -1, "all of it");
    COMPARE("%.0d|%.0u|%#x", 0, 0u, 0u);
}

static void test_null_string(void **state)
{
    char buf[32];

    (void)state;
    assert_int_equal(hyp_snprintf(buf, sizeof(buf), "%s", (const char *)NULL), 6);
    assert_string_equal(buf, "(null)");
}

static void test_string_without_end(void **state)
{
    char *four = malloc(4), buf[16];

    (void)state;
    memcpy(four, "abcd", 4); /* the sanitizer sees a read behind it */
    hyp_snprintf(buf, sizeof(buf), "%.4s", four);
    assert_string_equal(buf, "abcd");
    free(four);
}

/* Every combination of flags, width, precision, length and conversion, with the values at the edges. */
static void test_integers(void **state)
{
    static const char *const flags[] = {"", "0", "#", "0#", "#0"};
    static const char *const widths[] = {"", "1", "12", "25"};
    static const char *const precisions[] = {"", ".", ".1", ".14"};
    static const char *const lengths[] = {"", "l", "z"};
    static const int64_t values[] = {0,    1,     -1,      9,       10,        255,
                                     -128, 65535, INT_MAX, INT_MIN, INT64_MAX, INT64_MIN};
    unsigned n = 0;

    (void)state;
    for (size_t f = 0; f < sizeof(flags) / sizeof(*flags); f++)
        for (size_t w = 0; w < sizeof(widths) / sizeof(*widths); w++)
            for (size_t p = 0; p < sizeof(precisions) / sizeof(*precisions); p++)
                for (size_t l = 0; l < sizeof(lengths) / sizeof(*lengths); l++)
                    for (const char *c = "dux"; *c; c++)
                        for (size_t v = 0; v < sizeof(values) / sizeof(*values); v++) {
                            char fmt[32];

                            snprintf(fmt, sizeof(fmt), "%%%s%s%s%s%c", flags[f], widths[w], precisions[p],
                                     lengths[l], *c);
                            COMPARE(fmt, values[v]);
                            n++;
                        }
    assert_true(n > 2000);
}

static void test_small_buffers(void **state)
{
    (void)state;
    for (size_t size = 0; size < 20; size++) {
        char *buf = malloc(size + 1);

        buf[size] = 'X';
        assert_int_equal(hyp_snprintf(size ? buf : NULL, size, "%s-%05d", "12345", 42), 11);
        assert_int_equal(buf[size], 'X');
        if (size)
            assert_int_equal(strlen(buf), size - 1 < 11 ? size - 1 : 11);
        free(buf);
    }
}

static void test_unfinished_formats(void **state)
{
    static const char *const formats[] = {"%", "%l", "%08", "%.", "%#", "a%z"};
    char buf[16];

    (void)state;
    for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++) {
        char *fmt = strdup(formats[i]);

        hyp_snprintf(buf, sizeof(buf), fmt, 1);
        free(fmt);
    }
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_null_string),
        cmocka_unit_test(test_string_without_end),
        cmocka_unit_test(test_integers),
        cmocka_unit_test(test_small_buffers),
        cmocka_unit_test(test_unfinished_formats),
    };

    return cmocka_run_group_tests_name("printf", tests, NULL, NULL);
}
