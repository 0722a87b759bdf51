/* SPDX-License-Identifier: MIT */
/* The heap on pages of this machine: what is given out overlaps nothing, and all of it comes back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include "guest/guest.h"
#include "guest/heap.h"
#include "guest/mm.h"
#include "guest/spinlock.h"
#include <cmocka.h>

#define OBJECTS 400u

static long pages_out;
static long pages_left;
static jmp_buf panicked;

void *page_alloc(unsigned order)
{
    void *p;

    if (pages_left < 1l << order)
        return NULL;
    p = aligned_alloc(PAGE_SIZE << order, PAGE_SIZE << order);
    if (!p)
        return NULL;
    pages_out += 1l << order;
    pages_left -= 1l << order;
    return memset(p, 0, PAGE_SIZE << order);
}

void page_free(void *va, unsigned order)
{
    pages_out -= 1l << order;
    pages_left += 1l << order;
    free(va);
}

void panic(const char *fmt, ...)
{
    (void)fmt;
    longjmp(panicked, 1);
}

/* Of one thread no lock is ever waited for. */
void spin_wait(void)
{
    abort();
}

static int setup(void **state)
{
    (void)state;
    pages_left = 100000;
    return 0;
}

static bool is_filled(const unsigned char *p, size_t n, unsigned char with)
{
    for (size_t i = 0; i < n; i++)
        if (p[i] != with)
            return false;
    return true;
}

static void objects_are_apart(void **state)
{
    unsigned char *p[OBJECTS] = {0};
    size_t size[OBJECTS] = {0};
    long before;

    (void)state;
    /* The page that each class keeps. */
    for (size_t n = 1; n < 2000; n++)
        heap_free(heap_alloc(n));
    before = pages_out;
    srand(1);
    for (unsigned i = 0; i < 40000; i++) {
        unsigned k = (unsigned)rand() % OBJECTS;

        if (p[k]) {
            assert_true(is_filled(p[k], size[k], (unsigned char)k));
            heap_free(p[k]);
        }
        size[k] = (size_t)rand() % (rand() % 8 ? 300 : 9000);
        p[k] = heap_alloc(size[k]);
        assert_non_null(p[k]);
        assert_int_equal((uintptr_t)p[k] % 16, 0);
        assert_true(is_filled(p[k], size[k], 0));
        memset(p[k], (int)k, size[k]);
    }
    for (unsigned k = 0; k < OBJECTS; k++)
        heap_free(p[k]);
    assert_int_equal(pages_out, before);
}

static void out_of_memory(void **state)
{
    void *p[64];
    unsigned n = 0;

    (void)state;
    pages_left = 3;
    assert_null(heap_alloc(5 * PAGE_SIZE));
    assert_null(heap_alloc(PTRDIFF_MAX));
    assert_null(heap_alloc(1ul << 40));
    while (n < 64 && (p[n] = heap_alloc(1900)))
        n++;
    assert_in_range(n, 6, 8);
    while (n)
        heap_free(p[--n]);
    assert_non_null(p[0] = heap_alloc(1900));
    heap_free(p[0]);
}

static bool panics(void *p)
{
    if (setjmp(panicked))
        return true;
    heap_free(p);
    return false;
}

static void bad_frees_are_noticed(void **state)
{
    char *small = heap_alloc(100), *large = heap_alloc(5000), *page = page_alloc(0);

    (void)state;
    assert_false(panics(NULL));
    assert_true(panics(small + 16));
    assert_true(panics(large + 16));
    assert_true(panics(page + 64));
    page_free(page, 0);
    assert_false(panics(large));
}

/* Behind the panic the heap's lock is as it was: the domain would be gone. So this is the last test. */
static void double_free_is_noticed(void **state)
{
    char *keep = heap_alloc(40), *p = heap_alloc(40);

    (void)state;
    assert_non_null(keep);
    assert_false(panics(p));
    assert_true(panics(p));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(objects_are_apart, setup),
        cmocka_unit_test_setup(out_of_memory, setup),
        cmocka_unit_test_setup(bad_frees_are_noticed, setup),
        cmocka_unit_test_setup(double_free_is_noticed, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
