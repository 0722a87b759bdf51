/* SPDX-License-Identifier: MIT */
/* Claim: the searches agree with a loop over single bits for every start and size, and read no word behind
 * the map. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "lib/bitops.h"

static unsigned long slow_find(const u64 *map, unsigned long size, unsigned long start, bool wanted)
{
    for (; start < size; start++)
        if (test_bit(map, start) == wanted)
            return start;
    return size;
}

static void test_find(void **state)
{
    (void)state;
    srandom(1);
    for (unsigned round = 0; round < 200; round++) {
        unsigned long size = (unsigned long)random() % 300 + 1;
        u64 *map = calloc(BITS_TO_WORDS(size), sizeof(*map));

        for (unsigned i = 0; i < size / (1 + round % 7); i++)
            set_bit(map, (unsigned long)random() % size);
        if (round % 3 == 0)
            for (unsigned long w = 0; w < BITS_TO_WORDS(size); w++)
                map[w] = ~map[w];
        for (unsigned long start = 0; start <= size + 1; start++) {
            assert_int_equal(find_next_bit(map, size, start),
                             start > size ? size : slow_find(map, size, start, true));
            assert_int_equal(find_next_zero_bit(map, size, start),
                             start > size ? size : slow_find(map, size, start, false));
        }
        free(map);
    }
}

static void test_atomic(void **state)
{
    u64 map[2] = {0};

    (void)state;
    assert_false(atomic_test_and_set_bit(map, 64));
    assert_true(atomic_test_and_set_bit(map, 64));
    assert_true(map[1] == 1 && map[0] == 0);
    assert_true(atomic_test_and_clear_bit(map, 64));
    assert_false(atomic_test_and_clear_bit(map, 64));
}

static void test_cpumask(void **state)
{
    cpumask_t m = {{0}};
    unsigned cpu, n = 0;

    (void)state;
    assert_true(cpumask_empty(&m));
    cpumask_set(&m, 0);
    cpumask_set(&m, NR_CPUS - 1);
    for_each_cpu (cpu, &m) {
        assert_true(cpu == 0 || cpu == NR_CPUS - 1);
        n++;
    }
    assert_int_equal(n, 2);
    cpumask_clear(&m, 0);
    assert_false(cpumask_test(&m, 0));
    assert_false(cpumask_empty(&m));
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_atomic),
        cmocka_unit_test(test_cpumask),
    };

    return cmocka_run_group_tests_name("bitops", tests, NULL, NULL);
}
