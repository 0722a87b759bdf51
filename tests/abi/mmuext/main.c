/* SPDX-License-Identifier: MIT */
/*
 * mmuext_op: pinning, base pointers, flushes and the LDT.
 *
 * Pinning is how a kernel says "this is a page table from now on": the whole tree below is
 * checked once. Linux treats every error here as fatal, so the successes matter as much as the refusals.
 */
#include "tests/abi/lib/abi.h"

CLAIM(pin_levels, "an empty page can be pinned at each level, once, and unpinned, once")
{
    static const unsigned cmds[] = {MMUEXT_PIN_L1_TABLE, MMUEXT_PIN_L2_TABLE, MMUEXT_PIN_L3_TABLE,
                                    MMUEXT_PIN_L4_TABLE};

    for (unsigned i = 0; i < 4; i++) {
        uint64_t *t = abi_table();
        unsigned long mfn = virt_to_mfn(t);

        EXPECT_EQ(abi_mmuext(cmds[i], mfn), 0);
        EXPECT_EQ(abi_mmuext(cmds[i], mfn), -XEN_EINVAL);
        EXPECT(mm_writable(t) < 0);
        for (unsigned j = 0; j < 4; j++)
            EXPECT(abi_mmuext(cmds[j], mfn) < 0);
        EXPECT_EQ(abi_mmuext(MMUEXT_UNPIN_TABLE, mfn), 0);
        EXPECT_EQ(abi_mmuext(MMUEXT_UNPIN_TABLE, mfn), -XEN_EINVAL);
        abi_table_free(t);
    }
}

CLAIM(pin_writable, "a page that is mapped writable cannot be pinned")
{
    void *p = abi_page();

    EXPECT(abi_mmuext(MMUEXT_PIN_L1_TABLE, virt_to_mfn(p)) < 0);
    EXPECT(abi_mmuext(MMUEXT_PIN_L4_TABLE, virt_to_mfn(p)) < 0);
    EXPECT_EQ(abi_mmuext(MMUEXT_UNPIN_TABLE, virt_to_mfn(p)), -XEN_EINVAL);
    page_free(p, 0);
}

CLAIM(pin_alien, "a frame that is not the domain's can be neither pinned nor unpinned")
{
    static const unsigned long mfns[] = {0xb8, 0xfee00, 0xffffffffff, ~0ul};

    for (unsigned i = 0; i < ARRAY_SIZE(mfns); i++) {
        EXPECT_EQ(abi_mmuext(MMUEXT_PIN_L1_TABLE, mfns[i]), -XEN_EINVAL);
        EXPECT_EQ(abi_mmuext(MMUEXT_UNPIN_TABLE, mfns[i]), -XEN_EINVAL);
    }
    EXPECT_EQ(abi_mmuext(MMUEXT_PIN_L4_TABLE, abi_alien_mfn()), -XEN_EINVAL);
}

CLAIM(pin_bad_tree, "pinning checks the whole tree: one bad entry in the lowest table refuses the top")
{
    uint64_t *l1 = abi_page(), *l2 = abi_page(), *l3 = abi_page(), *l4 = abi_page();

    l1[77] = make_pte(virt_to_mfn(mm_root()), PTE_RW);
    l2[5] = make_pte(virt_to_mfn(l1), PTE_TABLE);
    l3[6] = make_pte(virt_to_mfn(l2), PTE_TABLE);
    l4[7] = make_pte(virt_to_mfn(l3), PTE_TABLE);
    REQUIRE(!mm_readonly(l1) && !mm_readonly(l2) && !mm_readonly(l3) && !mm_readonly(l4));
    EXPECT(abi_mmuext(MMUEXT_PIN_L4_TABLE, virt_to_mfn(l4)) < 0);
    /* Nothing of the refused tree keeps a type. */
    EXPECT_EQ(mm_writable(l1), 0);
    EXPECT_EQ(mm_writable(l2), 0);
    EXPECT_EQ(mm_writable(l3), 0);
    EXPECT_EQ(mm_writable(l4), 0);
    l1[77] = 0;
    REQUIRE(!mm_readonly(l1) && !mm_readonly(l2) && !mm_readonly(l3) && !mm_readonly(l4));
    EXPECT_EQ(abi_mmuext(MMUEXT_PIN_L4_TABLE, virt_to_mfn(l4)), 0);
    EXPECT(mm_writable(l1) < 0);
    EXPECT_EQ(abi_mmuext(MMUEXT_UNPIN_TABLE, virt_to_mfn(l4)), 0);
    abi_table_free(l1);
    abi_table_free(l2);
    abi_table_free(l3);
    abi_table_free(l4);
}

