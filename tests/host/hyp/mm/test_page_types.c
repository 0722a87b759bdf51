/* SPDX-License-Identifier: MIT */
/* The cases of docs/page-types.md, and what hostile guests try. */
#include "two_domains.h"
#include <string.h>

static void test_pin_counts(void **state)
{
    (void)state;
    build_tree(&a);
    assert_int_equal(pt_pin(&a.mm, a.frame[0], PGT_l4), 0);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(type_of(a.frame[i]), PGT_LEVEL(4 - i));
        assert_int_equal(uses_of(a.frame[i]), 1);
        assert_int_equal(refs_of(a.frame[i]), 2); /* the domain's own and one from above */
    }
    assert_int_equal(type_of(a.frame[8]), PGT_writable);
    assert_int_equal(refs_of(a.frame[8]), 2);
    assert_sound();
    assert_int_equal(pt_pin(&a.mm, a.frame[0], PGT_l4), -EINVAL);
    assert_int_equal(pt_unpin(&a.mm, a.frame[0]), 0);
    assert_int_equal(pt_unpin(&a.mm, a.frame[0]), -EINVAL);
    for (unsigned i = 0; i < 12; i++)
        assert_int_equal(uses_of(a.frame[i]), 0);
    assert_sound();
}

static void test_entries_as_stored(void **state)
{
    u64 *l1 = table(a.frame[3]);

    (void)state;
    l1[0] = pte_make(a.frame[8], PTE_P | PTE_RW);
    l1[1] = pte_make(a.frame[9], PTE_P | PTE_US | PTE_G | PTE_NX | PTE_AVAIL);
    l1[2] = 0xdeadbeefcafe0 << 1; /* not present: a swap entry */
    assert_int_equal(pt_pin(&a.mm, a.frame[3], PGT_l1), 0);
    assert_int_equal(l1[0], pte_make(a.frame[8], PTE_P | PTE_RW | PTE_US | PTE_GUEST_KERNEL));
    assert_int_equal(l1[1], pte_make(a.frame[9], PTE_P | PTE_US | PTE_NX | PTE_AVAIL));
    assert_int_equal(l1[2], 0xdeadbeefcafe0 << 1);
    assert_sound();
}

/* A table that maps itself or another table writable is none. */
static void test_no_writable_table(void **state)
{
    (void)state;
    table(a.frame[3])[5] = pte_make(a.frame[3], PTE_P | PTE_RW);
    assert_int_not_equal(pt_pin(&a.mm, a.frame[3], PGT_l1), 0);
    assert_int_equal(uses_of(a.frame[3]), 0);
    build_tree(&a);
    table(a.frame[3])[5] = pte_make(a.frame[2], PTE_P | PTE_RW);
    assert_int_not_equal(pt_pin(&a.mm, a.frame[0], PGT_l4), 0);
    assert_sound();
    table(a.frame[3])[5] = pte_make(a.frame[2], PTE_P); /* to read is fine */
    assert_int_equal(pt_pin(&a.mm, a.frame[0], PGT_l4), 0);
    assert_int_equal(update(&a, entry(a.frame[3], 5), pte_make(a.frame[2], PTE_P | PTE_RW)), -EBUSY);
    assert_int_equal(update(&a, entry(a.frame[3], 6), pte_make(a.frame[3], PTE_P | PTE_RW)), -EBUSY);
    assert_sound();
}

static void test_linear_tables(void **state)
{
    static const unsigned levels[] = {4, 3, 2};

    (void)state;
    for (unsigned i = 0; i < 3; i++) {
        u64 type = PGT_LEVEL(levels[i]);
        memset(table(a.frame[20]), 0, PAGE_SIZE);
        table(a.frame[20])[3] = pte_make(a.frame[20], PTE_P);
        assert_int_equal(pt_pin(&a.mm, a.frame[20], type), -EINVAL);
        table(a.frame[20])[3] = 0;
        assert_int_equal(pt_pin(&a.mm, a.frame[20], type), 0);
        assert_int_equal(update(&a, entry(a.frame[20], 3), pte_make(a.frame[20], PTE_P)), -EINVAL);
        assert_int_equal(pt_unpin(&a.mm, a.frame[20]), 0);
    }
    assert_sound();
}

