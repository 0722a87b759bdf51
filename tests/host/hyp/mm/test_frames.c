/* SPDX-License-Identifier: MIT */
/* The frame allocator, the heap, claims, and the ways of frames to and from owners. */
#include "two_domains.h"
#include "mm/domain_pages.h"
#include <stdlib.h>
#include <string.h>

static void test_orders_and_limits(void **state)
{
    u64 before = free_page_count();

    (void)state;
    for (unsigned order = 0; order < 9; order++) {
        struct page_info *pg = alloc_domain_pages(&a.mm, order, 0, ALLOC_NO_ACCOUNT);
        assert_non_null(pg);
        assert_int_equal(mfn_x(page_to_mfn(pg)) & ((1UL << order) - 1), 0);
        free_unowned_pages(pg, order);
    }
    for (unsigned bits = 13; bits < 24; bits++) {
        struct page_info *pg = alloc_domain_pages(&a.mm, 0, bits, ALLOC_NO_ACCOUNT);
        if (pg) {
            assert_true(mfn_to_paddr(page_to_mfn(pg)) < 1UL << bits);
            free_unowned_pages(pg, 0);
        }
    }
    assert_null(alloc_domain_pages(&a.mm, 0, 12, ALLOC_NO_ACCOUNT));
    assert_null(alloc_domain_pages(&a.mm, MAX_ORDER + 1, 0, ALLOC_NO_ACCOUNT));
    assert_null(alloc_domain_pages(&a.mm, 12, 0, ALLOC_NO_ACCOUNT));
    assert_int_equal(free_page_count(), before);
}

/* Everything taken and given back in another order: the blocks are whole again. */
static void test_merging(void **state)
{
    static struct page_info *all[FAKE_FRAMES];
    unsigned n = 0;

    (void)state;
    struct page_info *big = alloc_domain_pages(&a.mm, 9, 0, ALLOC_NO_ACCOUNT);
    assert_non_null(big);
    free_unowned_pages(big, 9);
    while ((all[n] = alloc_domain_pages(&a.mm, 0, 0, ALLOC_NO_ACCOUNT | ALLOC_NO_SCRUB)))
        n++;
    assert_int_equal(free_page_count(), 0);
    srand(1);
    for (unsigned left = n; left;) {
        unsigned i = (unsigned)rand() % left;
        free_unowned_pages(all[i], 0);
        all[i] = all[--left];
    }
    assert_int_equal(free_page_count(), n);
    big = alloc_domain_pages(&a.mm, 9, 0, ALLOC_NO_ACCOUNT);
    assert_non_null(big);
    free_unowned_pages(big, 9);
}

static void test_claims(void **state)
{
    u64 f = free_page_count();

    (void)state;
    a.mm.max_pages = b.mm.max_pages = 100000;
    assert_int_equal(claim_pages(&a.mm, f + 1), -ENOMEM);
    assert_int_equal(claim_pages(&a.mm, f - 2), 0);
    assert_int_equal(claim_pages(&b.mm, 3), -ENOMEM);
    assert_non_null(alloc_domain_pages(&b.mm, 1, 0, 0));
    assert_null(alloc_domain_pages(&b.mm, 0, 0, 0));
    assert_null(hyp_alloc_page());
    assert_non_null(alloc_domain_pages(&a.mm, 2, 0, 0));
    assert_int_equal(a.mm.claimed, f - 6);
    assert_int_equal(claimed_page_count(), f - 6);
    assert_int_equal(claim_pages(&a.mm, 0), 0);
    assert_non_null(alloc_domain_pages(&b.mm, 0, 0, 0));
}