CLAIM(pin_loop, "tables that name each other in a circle are refused")
{
    uint64_t *a = abi_page(), *b = abi_page();

    a[0] = make_pte(virt_to_mfn(b), PTE_TABLE);
    b[0] = make_pte(virt_to_mfn(a), PTE_TABLE);
    REQUIRE(!mm_readonly(a) && !mm_readonly(b));
    EXPECT(abi_mmuext(MMUEXT_PIN_L2_TABLE, virt_to_mfn(a)) < 0);
    EXPECT(abi_mmuext(MMUEXT_PIN_L3_TABLE, virt_to_mfn(a)) < 0);
    EXPECT(abi_mmuext(MMUEXT_PIN_L4_TABLE, virt_to_mfn(a)) < 0);
    abi_table_free(a);
    abi_table_free(b);
}

CLAIM(unpin_keeps, "a table that is unpinned but still named keeps its type")
{
    char *slot = abi_slot();
    uint64_t *table = abi_table();
    uint64_t at;

    abi_slot_free(slot);
    at = mm_entry_maddr(WINDOW_BASE + (128ul << 20), 2);
    REQUIRE_OK(abi_mmuext(MMUEXT_PIN_L1_TABLE, virt_to_mfn(table)));
    EXPECT_EQ(mm_update_entry(at, make_pte(virt_to_mfn(table), PTE_TABLE)), 0);
    EXPECT_EQ(abi_mmuext(MMUEXT_UNPIN_TABLE, virt_to_mfn(table)), 0);
    EXPECT(mm_writable(table) < 0);
    EXPECT_EQ(mm_update_entry(at, 0), 0);
    abi_table_free(table);
}

CLAIM(pinned_unnamed, "a pinned table keeps its type when no entry names it any more")
{
    uint64_t *table = abi_table();
    uint64_t at = mm_entry_maddr(WINDOW_BASE + (128ul << 20), 2);

    REQUIRE_OK(abi_mmuext(MMUEXT_PIN_L1_TABLE, virt_to_mfn(table)));
    EXPECT_EQ(mm_update_entry(at, make_pte(virt_to_mfn(table), PTE_TABLE)), 0);
    EXPECT_EQ(mm_update_entry(at, 0), 0);
    EXPECT(mm_writable(table) < 0);
    EXPECT_EQ(abi_mmuext(MMUEXT_UNPIN_TABLE, virt_to_mfn(table)), 0);
    abi_table_free(table);
}

CLAIM(new_baseptr, "CR3 can move to a copy of the root and back; the copy is free as soon as it is left")
{
    uint64_t *copy = abi_page();
    uint64_t cr3;

    memcpy(copy, mm_root(), PAGE_SIZE);
    REQUIRE_OK(mm_readonly(copy));
    EXPECT_EQ(abi_mmuext(MMUEXT_NEW_BASEPTR, virt_to_mfn(copy)), 0);
    asm volatile("mov %%cr3, %0" : "=r"(cr3));
    EXPECT_EQ(cr3 >> 12, virt_to_mfn(copy));
    EXPECT(mm_writable(copy) < 0);
    EXPECT_EQ(abi_mmuext(MMUEXT_NEW_BASEPTR, virt_to_mfn(mm_root())), 0);
    abi_table_free(copy);
}

CLAIM(baseptr_errors, "CR3 cannot become a writable page, a lower table or an alien frame")
{
    void *p = abi_page();
    char *slot = abi_slot();

    EXPECT(abi_mmuext(MMUEXT_NEW_BASEPTR, virt_to_mfn(p)) < 0);
    EXPECT(abi_mmuext(MMUEXT_NEW_BASEPTR, virt_to_mfn(mm_entry((unsigned long)slot, 1))) < 0);
    EXPECT(abi_mmuext(MMUEXT_NEW_BASEPTR, abi_alien_mfn()) < 0);
    EXPECT(abi_mmuext(MMUEXT_NEW_BASEPTR, 0xffffffffff) < 0);
    EXPECT_EQ(abi_mmuext(MMUEXT_NEW_BASEPTR, virt_to_mfn(mm_root())), 0);
    abi_slot_free(slot);
    page_free(p, 0);
}