static void test_wrong_level(void **state)
{
    (void)state;
    build_tree(&a);
    assert_int_equal(pt_pin(&a.mm, a.frame[2], PGT_l2), 0);
    assert_int_equal(pt_pin(&a.mm, a.frame[2], PGT_l3), -EINVAL);
    assert_int_equal(pt_pin(&a.mm, a.frame[3], PGT_l2), -EINVAL);
    table(a.frame[1])[1] = pte_make(a.frame[3], PTE_P); /* an L1 in an L3 */
    assert_int_equal(pt_pin(&a.mm, a.frame[1], PGT_l3), -EINVAL);
    table(a.frame[1])[1] = 0;
    assert_int_equal(pt_pin(&a.mm, a.frame[1], PGT_l3), 0);
    assert_sound();
}

static void test_foreign_frames(void **state)
{
    u64 val = pte_make(b.frame[5], PTE_P | PTE_RW);

    (void)state;
    build_tree(&a);
    assert_int_equal(pt_pin(&a.mm, a.frame[0], PGT_l4), 0);
    assert_int_equal(update(&a, entry(a.frame[3], 9), val), -EBUSY);
    assert_int_equal(pt_update_entry(&a.mm, &b.mm, entry(a.frame[3], 9), val, false), 0);
    assert_int_equal(type_of(b.frame[5]), PGT_writable);
    assert_int_equal(refs_of(b.frame[5]), 2);
    /* As long as a can write to it, b cannot make it a table. */
    assert_int_equal(pt_pin(&b.mm, b.frame[5], PGT_l1), -EINVAL);
    /* Another domain's frame is no table of ours, and its tables are not ours to change. */
    assert_int_equal(update(&a, entry(a.frame[2], 1), pte_make(b.frame[6], PTE_P)), -EINVAL);
    assert_int_equal(update(&a, entry(b.frame[6], 0), 0), -EINVAL);
    assert_sound();
    assert_int_equal(update(&a, entry(a.frame[3], 9), 0), 0);
    assert_int_equal(pt_pin(&b.mm, b.frame[5], PGT_l1), 0);
    assert_sound();
}

/* A frame that only a foreigner ever wrote to: the foreigner's CPU has to be flushed too. */
static void test_foreign_stale(void **state)
{
    (void)state;
    build_tree(&a);
    assert_int_equal(pt_get_root(&a.mm, a.frame[0]), 0);
    hold(a.frame[0], PGT_l4);
    assert_int_equal(
        pt_update_entry(&a.mm, &b.mm, entry(a.frame[3], 9), pte_make(b.frame[5], PTE_P | PTE_RW), false), 0);
    fake_tlb_walk(0, a.frame[0], 9UL << 12);
    assert_true(fake_tlb_knows(b.frame[5]));
    assert_int_equal(update(&a, entry(a.frame[3], 9), 0), 0);
    assert_true(fake_tlb_knows(b.frame[5])); /* nobody flushed yet, and nobody has to */
    assert_sound();
    fake_set_cpu(1);
    assert_int_equal(pt_pin(&b.mm, b.frame[5], PGT_l1), 0);
    assert_false(fake_tlb_knows(b.frame[5]));
    assert_sound();
    fake_set_cpu(0);
    drop(a.frame[0], PGT_l4);
    pt_put_root(a.frame[0]);
}

