/* SPDX-License-Identifier: MIT */
/*
 * The memory layout and first page tables of a guest, checked by walking the tables as the processor would:
 * each page of the mapping leads to the frame that it should, page tables are nowhere writable, and nothing
 * else is mapped.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "dom0/toolstack/build_layout.h"

#define PTE_P  1ULL
#define PTE_RW 2ULL
#define MIB    (1ULL << 20)

/* Frames of the pretended machine: not in order, so that a pfn is never right by chance. */
static uint64_t mfn_for(uint64_t pfn)
{
    return 0x1000 + (pfn ^ 0x55);
}

struct guest {
    struct build_layout layout;
    uint64_t *mfn_of;
    uint64_t *main, *p2m;
    uint64_t nr_pages;
};

static struct kernel_image linux_like(void)
{
    struct kernel_image image = {
        .start = 16 * MIB,
        .end = 76 * MIB - 123,
        .virt_base = 0xffffffff80000000,
        .has_p2m_base = true,
        .p2m_base = 0x8000000000,
        .mod_start_pfn = true,
    };

    return image;
}

/* A small kernel at virtual 0 without any wishes, as teaching kernels and boot loaders are. */
static struct kernel_image plain_kernel(void)
{
    struct kernel_image image = {.start = 1 * MIB, .end = 1 * MIB + 0x5000, .virt_base = 0};

    return image;
}

static void build(struct guest *g, const struct kernel_image *image, uint64_t nr_pages, uint64_t initrd)
{
    uint64_t need;

    g->nr_pages = nr_pages;
    assert_null(layout_compute(&g->layout, image, nr_pages, initrd, &need));
    g->mfn_of = calloc(nr_pages, sizeof(*g->mfn_of));
    g->main = malloc(g->layout.main.tables * 4096);
    g->p2m = malloc(g->layout.p2m.tables * 4096 + 1);
    assert_true(g->mfn_of && g->main && g->p2m);
    memset(g->main, 0xa5, g->layout.main.tables * 4096);
    memset(g->p2m, 0xa5, g->layout.p2m.tables * 4096);
    for (uint64_t pfn = 0; pfn < nr_pages; pfn++)
        g->mfn_of[pfn] = mfn_for(pfn);
    layout_fill_tables(&g->layout, g->mfn_of, g->main, g->p2m);
}

static void drop(struct guest *g)
{
    free(g->mfn_of);
    free(g->main);
    free(g->p2m);
}

/* The table in a machine frame: it must be one of the guest's tables. */
static uint64_t *table_at(const struct guest *g, uint64_t mfn)
{
    uint64_t pfn = (mfn - 0x1000) ^ 0x55;
    const struct build_layout *l = &g->layout;

    if (pfn >= l->main.tables_pfn && pfn < l->main.tables_pfn + l->main.tables)
        return g->main + (pfn - l->main.tables_pfn) * 512;
    assert_true(pfn >= l->p2m.tables_pfn && pfn < l->p2m.tables_pfn + l->p2m.tables);
    return g->p2m + (pfn - l->p2m.tables_pfn) * 512;
}

/* Leaf entry for va, 0 when nothing is mapped. */
static uint64_t walk(const struct guest *g, uint64_t va)
{
    uint64_t *table = g->main, entry = 0;

    for (int level = 4; level >= 1; level--) {
        entry = table[va >> (3 + 9 * level) & 511];
        if (!(entry & PTE_P))
            return 0;
        if (level > 1)
            table = table_at(g, entry >> 12 & 0xffffffffff);
    }
    return entry;
}

static bool is_table(const struct build_layout *l, uint64_t pfn)
{
    return (pfn >= l->main.tables_pfn && pfn < l->main.tables_pfn + l->main.tables) ||
           (pfn >= l->p2m.tables_pfn && pfn < l->p2m.tables_pfn + l->p2m.tables);
}

static void check_range(const struct guest *g, uint64_t va, uint64_t pfn, uint64_t pages)
{
    for (uint64_t i = 0; i < pages; i++) {
        uint64_t entry = walk(g, va + i * 4096);

        assert_int_equal(entry >> 12 & 0xffffffffff, mfn_for(pfn + i));
        assert_int_equal(!(entry & PTE_RW), is_table(&g->layout, pfn + i));
    }
}

/* Present entries in all tables: exactly those that the ranges call for. */
static void check_no_more(const struct guest *g)
{
    const struct build_layout *l = &g->layout;
    uint64_t present = 0;

    for (uint64_t i = 0; i < l->main.tables * 512; i++)
        present += g->main[i] & PTE_P;
    for (uint64_t i = 0; i < l->p2m.tables * 512; i++)
        present += g->p2m[i] & PTE_P;
    assert_int_equal(present, l->main.pages + l->p2m.pages + l->main.tables - 1 + l->p2m.tables);
}

/* No two things in one page, and everything inside the guest. */
static void check_apart(const struct guest *g)
{
    const struct build_layout *l = &g->layout;
    const uint64_t parts[][2] = {
        {l->kernel_pfn, l->kernel_pages},
        {l->initrd_pfn, l->initrd_pages},
        {l->p2m_pfn, l->p2m_pages},
        {l->start_info_pfn, 1},
        {l->store_pfn, 1},
        {l->console_pfn, 1},
        {l->stack_pfn, 1},
        {l->main.tables_pfn, l->main.tables},
        {l->p2m.tables_pfn, l->p2m.tables},
    };
    const size_t n = sizeof(parts) / sizeof(parts[0]);

    for (size_t i = 0; i < n; i++) {
        assert_true(parts[i][0] + parts[i][1] <= g->nr_pages);
        for (size_t j = 0; j < i; j++)
            assert_true(parts[i][1] == 0 || parts[j][1] == 0 || parts[i][0] + parts[i][1] <= parts[j][0] ||
                        parts[j][0] + parts[j][1] <= parts[i][0]);
    }
}