CLAIM(flushes, "every kind of TLB flush returns 0")
{
    uint64_t mask = 1;
    struct mmuext_op op = {.arg1.linear_addr = WINDOW_BASE};
    static const unsigned cmds[] = {MMUEXT_TLB_FLUSH_LOCAL, MMUEXT_INVLPG_LOCAL, MMUEXT_TLB_FLUSH_ALL,
                                    MMUEXT_INVLPG_ALL};

    for (unsigned i = 0; i < ARRAY_SIZE(cmds); i++)
        EXPECT_EQ(abi_mmuext(cmds[i], WINDOW_BASE), 0);
    set_xen_guest_handle(op.arg2.vcpumask, &mask);
    op.cmd = MMUEXT_TLB_FLUSH_MULTI;
    EXPECT_EQ(hv_mmuext_op(&op, 1, NULL, DOMID_SELF), 0);
    op.cmd = MMUEXT_INVLPG_MULTI;
    EXPECT_EQ(hv_mmuext_op(&op, 1, NULL, DOMID_SELF), 0);
}

CLAIM(flush_mask, "bits of vCPUs that do not exist are ignored; a mask that cannot be read is EINVAL")
{
    static uint64_t mask[2] = {~0ul, ~0ul};
    struct mmuext_op op = {.cmd = MMUEXT_TLB_FLUSH_MULTI};

    set_xen_guest_handle(op.arg2.vcpumask, mask);
    EXPECT_EQ(hv_mmuext_op(&op, 1, NULL, DOMID_SELF), 0);
    set_xen_guest_handle(op.arg2.vcpumask, BAD_PTR);
    EXPECT_EQ(hv_mmuext_op(&op, 1, NULL, DOMID_SELF), -XEN_EINVAL);
}

CLAIM(flush_bad_address, "flushing an address of nobody, of the hypervisor or no address at all is harmless")
{
    static const unsigned long vas[] = {0, 0x700000000000ul, 0xffff820000000000ul, 1ul << 60, ~0ul};

    for (unsigned i = 0; i < ARRAY_SIZE(vas); i++) {
        EXPECT_EQ(abi_mmuext(MMUEXT_INVLPG_LOCAL, vas[i]), 0);
        EXPECT_EQ(abi_mmuext(MMUEXT_INVLPG_ALL, vas[i]), 0);
    }
}

CLAIM(flush_takes_effect, "after INVLPG_LOCAL a read-only entry is no longer writable through the TLB")
{
    char *slot = abi_slot();
    void *page = abi_page();
    uint64_t at = mm_entry_maddr((unsigned long)slot, 1);

    EXPECT_EQ(mm_update_entry(at, make_pte(virt_to_mfn(page), PTE_RW)), 0);
    EXPECT(probe_write64(slot, 1));
    EXPECT_EQ(mm_update_entry(at, make_pte(virt_to_mfn(page), PTE_RO)), 0);
    EXPECT_EQ(abi_mmuext(MMUEXT_INVLPG_LOCAL, (unsigned long)slot), 0);
    EXPECT(!probe_write64(slot, 2));
    abi_slot_free(slot);
    page_free(page, 0);
}

CLAIM(clear_copy, "CLEAR_PAGE and COPY_PAGE work on own frames and refuse page tables and aliens as target")
{
    uint64_t *a = abi_page(), *b = abi_page();
    struct mmuext_op op = {.cmd = MMUEXT_COPY_PAGE};

    a[9] = 0x99;
    op.arg1.mfn = virt_to_mfn(b);
    op.arg2.src_mfn = virt_to_mfn(a);
    EXPECT_EQ(hv_mmuext_op(&op, 1, NULL, DOMID_SELF), 0);
    EXPECT_EQ(b[9], 0x99);
    EXPECT_EQ(abi_mmuext(MMUEXT_CLEAR_PAGE, virt_to_mfn(a)), 0);
    EXPECT_EQ(a[9], 0);
    EXPECT(abi_mmuext(MMUEXT_CLEAR_PAGE, virt_to_mfn(mm_root())) < 0);
    EXPECT(abi_mmuext(MMUEXT_CLEAR_PAGE, abi_alien_mfn()) < 0);
    op.arg1.mfn = virt_to_mfn(mm_root());
    EXPECT(hv_mmuext_op(&op, 1, NULL, DOMID_SELF) < 0);
    op.arg1.mfn = virt_to_mfn(b);
    op.arg2.src_mfn = abi_alien_mfn();
    EXPECT(hv_mmuext_op(&op, 1, NULL, DOMID_SELF) < 0);
    page_free(a, 0);
    page_free(b, 0);
}