/* Writable, then table, then writable: each change flushes only those that have not flushed since. */
static void test_stale_writable(void **state)
{
    (void)state;
    build_tree(&a);
    assert_int_equal(pt_get_root(&a.mm, a.frame[0]), 0);
    hold(a.frame[0], PGT_l4);
    cpumask_set(&a.mm.dirty_cpus, 2);
    fake_tlb_walk(2, a.frame[0], 0);
    assert_int_equal(update(&a, entry(a.frame[3], 0), pte_make(a.frame[8], PTE_P)), 0);
    assert_int_equal(uses_of(a.frame[8]), 0);
    unsigned before = fake_flushes;
    assert_int_equal(pt_pin(&a.mm, a.frame[8], PGT_l1), 0);
    assert_int_equal(fake_flushes, before + 2); /* CPU 0 and 2 */
    assert_false(fake_tlb_knows(a.frame[8]));
    assert_sound();

    /* Both have flushed since frame 9 lost its last writable mapping: no further flush. */
    assert_int_equal(update(&a, entry(a.frame[3], 1), 0), 0);
    fake_set_cpu(2);
    flush_local();
    fake_set_cpu(0);
    flush_local();
    before = fake_flushes;
    assert_int_equal(pt_pin(&a.mm, a.frame[9], PGT_l2), 0);
    assert_int_equal(fake_flushes, before);
    drop(a.frame[0], PGT_l4);
    pt_put_root(a.frame[0]);
}

/* A table that is taken out of its tree may still be walked through a paging-structure cache: it must not
 * become writable before the flush. */
static void test_stale_table(void **state)
{
    (void)state;
    build_tree(&a);
    assert_int_equal(pt_get_root(&a.mm, a.frame[0]), 0);
    hold(a.frame[0], PGT_l4);
    cpumask_set(&a.mm.dirty_cpus, 2);
    fake_tlb_walk(2, a.frame[0], 0);
    assert_int_equal(update(&a, entry(a.frame[2], 0), 0), 0);
    assert_int_equal(uses_of(a.frame[3]), 0);
    assert_true(fake_tlb_knows(a.frame[3]));
    table(a.frame[21])[0] = pte_make(a.frame[3], PTE_P | PTE_RW);
    assert_int_equal(pt_pin(&a.mm, a.frame[21], PGT_l1), 0);
    assert_false(fake_tlb_knows(a.frame[3]));
    assert_sound();
    drop(a.frame[0], PGT_l4);
    pt_put_root(a.frame[0]);
}

static void test_freed_frame_is_flushed(void **state)
{
    struct page_info *pg = mfn_to_page(a.frame[8]);

    (void)state;
    build_tree(&a);
    assert_int_equal(pt_get_root(&a.mm, a.frame[0]), 0);
    hold(a.frame[0], PGT_l4);
    fake_tlb_walk(0, a.frame[0], 0);
    assert_true(release_domain_page(pg));
    assert_false(release_domain_page(pg));
    assert_ptr_equal(page_owner(pg), &a.mm); /* still mapped */
    assert_int_equal(update(&a, entry(a.frame[3], 0), 0), 0);
    assert_null(page_owner(pg));
    assert_int_equal(m2p[mfn_x(a.frame[8])], INVALID_M2P);
    assert_true(fake_tlb_knows(a.frame[8]));
    fake_set_cpu(3);
    for (unsigned i = 0; i < 8; i++) {
        pg = alloc_domain_pages(&b.mm, 0, 0, 0);
        assert_non_null(pg);
        assert_false(fake_tlb_knows(page_to_mfn(pg)));
    }
    fake_set_cpu(0);
    assert_null(alloc_domain_pages(&b.mm, 0, 0, 0)); /* over max_pages */
    drop(a.frame[0], PGT_l4);
    pt_put_root(a.frame[0]);
    assert_sound();
}

/* One L1 table below two entries of two L2 tables, as Linux has at boot. */
static void test_shared_l1(void **state)
{
    (void)state;
    build_tree(&a);
    table(a.frame[2])[7] = pte_make(a.frame[3], PTE_P);
    table(a.frame[4])[0] = pte_make(a.frame[3], PTE_P);
    assert_int_equal(pt_pin(&a.mm, a.frame[2], PGT_l2), 0);
    assert_int_equal(pt_pin(&a.mm, a.frame[4], PGT_l2), 0);
    assert_int_equal(uses_of(a.frame[3]), 3);
    assert_int_equal(uses_of(a.frame[8]), 1); /* the table is there once */
    assert_int_equal(pt_unpin(&a.mm, a.frame[2]), 0);
    assert_int_equal(uses_of(a.frame[3]), 1);
    assert_sound();
}

