/* SPDX-License-Identifier: MIT */
/* Thousands of random operations of two domains; the auditor and the TLBs of four CPUs have the last word. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "fake.h"
#include "mm_ops.h"

#define RUNS  4000
#define BYTES 6000

static u64 rng_state;

static u8 random_byte(void)
{
    rng_state ^= rng_state << 13;
    rng_state ^= rng_state >> 7;
    rng_state ^= rng_state << 17;
    return (u8)(rng_state >> 24);
}

static void test_random_sequences(void **state)
{
    static u8 bytes[BYTES];
    const char *seed = getenv("SEED");
    unsigned long first = seed ? strtoul(seed, NULL, 0) : 1, runs = seed ? 1 : RUNS;

    (void)state;
    fake_verbose = true;
    for (unsigned long run = first; run < first + runs; run++) {
        rng_state = run * 0x9e3779b97f4a7c15UL | 1;
        for (unsigned i = 0; i < 16; i++)
            random_byte();
        for (unsigned i = 0; i < BYTES; i++)
            bytes[i] = random_byte();
        unsigned violations = mm_ops_run(bytes, BYTES, seed ? 1 : 16);
        if (violations)
            fail_msg("seed %lu: %u violations", run, violations);
    }
}

/* The test would prove nothing if nearly all operations were refused. */
static void test_operations_succeed(void **state)
{
    (void)state;
    for (unsigned op = 0; op < 16; op++) {
        if (getenv("VERBOSE"))
            printf("operation %u: %lu\n", op, mm_ops_done[op]);
        assert_true(mm_ops_done[op] > 100);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_sequences),
        cmocka_unit_test(test_operations_succeed),
    };
    return cmocka_run_group_tests_name("page types, random", tests, NULL, NULL);
}