static void test_heap(void **state)
{
    static void *p[400];
    static size_t size[400];
    u64 before = free_page_count();

    (void)state;
    srand(2);
    for (unsigned round = 0; round < 20000; round++) {
        unsigned i = (unsigned)rand() % 400;
        if (p[i]) {
            for (size_t k = 0; k < size[i]; k++)
                assert_int_equal(((u8 *)p[i])[k], (u8)i);
            hyp_free(p[i]);
            p[i] = NULL;
            continue;
        }
        size[i] = (size_t)rand() % (rand() % 16 ? 300 : 20000);
        p[i] = hyp_zalloc(size[i]);
        if (!p[i])
            continue;
        assert_int_equal((u64)p[i] & 15, 0);
        for (size_t k = 0; k < size[i]; k++)
            assert_int_equal(((u8 *)p[i])[k], 0);
        memset(p[i], (int)i, size[i]);
    }
    for (unsigned i = 0; i < 400; i++) {
        hyp_free(p[i]);
        p[i] = NULL;
    }
    hyp_free(NULL);
    assert_int_equal(free_page_count(), before);
    assert_null(hyp_zalloc(FAKE_FRAMES * PAGE_SIZE));
    assert_sound();
}

/* A guest's update names a private frame and holds it for a moment while the hypervisor gives it up. */
static void test_private_frame_held(void **state)
{
    u64 before = free_page_count();
    void *block = hyp_zalloc(4 * PAGE_SIZE), *object = hyp_zalloc(3 * PAGE_SIZE);
    struct page_info *pg[] = {mfn_to_page(virt_to_mfn(block)) + 1, mfn_to_page(virt_to_mfn(object)) + 2};

    (void)state;
    assert_false(get_page(pg[0], &a.mm));
    for (unsigned i = 0; i < 2; i++)
        pg[i]->count_info++;
    hyp_free(block);
    hyp_free(object);
    assert_int_equal(free_page_count(), before - 2);
    for (unsigned i = 0; i < 2; i++)
        put_page(pg[i]);
    assert_int_equal(free_page_count(), before);
    assert_sound();
}

static void test_freeze(void **state)
{
    u64 have = a.mm.tot_pages;

    (void)state;
    build_tree(&a);
    assert_int_equal(pt_pin(&a.mm, a.frame[0], PGT_l4), 0);
    assert_int_equal(freeze_page(&a.mm, a.frame[0]), -EINVAL);  /* a table */
    assert_int_equal(freeze_page(&a.mm, a.frame[8]), -EINVAL);  /* mapped */
    assert_int_equal(freeze_page(&a.mm, b.frame[20]), -EINVAL); /* not its own */
    assert_int_equal(freeze_page(&a.mm, mfn_of(FAKE_HOLE)), -EINVAL);
    assert_int_equal(freeze_page(&a.mm, a.frame[20]), 0);
    assert_int_equal(freeze_page(&a.mm, a.frame[20]), -EINVAL);
    assert_int_equal(update(&a, entry(a.frame[3], 9), pte_make(a.frame[20], PTE_P)), -EBUSY);
    unfreeze_page(&a.mm, a.frame[20]);
    assert_sound();
    assert_int_equal(freeze_page(&a.mm, a.frame[20]), 0);
    free_frozen_page(a.frame[20]);
    assert_int_equal(a.mm.tot_pages, have - 1);
    struct page_info *pg = alloc_domain_pages(&a.mm, 0, 0, ALLOC_NO_ACCOUNT);
    assert_int_equal(assign_domain_pages(&a.mm, pg, 0), 0);
    assert_int_equal(a.mm.tot_pages, have);
    assert_sound();
}

static void test_dying_owner(void **state)
{
    (void)state;
    struct page_info *pg = alloc_domain_pages(&a.mm, 0, 0, ALLOC_NO_ACCOUNT);
    build_tree(&a);
    assert_int_equal(freeze_page(&a.mm, a.frame[20]), 0);
    a.mm.dying = true;
    assert_null(alloc_domain_pages(&a.mm, 0, 0, 0));
    assert_int_equal(assign_domain_pages(&a.mm, pg, 0), -EINVAL);
    free_unowned_pages(pg, 0);
    assert_int_equal(pt_pin(&a.mm, a.frame[0], PGT_l4), -EINVAL);
    while (mm_relinquish(&a.mm) == -ERESTART)
        ;
    unfreeze_page(&a.mm, a.frame[20]); /* too late to come back: it is freed */
    assert_false(mm_owner_has_frames(&a.mm));
}