static void test_l4_slots(void **state)
{
    u64 *l4 = table(a.frame[0]);

    (void)state;
    l4[HYP_L4_FIRST] = pte_make(b.frame[0], PTE_P | PTE_RW);
    l4[HYP_L4_LAST] = 0x123;
    assert_int_equal(pt_pin(&a.mm, a.frame[0], PGT_l4), 0);
    assert_int_equal(l4[HYP_L4_FIRST], 0xfeed000000000000UL | HYP_L4_FIRST);
    assert_int_equal(l4[HYP_L4_LAST], 0xfeed000000000000UL | HYP_L4_LAST);
    assert_int_equal(update(&a, entry(a.frame[0], HYP_L4_FIRST), 0), -EINVAL);
    assert_int_equal(update(&a, entry(a.frame[0], HYP_L4_LAST), pte_make(a.frame[1], PTE_P)), -EINVAL);
    assert_int_equal(update(&a, entry(a.frame[0], HYP_L4_LAST + 1), pte_make(a.frame[1], PTE_P)), 0);
    assert_sound();
}

static void test_bad_flags(void **state)
{
    (void)state;
    build_tree(&b);
    assert_int_equal(pt_pin(&b.mm, b.frame[0], PGT_l4), 0);
    for (unsigned level = 2; level <= 4; level++) {
        mfn_t t = b.frame[4 - level];
        assert_int_equal(update(&b, entry(t, 5), pte_make(b.frame[20], PTE_P | PTE_PSE)), -EINVAL);
        assert_int_equal(update(&b, entry(t, 5), pte_make(b.frame[20], PTE_P | PTE_PCD)), -EINVAL);
        assert_int_equal(update(&b, entry(t, 5), PTE_PSE | PTE_PCD), 0); /* not present */
    }
    /* A domain without devices has no use for cache attributes. */
    assert_int_equal(update(&b, entry(b.frame[3], 5), pte_make(b.frame[20], PTE_P | PTE_PCD)), -EINVAL);
    assert_int_equal(update(&b, entry(b.frame[3], 0) + 4, 0), -EINVAL);
    assert_sound();
}

static void test_device_frames(void **state)
{
    paddr_t p = entry(a.frame[3], 20);

    (void)state;
    build_tree(&a);
    build_tree(&b);
    assert_int_equal(pt_pin(&a.mm, a.frame[0], PGT_l4), 0);
    assert_int_equal(pt_pin(&b.mm, b.frame[0], PGT_l4), 0);
    assert_int_equal(update(&a, p, pte_make(mfn_of(FAKE_MMIO), PTE_P | PTE_RW | PTE_US)), 0);
    assert_int_equal(table(a.frame[3])[20],
                     pte_make(mfn_of(FAKE_MMIO), PTE_P | PTE_RW | PTE_US | PTE_PCD | PTE_PWT));
    assert_int_equal(update(&a, p, pte_make(mfn_of(FAKE_MMIO), PTE_P | PTE_US | PTE_PAT)),
                     0); /* write combining stays */
    assert_int_equal(table(a.frame[3])[20] & PTE_CACHE, PTE_PAT);
    assert_int_equal(update(&a, p, pte_make(mfn_of(FAKE_MMIO + 1), PTE_P)), -EPERM); /* the hypervisor's */
    assert_int_equal(update(&b, entry(b.frame[3], 20), pte_make(mfn_of(FAKE_MMIO), PTE_P)), -EPERM);
    assert_int_equal(update(&b, entry(b.frame[3], 20), PTE_MFN_MASK | PTE_P), -EINVAL);
    assert_int_equal(pt_update_entry(&b.mm, &mm_owner_io, entry(b.frame[3], 20),
                                     pte_make(mfn_of(FAKE_MMIO), PTE_P), false),
                     -EPERM);
    assert_int_equal(pt_update_entry(&a.mm, &mm_owner_io, p, pte_make(a.frame[9], PTE_P), false), -EBUSY);
    assert_sound();
}