CLAIM(unknown, "superpage marks are EOPNOTSUPP, unknown commands ENOSYS")
{
    EXPECT_EQ(abi_mmuext(MMUEXT_MARK_SUPER, 0), -XEN_EOPNOTSUPP);
    EXPECT_EQ(abi_mmuext(MMUEXT_UNMARK_SUPER, 0), -XEN_EOPNOTSUPP);
    EXPECT_EQ(abi_mmuext(21, 0), -XEN_ENOSYS);
    EXPECT_EQ(abi_mmuext(0xffffffff, 0), -XEN_ENOSYS);
}

CLAIM(arguments, "a bad list is EFAULT, a domain that does not exist ESRCH, done counts")
{
    struct mmuext_op ops[3] = {
        {.cmd = MMUEXT_TLB_FLUSH_LOCAL}, {.cmd = MMUEXT_TLB_FLUSH_LOCAL}, {.cmd = 0xffffffff}};
    unsigned done = 77;

    EXPECT_EQ(hv_mmuext_op(BAD_PTR, 1, NULL, DOMID_SELF), -XEN_EFAULT);
    EXPECT_EQ(hv_mmuext_op(ops, 1, NULL, 0x7000), -XEN_ESRCH);
    EXPECT_EQ(hv_mmuext_op(ops, 3, &done, DOMID_SELF), -XEN_ENOSYS);
    EXPECT_EQ(done, 2);
    EXPECT_EQ(hv_mmuext_op(ops, 2, &done, DOMID_SELF), 0);
    EXPECT_EQ(done, 2);
    EXPECT_EQ(hv_mmuext_op(ops, 0, &done, DOMID_SELF), 0);
    EXPECT_EQ(done, 0);
}

CLAIM(ldt_errors, "SET_LDT: unaligned, too long and hypervisor addresses are EINVAL, 0 entries always work")
{
    struct mmuext_op op = {.cmd = MMUEXT_SET_LDT};
    char *page = abi_page();

    op.arg1.linear_addr = (unsigned long)page + 8;
    op.arg2.nr_ents = 1;
    EXPECT_EQ(hv_mmuext_op(&op, 1, NULL, DOMID_SELF), -XEN_EINVAL);
    op.arg1.linear_addr = (unsigned long)page;
    op.arg2.nr_ents = 8193;
    EXPECT_EQ(hv_mmuext_op(&op, 1, NULL, DOMID_SELF), -XEN_EINVAL);
    op.arg1.linear_addr = 0xffff820000000000ul;
    op.arg2.nr_ents = 1;
    EXPECT_EQ(hv_mmuext_op(&op, 1, NULL, DOMID_SELF), -XEN_EINVAL);
    op.arg2.nr_ents = 0;
    EXPECT_EQ(hv_mmuext_op(&op, 1, NULL, DOMID_SELF), 0);
    page_free(page, 0);
}

CLAIM(cache, "FLUSH_CACHE is permitted to a domain that has I/O memory")
{
    FIRST_DOMAIN_ONLY();
    EXPECT_EQ(abi_mmuext(MMUEXT_FLUSH_CACHE, 0), 0);
}

CLAIM(big_unpin, "a root with 64 tables below it can be pinned and unpinned (preemption inside)")
{
    uint64_t *l4 = abi_page(), *l3 = abi_page(), *l2 = abi_page();
    uint64_t *l1[64];

    for (unsigned i = 0; i < 64; i++) {
        l1[i] = abi_table();
        l2[i] = make_pte(virt_to_mfn(l1[i]), PTE_TABLE);
    }
    l3[0] = make_pte(virt_to_mfn(l2), PTE_TABLE);
    l4[0] = make_pte(virt_to_mfn(l3), PTE_TABLE);
    REQUIRE(!mm_readonly(l2) && !mm_readonly(l3) && !mm_readonly(l4));
    for (unsigned i = 0; i < 4; i++) {
        EXPECT_EQ(abi_mmuext(MMUEXT_PIN_L4_TABLE, virt_to_mfn(l4)), 0);
        EXPECT_EQ(abi_mmuext(MMUEXT_UNPIN_TABLE, virt_to_mfn(l4)), 0);
    }
    for (unsigned i = 0; i < 64; i++)
        abi_table_free(l1[i]);
    abi_table_free(l2);
    abi_table_free(l3);
    abi_table_free(l4);
}