/* Another domain's mapping keeps a dead domain's frame, and its owner, until it goes. */
static void test_drained(void **state)
{
    (void)state;
    fake_drained = NULL;
    build_tree(&a);
    assert_int_equal(pt_pin(&a.mm, a.frame[0], PGT_l4), 0);
    assert_int_equal(
        pt_update_entry(&a.mm, &b.mm, entry(a.frame[3], 9), pte_make(b.frame[5], PTE_P | PTE_RW), false), 0);
    b.mm.dying = true;
    while (mm_relinquish(&b.mm) == -ERESTART)
        ;
    assert_true(mm_owner_has_frames(&b.mm));
    assert_int_equal(b.mm.tot_pages, 1);
    assert_null(fake_drained);
    assert_sound();
    assert_int_equal(update(&a, entry(a.frame[3], 9), 0), 0);
    assert_ptr_equal(fake_drained, &b.mm);
}

static void test_flush_clock(void **state)
{
    cpumask_t all = {{(1UL << FAKE_CPUS) - 1}}, m = all;

    (void)state;
    u32 s = flush_stamp();
    flush_filter(&m, s);
    assert_int_equal(m.bits[0], all.bits[0]);
    fake_set_cpu(2);
    flush_local();
    m = all;
    flush_filter(&m, s);
    assert_int_equal(m.bits[0], all.bits[0] & ~4UL);
    /* The clock stands still when nobody asks for stamps. */
    u32 before = flush_stamp();
    flush_local();
    u32 after = flush_stamp();
    assert_int_equal(after, before + 1);
    fake_set_cpu(0);
    for (unsigned i = 0; i < 10; i++)
        flush_local();
    assert_true(flush_stamp() - after <= 1);
    flush_stale(&all, flush_stamp());
    m = all;
    flush_filter(&m, s);
    assert_int_equal(m.bits[0], 0);
    fake_set_cpu(0);
}

/* Blocks that lay free for half of the clock's round: what they are merged into asks for the later flush. */
static void test_merged_stamps(void **state)
{
    u32 now = flush_stamp(), old = now - 0x90000000u, young = now - 1;

    (void)state;
    assert_int_equal(flush_later(old, young), young);
    assert_int_equal(flush_later(now, young), now);
    for (unsigned first = 0; first < 4; first++) {
        struct page_info *pg = alloc_domain_pages(&a.mm, 9, 0, ALLOC_NO_ACCOUNT);

        assert_non_null(pg);
        pg[256 * (first / 2)].tlb_stamp = old;
        pg[256 * !(first / 2)].tlb_stamp = young;
        frames_free(&pg[256 * (first % 2)], 8, true);
        frames_free(&pg[256 * !(first % 2)], 8, true);
        while (pg->type_info == PGT_none) /* merged further */
            pg -= 1UL << __builtin_ctzl(mfn_x(page_to_mfn(pg)));
        assert_int_equal(pg->tlb_stamp, young);
    }
}

static struct page_info *stamped;
u32 __real_flush_stamp(void);
u32 __wrap_flush_stamp(void);

/* A use that came and went now would leave translations that the stamp knows nothing of. */
u32 __wrap_flush_stamp(void)
{
    if (stamped)
        assert_int_equal(stamped->type_info & (PGT_validated | PGT_count_mask), 1);
    return __real_flush_stamp();
}

static void test_last_use_and_stamp(void **state)
{
    static const u64 types[] = {PGT_writable, PGT_seg_desc};
    struct page_info *pg = mfn_to_page(a.frame[20]);

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(get_page_and_type(pg, &a.mm, types[i]), 0);
        assert_int_equal(get_page_and_type(pg, &a.mm, types[i]), 0);
        stamped = pg;
        put_page_and_type(pg);
        put_page_and_type(pg);
        stamped = NULL;
        assert_int_equal(pg->type_info, types[i]);
    }
    assert_sound();
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, two_domains_setup, two_domains_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_orders_and_limits),
        CASE(test_merging),
        CASE(test_claims),
        CASE(test_heap),
        CASE(test_private_frame_held),
        CASE(test_freeze),
        CASE(test_dying_owner),
        CASE(test_flush_clock),
        CASE(test_merged_stamps),
        CASE(test_last_use_and_stamp),
        CASE(test_drained),
    };
    return cmocka_run_group_tests_name("frames", tests, NULL, NULL);
}