static void test_plain_frame_update(void **state)
{
    (void)state;
    assert_int_equal(update(&a, entry(a.frame[15], 3), 0x1234), 0);
    assert_int_equal(table(a.frame[15])[3], 0x1234);
    assert_int_equal(update(&a, entry(b.frame[15], 3), 0x1234), -EINVAL);
    assert_int_equal(update(&a, entry(mfn_of(FAKE_HOLE), 3), 0x1234), -EINVAL);
    assert_int_equal(update(&a, ~7UL, 0x1234), -EINVAL);
    assert_sound();
}

static void test_preserve_ad(void **state)
{
    u64 *l1 = table(a.frame[3]);

    (void)state;
    build_tree(&a);
    assert_int_equal(pt_pin(&a.mm, a.frame[0], PGT_l4), 0);
    l1[0] |= PTE_A | PTE_D; /* the CPU */
    assert_int_equal(pt_update_entry(&a.mm, &a.mm, entry(a.frame[3], 0), pte_make(a.frame[8], PTE_P), true),
                     0);
    assert_int_equal(l1[0] & (PTE_A | PTE_D | PTE_RW), PTE_A | PTE_D);
    assert_int_equal(update(&a, entry(a.frame[3], 0), pte_make(a.frame[8], PTE_P)), 0);
    assert_int_equal(l1[0] & (PTE_A | PTE_D), 0);
    assert_sound();
}

static void test_emulated_writes(void **state)
{
    u64 *l1 = table(a.frame[3]), expected, old;
    bool ok;

    (void)state;
    build_tree(&a);
    assert_int_equal(pt_pin(&a.mm, a.frame[0], PGT_l4), 0);
    /* lock andb ~RW: only the low byte */
    old = l1[0];
    expected = old & 0xff;
    assert_int_equal(pt_emulated_write(&a.mm, entry(a.frame[3], 0), expected & ~PTE_RW, 1, &expected, &ok),
                     0);
    assert_true(ok);
    assert_int_equal(l1[0], old & ~PTE_RW);
    assert_int_equal(uses_of(a.frame[8]), 0);
    /* A compare that fails changes nothing and says what is there. */
    expected = 1;
    assert_int_equal(pt_emulated_write(&a.mm, entry(a.frame[3], 1), 0, 8, &expected, &ok), 0);
    assert_false(ok);
    assert_int_equal(expected, l1[1]);
    /* xchg with 0 */
    assert_int_equal(pt_emulated_write(&a.mm, entry(a.frame[3], 1), 0, 8, &expected, &ok), 0);
    assert_true(ok);
    assert_int_equal(refs_of(a.frame[9]), 1);
    assert_int_equal(pt_emulated_write(&a.mm, entry(a.frame[2], 1), 0, 8, NULL, NULL),
                     -EINVAL); /* no L1 table */
    assert_int_equal(pt_emulated_write(&a.mm, entry(a.frame[3], 1) + 5, 0, 4, NULL, NULL), -EINVAL);
    assert_int_equal(
        pt_emulated_write(&a.mm, entry(a.frame[3], 1), pte_make(b.frame[0], PTE_P), 8, NULL, NULL), -EBUSY);
    assert_sound();
}

static void test_update_va(void **state)
{
    u64 hyp = 0xffff800000000000UL;

    (void)state;
    build_tree(&a);
    assert_int_equal(pt_get_root(&a.mm, a.frame[0]), 0);
    hold(a.frame[0], PGT_l4);
    assert_int_equal(pt_update_va(&a.mm, &a.mm, a.frame[0], 0x5000, pte_make(a.frame[12], PTE_P | PTE_RW)),
                     0);
    assert_int_equal(uses_of(a.frame[12]), 1);
    assert_int_equal(pt_update_va(&a.mm, &a.mm, a.frame[0], 1UL << 21, 0), -EINVAL); /* no L1 table there */
    assert_int_equal(pt_update_va(&a.mm, &a.mm, a.frame[0], hyp, 0), -EINVAL);
    assert_int_equal(pt_update_va(&a.mm, &a.mm, a.frame[0], 0x800000005000UL, 0),
                     -EINVAL); /* not canonical */
    struct pt_walk w;
    pt_lookup(a.frame[0], 0x5000, &w);
    assert_true(w.present && w.writable);
    assert_int_equal(w.l1e_paddr, entry(a.frame[3], 5));
    pt_lookup(a.frame[0], hyp, &w);
    assert_false(w.present);
    assert_int_equal(w.l1e_paddr, 0);
    drop(a.frame[0], PGT_l4);
    pt_put_root(a.frame[0]);
    assert_sound();
}