static void check_all(const struct guest *g)
{
    const struct build_layout *l = &g->layout;

    check_range(g, l->main.va, 0, l->main.pages);
    check_range(g, l->p2m_va, l->p2m_pfn, l->p2m_pages);
    check_no_more(g);
    check_apart(g);
    assert_int_equal(l->p2m_pages, (g->nr_pages * 8 + 4095) / 4096);
    /* What guests rely on behind the stack. */
    assert_int_equal(l->main.pages % 1024, 0);
    assert_true(l->main.pages - (l->stack_pfn + 1) >= 128);
}

static void test_linux(void **state)
{
    static const uint64_t sizes[] = {96 * 256, 128 * 256, 256 * 256 + 17, 1024 * 256, 4096 * 256};
    struct kernel_image image = linux_like();

    (void)state;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        struct guest g;

        build(&g, &image, sizes[i], 5 * MIB + 1);
        check_all(&g);
        assert_false(g.layout.initrd_mapped);
        assert_true(g.layout.initrd_pfn >= g.layout.main.pages);
        assert_int_equal(g.layout.initrd_pages, 5 * 256 + 1);
        assert_int_equal(g.layout.p2m_va, 0x8000000000);
        /* An L3, an L2 and an L1 for each 2 MiB of list. */
        assert_int_equal(g.layout.p2m.tables, 2 + (g.layout.p2m_pages + 511) / 512);
        assert_int_equal(g.layout.start_info_pfn, 76 * 256);
        drop(&g);
    }
}

static void test_plain(void **state)
{
    struct kernel_image image = plain_kernel();
    struct guest g;

    (void)state;
    build(&g, &image, 32 * 256, 3 * MIB);
    check_all(&g);
    assert_true(g.layout.initrd_mapped);
    assert_int_equal(g.layout.initrd_pfn, 256 + 5);
    assert_int_equal(g.layout.p2m.pages, 0);
    assert_int_equal(g.layout.p2m_va, g.layout.p2m_pfn * 4096);
    assert_int_equal(layout_va(&g.layout, 7), 7 * 4096);
    drop(&g);
}

static void test_no_initrd(void **state)
{
    struct kernel_image image = linux_like();
    struct guest g;

    (void)state;
    build(&g, &image, 128 * 256, 0);
    check_all(&g);
    assert_int_equal(g.layout.initrd_pages, 0);
    drop(&g);
}

/* The p2m list so near that it shares upper tables, or even the L1, with the main mapping. */
static void test_shared_tables(void **state)
{
    static const uint64_t distances[] = {0, 4096, 2 * MIB - 4096, 2 * MIB, 1024 * MIB, 512ULL * 1024 * MIB};
    struct kernel_image image = plain_kernel();
    uint64_t end;
    struct guest g;

    (void)state;
    image.has_p2m_base = true;
    image.p2m_base = 1ULL << 46;
    build(&g, &image, 64 * 256, 0);
    end = g.layout.main.pages * 4096;
    drop(&g);
    for (size_t i = 0; i < sizeof(distances) / sizeof(distances[0]); i++) {
        image.p2m_base = end + distances[i];
        build(&g, &image, 64 * 256, 0);
        check_all(&g);
        drop(&g);
    }
}

/* The mapping of a kernel in the last 2 GiB may end exactly at the end of the address space, but not beyond.
 */
static void test_top_of_address_space(void **state)
{
    struct kernel_image image = linux_like();
    struct build_layout layout;
    uint64_t need;
    struct guest g;

    (void)state;
    image.has_p2m_base = false;
    image.start = 1 * MIB;
    image.end = 2 * MIB;
    image.virt_base = 0 - 4 * MIB;
    build(&g, &image, 16 * 256, 0);
    check_all(&g);
    assert_int_equal(g.layout.main.pages, 1024);
    drop(&g);
    image.mod_start_pfn = false;
    assert_non_null(layout_compute(&layout, &image, 64 * 256, 4 * MIB, &need));
    assert_int_equal(need, 0);
}

static void test_refusals(void **state)
{
    struct kernel_image image = linux_like();
    struct build_layout layout;
    uint64_t need, need_again;

    (void)state;
    /* The figure that is reported is the least that does. */
    assert_non_null(layout_compute(&layout, &image, 1, 0, &need));
    assert_true(need > 76 * 256 && need < 90 * 256);
    assert_non_null(layout_compute(&layout, &image, need - 1, 0, &need_again));
    assert_null(layout_compute(&layout, &image, need, 0, &need_again));
    assert_non_null(layout_compute(&layout, &image, 128 * 256, 100 * MIB, &need));
    assert_true(need > 128 * 256);
    /* A list inside the kernel's own mapping. */
    image.p2m_base = image.virt_base + 4 * MIB;
    assert_non_null(layout_compute(&layout, &image, 128 * 256, 0, &need));
    assert_int_equal(need, 0);
    /* More memory than the list's room. */
    image = linux_like();
    assert_non_null(layout_compute(&layout, &image, (KERNEL_P2M_ROOM / 8) + 1, 0, &need));
    assert_int_equal(need, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_linux),
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_no_initrd),
        cmocka_unit_test(test_shared_tables),
        cmocka_unit_test(test_top_of_address_space),
        cmocka_unit_test(test_refusals),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