static void test_grant_entries(void **state)
{
    mfn_t f = b.frame[7];
    paddr_t p = entry(a.frame[3], 30);

    (void)state;
    build_tree(&a);
    assert_int_equal(pt_get_root(&a.mm, a.frame[0]), 0);
    hold(a.frame[0], PGT_l4);
    assert_int_equal(pt_grant_map_pte(&a.mm, &b.mm, p, f, PTE_P | PTE_US), 0);
    /* What was lent to read does not become writable by an ordinary update. */
    assert_int_equal(update(&a, p, pte_make(f, PTE_P | PTE_US | PTE_RW)), -EBUSY);
    assert_int_equal(update(&a, p, pte_make(f, PTE_P | PTE_US | PTE_A)), 0); /* same frame, harmless bits */
    assert_int_equal(pt_grant_unmap_pte(&a.mm, p, b.frame[6]), -EINVAL);
    assert_int_equal(pt_grant_unmap_pte(&a.mm, p, f), PT_GRANT_USED);
    assert_int_equal(pt_grant_unmap_pte(&a.mm, p, f), -EINVAL);
    assert_int_equal(pt_grant_map_va(&a.mm, &b.mm, a.frame[0], 31 << 12, f, PTE_P | PTE_US | PTE_RW), 0);
    assert_int_equal(uses_of(f), 1);
    /* unmap_and_replace: what is mapped at page 2 moves to page 31 */
    assert_int_equal(pt_grant_replace_va(&a.mm, a.frame[0], 31 << 12, 2 << 12, f), PT_GRANT_USED);
    assert_int_equal(refs_of(f), 1);
    assert_int_equal(table(a.frame[3])[2], 0);
    assert_true(mfn_eq(pte_mfn(table(a.frame[3])[31]), a.frame[10]));
    assert_int_equal(pt_grant_map_pte(&a.mm, &b.mm, entry(a.frame[2], 1), f, PTE_P), -EINVAL);
    drop(a.frame[0], PGT_l4);
    pt_put_root(a.frame[0]);
    assert_sound();
}

static void test_descriptor_pages(void **state)
{
    u64 code = 0x00af9b000000ffffUL, gate = 0x00008e0000000000UL, *d = table(a.frame[17]);

    (void)state;
    d[4] = code;
    assert_int_equal(get_page_and_type(mfn_to_page(a.frame[17]), &a.mm, PGT_seg_desc), 0);
    hold(a.frame[17], PGT_seg_desc);
    assert_int_equal(d[4], code | 3UL << 45);
    table(a.frame[3])[0] = pte_make(a.frame[17], PTE_P | PTE_RW);
    assert_int_not_equal(pt_pin(&a.mm, a.frame[3], PGT_l1), 0);
    assert_int_equal(desc_update(&a.mm, entry(a.frame[17], 5), gate), -EINVAL);
    assert_int_equal(desc_update(&a.mm, entry(a.frame[17], 5), code), 0);
    assert_int_equal(desc_update(&b.mm, entry(a.frame[17], 5), code), -EINVAL);
    assert_int_equal(pt_pin(&a.mm, a.frame[17], PGT_l1), -EINVAL);
    put_page_and_type(mfn_to_page(a.frame[17]));
    drop(a.frame[17], PGT_seg_desc);
    assert_sound();
    d[9] = gate;
    assert_int_equal(get_page_and_type(mfn_to_page(a.frame[17]), &a.mm, PGT_seg_desc), -EINVAL);
    assert_int_equal(pt_pin(&a.mm, a.frame[3], PGT_l1), 0);
    assert_sound();
}

/* A page shared by the hypervisor: mapped writable or not, never a table, and it outlives the hypervisor's
 * interest in it. */
static void test_shared_pages(void **state)
{
    void *rw = alloc_shared_page(&a.mm, false), *ro = alloc_shared_page(&a.mm, true);

    (void)state;
    build_tree(&a);
    assert_int_equal(pt_pin(&a.mm, a.frame[0], PGT_l4), 0);
    assert_int_equal(update(&a, entry(a.frame[3], 40), pte_make(virt_to_mfn(rw), PTE_P | PTE_RW)), 0);
    assert_int_equal(update(&a, entry(a.frame[3], 41), pte_make(virt_to_mfn(ro), PTE_P | PTE_RW)), -EBUSY);
    assert_int_equal(update(&a, entry(a.frame[3], 41), pte_make(virt_to_mfn(ro), PTE_P)), 0);
    assert_int_equal(pt_pin(&a.mm, virt_to_mfn(rw), PGT_l1), -EINVAL);
    assert_int_equal(pt_pin(&a.mm, virt_to_mfn(ro), PGT_l1), -EINVAL);
    assert_int_equal(freeze_page(&a.mm, virt_to_mfn(rw)), -EINVAL);
    assert_sound();
    free_shared_page(rw);
    free_shared_page(ro);
    assert_ptr_equal(page_owner(mfn_to_page(virt_to_mfn(rw))), &a.mm);
    assert_int_equal(update(&a, entry(a.frame[3], 40), 0), 0);
    assert_null(page_owner(mfn_to_page(virt_to_mfn(rw))));
    assert_int_equal(update(&a, entry(a.frame[3], 41), 0), 0);
    assert_sound();
}

/* Preempted at every possible place, abandoned or continued. */
static void test_preemption(void **state)
{
    unsigned restarts = 0;
    int rc;

    (void)state;
    build_tree(&a);
    for (unsigned i = 1; i < 6; i++) {
        table(a.frame[0])[i] = pte_make(a.frame[1], PTE_P);
        table(a.frame[1])[i] = pte_make(a.frame[2], PTE_P);
        table(a.frame[2])[i] = pte_make(a.frame[3], PTE_P);
    }
    for (unsigned period = 1; period < 8; period++) {
        fake_preempt_every(period);
        while ((rc = pt_pin(&a.mm, a.frame[0], PGT_l4)) == -ERESTART) {
            restarts++;
            assert_sound();
        }
        assert_int_equal(rc, 0);
        assert_int_equal(pt_unpin(&a.mm, a.frame[0]), 0);
        assert_sound();
        while (pt_finish(&a.mm) == -ERESTART)
            assert_sound();
        assert_int_equal(uses_of(a.frame[8]), 0);
    }
    assert_true(restarts > 10);
    /* Abandoned: the frames stay what they were going to be, and mm_relinquish() finds them. */
    fake_preempt_every(1);
    assert_int_equal(pt_pin(&a.mm, a.frame[0], PGT_l4), -ERESTART);
    assert_sound();
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, two_domains_setup, two_domains_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_pin_counts),
        CASE(test_entries_as_stored),
        CASE(test_no_writable_table),
        CASE(test_linear_tables),
        CASE(test_wrong_level),
        CASE(test_foreign_frames),
        CASE(test_foreign_stale),
        CASE(test_stale_writable),
        CASE(test_stale_table),
        CASE(test_shared_l1),
        CASE(test_freed_frame_is_flushed),
        CASE(test_l4_slots),
        CASE(test_bad_flags),
        CASE(test_device_frames),
        CASE(test_plain_frame_update),
        CASE(test_preserve_ad),
        CASE(test_emulated_writes),
        CASE(test_update_va),
        CASE(test_grant_entries),
        CASE(test_descriptor_pages),
        CASE(test_shared_pages),
        CASE(test_preemption),
    };
    return cmocka_run_group_tests_name("page types", tests, NULL, NULL);
}
