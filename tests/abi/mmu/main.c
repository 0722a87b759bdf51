/* SPDX-License-Identifier: MIT */
/*
 * mmu_update: page tables change only through the hypervisor.
 *
 * A frame is a page table of one level, a descriptor page, or writable, and never two of them. These
 * claims try each way to break that rule through explicit updates, and check that what is legal
 * works: entries of every level, shared tables, entries that are not present and hold anything, machine
 * to physical updates, and the count of what was done before an error.
 */
#include "tests/abi/lib/abi.h"

#define SPARE_SLOT 3u /* an L4 index that nothing uses */

static long update(uint64_t maddr, uint64_t val)
{
    return mm_update_entry(maddr, val);
}

static uint64_t slot_maddr(void *slot)
{
    return mm_entry_maddr((unsigned long)slot, 1);
}

CLAIM(map, "an L1 update maps one of the domain's pages")
{
    char *slot = abi_slot();
    uint64_t *page = abi_page(), v = 0;

    page[1] = 0x77;
    EXPECT_EQ(update(slot_maddr(slot), make_pte(virt_to_mfn(page), PTE_RW)), 0);
    EXPECT(probe_read64(slot + 8, &v));
    EXPECT_EQ(v, 0x77);
    EXPECT(probe_write64(slot + 16, 0x88));
    EXPECT_EQ(page[2], 0x88);
    abi_slot_free(slot);
    page_free(page, 0);
}

CLAIM(entry_read_back, "an entry reads back with its frame, write, accessed, dirty and no-execute bits")
{
    char *slot = abi_slot();
    void *page = abi_page();
    uint64_t keep = PTE_ADDR | PTE_P | PTE_W | PTE_A | PTE_D | PTE_NX;
    uint64_t pte = make_pte(virt_to_mfn(page), PTE_RW | PTE_NX);

    EXPECT_EQ(update(slot_maddr(slot), pte), 0);
    EXPECT_EQ(*mm_entry((unsigned long)slot, 1) & keep, pte & keep);
    abi_slot_free(slot);
    page_free(page, 0);
}

CLAIM(not_present, "an entry that is not present may hold any other bits and names no frame")
{
    static const uint64_t values[] = {0x1000, 0xfffffffffffffffeul, 0x8000000000000ffeul,
                                      0x123456789abcdef0ul};
    char *slot = abi_slot();

    for (unsigned i = 0; i < ARRAY_SIZE(values); i++) {
        EXPECT_EQ(update(slot_maddr(slot), values[i]), 0);
        EXPECT_EQ(*mm_entry((unsigned long)slot, 1), values[i]);
    }
    EXPECT_EQ(update(slot_maddr(slot), 0), 0);
    abi_slot_free(slot);
}

CLAIM(done_count, "the first error stops the batch; done says how many were applied")
{
    char *slot = abi_slot();
    void *page = abi_page();
    uint64_t at = slot_maddr(slot);
    unsigned done = 99;
    struct mmu_update req[4] = {
        {.ptr = at, .val = make_pte(virt_to_mfn(page), PTE_RW)},
        {.ptr = at, .val = make_pte(virt_to_mfn(page), PTE_RO)},
        {.ptr = at, .val = make_pte(virt_to_mfn(mm_root()), PTE_RW)},
        {.ptr = at, .val = 0},
    };

    EXPECT(hv_mmu_update(req, 4, &done, DOMID_SELF) < 0);
    EXPECT_EQ(done, 2);
    EXPECT_EQ(*mm_entry((unsigned long)slot, 1) & (PTE_P | PTE_W), PTE_P);
    req[2].val = 0;
    EXPECT_EQ(hv_mmu_update(req, 4, &done, DOMID_SELF), 0);
    EXPECT_EQ(done, 4);
    EXPECT_EQ(hv_mmu_update(req, 0, &done, DOMID_SELF), 0);
    EXPECT_EQ(done, 0);
    EXPECT_EQ(hv_mmu_update(req, 4, NULL, DOMID_SELF), 0);
    abi_slot_free(slot);
    page_free(page, 0);
}

CLAIM(bad_pointers, "a bad list is EFAULT; a bad done pointer does not matter")
{
    char *slot = abi_slot();
    struct mmu_update req = {.ptr = slot_maddr(slot), .val = 0};

    EXPECT_EQ(hv_mmu_update(BAD_PTR, 1, NULL, DOMID_SELF), -XEN_EFAULT);
    EXPECT_EQ(hv_mmu_update(HV_PTR, 1, NULL, DOMID_SELF), -XEN_EFAULT);
    EXPECT_EQ(hv_mmu_update(&req, 1, BAD_PTR, DOMID_SELF), 0);
    abi_slot_free(slot);
}

CLAIM(commands, "the commands 4 to 7 in the low bits of ptr are ENOSYS")
{
    char *slot = abi_slot();

    for (unsigned cmd = 4; cmd < 8; cmd++)
        EXPECT_EQ(update(slot_maddr(slot) | cmd, 0), -XEN_ENOSYS);
    abi_slot_free(slot);
}

CLAIM(domains, "a domain that does not exist is ESRCH, as owner of frames or of tables")
{
    char *slot = abi_slot();
    struct mmu_update req = {.ptr = slot_maddr(slot), .val = 0};

    EXPECT_EQ(hv_mmu_update(&req, 1, NULL, 0x7000), -XEN_ESRCH);
    EXPECT_EQ(hypercall4(__HYPERVISOR_mmu_update, (unsigned long)&req, 1, 0, (0x7001ul << 16) | DOMID_SELF),
              -XEN_ESRCH);
    abi_slot_free(slot);
}

CLAIM(table_not_writable, "a page table of any level cannot be mapped writable, but can be mapped read-only")
{
    char *slot = abi_slot();

    for (unsigned level = 1; level <= 4; level++) {
        const uint64_t *table = mm_entry((unsigned long)slot, level);
        unsigned long mfn = virt_to_mfn(table);

        EXPECT(update(slot_maddr(slot), make_pte(mfn, PTE_RW)) < 0);
        EXPECT_EQ(update(slot_maddr(slot), make_pte(mfn, PTE_RO)), 0);
        EXPECT_EQ(update(slot_maddr(slot), 0), 0);
    }
    abi_slot_free(slot);
}

CLAIM(alien_frame, "a frame of RAM that is not the domain's cannot be mapped, not even read-only")
{
    char *slot = abi_slot();
    unsigned long mfn = abi_alien_mfn();

    EXPECT(update(slot_maddr(slot), make_pte(mfn, PTE_RW)) < 0);
    EXPECT(update(slot_maddr(slot), make_pte(mfn, PTE_RO)) < 0);
    EXPECT_EQ(*mm_entry((unsigned long)slot, 1), 0);
    abi_slot_free(slot);
}

CLAIM(huge_frame, "a frame number beyond the machine is refused or, for the first domain, is MMIO")
{
    char *slot = abi_slot();

    EXPECT(update(slot_maddr(slot), make_pte(0xffffffffff, PTE_RW)) < 0);
    abi_slot_free(slot);
}

CLAIM(mmio, "the first domain maps MMIO by its machine frame: the VGA window")
{
    char *slot = abi_slot();
    uint64_t v;

    FIRST_DOMAIN_ONLY();
    EXPECT_EQ(update(slot_maddr(slot), make_pte(0xb8, PTE_RW)), 0);
    EXPECT(probe_read64(slot, &v));
    abi_slot_free(slot);
}

CLAIM(mmio_denied, "the local APIC and the IO-APIC are not mappable writable by the first domain")
{
    char *slot = abi_slot();
    static const unsigned long mfns[] = {0xfee00, 0xfec00};

    FIRST_DOMAIN_ONLY();
    for (unsigned i = 0; i < ARRAY_SIZE(mfns); i++) {
        /* Either refused, or mapped with the write bit taken away. */
        if (update(slot_maddr(slot), make_pte(mfns[i], PTE_RW | PTE_PCD | PTE_PWT)) == 0)
            EXPECT_EQ(*mm_entry((unsigned long)slot, 1) & PTE_W, 0);
    }
    abi_slot_free(slot);
}

CLAIM(software_bits, "bits 52 to 62 of an L1 entry are free for software")
{
    char *slot = abi_slot();
    void *page = abi_page();

    for (unsigned bit = 53; bit < 63; bit++) {
        EXPECT_EQ(update(slot_maddr(slot), make_pte(virt_to_mfn(page), PTE_RW | 1ul << bit)), 0);
        EXPECT(*mm_entry((unsigned long)slot, 1) & 1ul << bit);
    }
    abi_slot_free(slot);
    page_free(page, 0);
}

CLAIM(foreign_cache, "a domain with I/O memory may choose the cache attributes of a page of RAM")
{
    char *slot = abi_slot();
    void *page = abi_page();

    FIRST_DOMAIN_ONLY();
    EXPECT_EQ(update(slot_maddr(slot), make_pte(virt_to_mfn(page), PTE_RW | PTE_PCD | PTE_PWT)), 0);
    EXPECT_EQ(*mm_entry((unsigned long)slot, 1) & (PTE_PCD | PTE_PWT), PTE_PCD | PTE_PWT);
    abi_slot_free(slot);
    page_free(page, 0);
}

/* The L2 entry of a window address whose tables were never used by others. */
#define FREE_2M (WINDOW_BASE + (unsigned long)WINDOW_PAGES * PAGE_SIZE + (64ul << 20))

static uint64_t l2_maddr(void)
{
    char *slot = abi_slot(); /* makes the window's L2 table exist */

    abi_slot_free(slot);
    return mm_entry_maddr(FREE_2M, 2);
}

CLAIM(l2_superpage, "an L2 entry with the large-page bit is EINVAL")
{
    char *page = abi_page();

    EXPECT_EQ(update(l2_maddr(), make_pte(virt_to_mfn(page) & ~511ul, PTE_RW | PTE_PSE)), -XEN_EINVAL);
    page_free(page, 0);
}

CLAIM(l2_flags, "an L2 entry with cache attributes or the global bit is EINVAL")
{
    static const uint64_t bad[] = {PTE_PWT, PTE_PCD, PTE_G};
    uint64_t *table = abi_table();

    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++)
        EXPECT_EQ(update(l2_maddr(), make_pte(virt_to_mfn(table), PTE_TABLE | bad[i])), -XEN_EINVAL);
    abi_table_free(table);
}

CLAIM(l2_writable_page, "a page that is mapped writable cannot become an L1 table")
{
    char *page = abi_page();

    EXPECT(update(l2_maddr(), make_pte(virt_to_mfn(page), PTE_TABLE)) < 0);
    EXPECT(probe_write64(page, 1));
    page_free(page, 0);
}

CLAIM(l2_invalid_content, "a table with one bad entry cannot become an L1 table and stays a plain page")
{
    uint64_t *page = abi_page();

    page[511] = make_pte(virt_to_mfn(mm_root()), PTE_RW);
    EXPECT_EQ(mm_readonly(page), 0);
    EXPECT(update(l2_maddr(), make_pte(virt_to_mfn(page), PTE_TABLE)) < 0);
    EXPECT_EQ(mm_writable(page), 0);
    page[511] = make_pte(abi_alien_mfn(), PTE_RO);
    EXPECT_EQ(mm_readonly(page), 0);
    EXPECT(update(l2_maddr(), make_pte(virt_to_mfn(page), PTE_TABLE)) < 0);
    EXPECT_EQ(mm_writable(page), 0);
    page_free(page, 0);
}

CLAIM(l2_life, "a table is typed while it is named and writable again afterwards")
{
    uint64_t *table = abi_table(), *page = abi_page(), v = 0;

    page[0] = 0x1122;
    REQUIRE_OK(update(l2_maddr(), make_pte(virt_to_mfn(table), PTE_TABLE)));
    EXPECT(mm_writable(table) < 0);
    EXPECT_EQ(update(virt_to_maddr(&table[0]), make_pte(virt_to_mfn(page), PTE_RW)), 0);
    EXPECT(probe_read64((void *)FREE_2M, &v));
    EXPECT_EQ(v, 0x1122);
    EXPECT_EQ(update(l2_maddr(), 0), 0);
    EXPECT_EQ(mm_writable(table), 0);
    page_free(table, 0);
    page_free(page, 0);
}

CLAIM(l2_self_reference, "an L1 table that maps itself writable is refused")
{
    uint64_t *page = abi_page();

    page[0] = make_pte(virt_to_mfn(page), PTE_RW);
    EXPECT_EQ(mm_readonly(page), 0);
    EXPECT(update(l2_maddr(), make_pte(virt_to_mfn(page), PTE_TABLE)) < 0);
    EXPECT_EQ(mm_writable(page), 0);
    page[0] = make_pte(virt_to_mfn(page), PTE_RO);
    EXPECT_EQ(mm_readonly(page), 0);
    EXPECT_EQ(update(l2_maddr(), make_pte(virt_to_mfn(page), PTE_TABLE)), 0);
    EXPECT_EQ(update(l2_maddr(), 0), 0);
    abi_table_free(page);
}

CLAIM(shared_table, "one L1 table may be named by two L2 entries and keeps its type until both are gone")
{
    uint64_t *table = abi_table();
    uint64_t first = l2_maddr(), second = first + 8, pte = make_pte(virt_to_mfn(table), PTE_TABLE);

    EXPECT_EQ(update(first, pte), 0);
    EXPECT_EQ(update(second, pte), 0);
    EXPECT_EQ(update(first, 0), 0);
    EXPECT(mm_writable(table) < 0);
    EXPECT_EQ(update(second, 0), 0);
    abi_table_free(table);
}

CLAIM(levels_differ, "an L1 table in use cannot be named as an L2 or L3 table")
{
    uint64_t *table = abi_table();
    uint64_t pte = make_pte(virt_to_mfn(table), PTE_TABLE), l3, l4;

    EXPECT_EQ(update(l2_maddr(), pte), 0);
    l3 = mm_entry_maddr(FREE_2M, 3) - 2 * 8;
    l4 = virt_to_maddr(&mm_root()[SPARE_SLOT]);
    EXPECT(update(l3, pte) < 0);
    EXPECT(update(l4, pte) < 0);
    EXPECT_EQ(update(l2_maddr(), 0), 0);
    abi_table_free(table);
}

CLAIM(new_slot, "L4, L3 and L2 tables can be built under an unused root slot and taken away")
{
    unsigned long va = (unsigned long)SPARE_SLOT << 39;
    uint64_t *l3 = abi_table(), *l2 = abi_table(), *l1 = abi_table(), *page = abi_page(), v = 0;

    page[0] = 0xabcd;
    REQUIRE_OK(update(virt_to_maddr(&mm_root()[SPARE_SLOT]), make_pte(virt_to_mfn(l3), PTE_TABLE)));
    REQUIRE_OK(update(virt_to_maddr(&l3[0]), make_pte(virt_to_mfn(l2), PTE_TABLE)));
    REQUIRE_OK(update(virt_to_maddr(&l2[0]), make_pte(virt_to_mfn(l1), PTE_TABLE)));
    REQUIRE_OK(update(virt_to_maddr(&l1[0]), make_pte(virt_to_mfn(page), PTE_RW)));
    EXPECT(probe_read64((void *)va, &v));
    EXPECT_EQ(v, 0xabcd);
    EXPECT_EQ(update(virt_to_maddr(&mm_root()[SPARE_SLOT]), 0), 0);
    /* The guest flushes after changes of upper levels; that Xen does so by itself is no promise. */
    EXPECT_EQ(abi_mmuext(MMUEXT_TLB_FLUSH_LOCAL, 0), 0);
    EXPECT(!probe_read64((void *)va, &v));
    abi_table_free(l3);
    abi_table_free(l2);
    abi_table_free(l1);
    page_free(page, 0);
}

CLAIM(recursive_writable, "the root cannot name itself with a writable entry")
{
    uint64_t at = virt_to_maddr(&mm_root()[SPARE_SLOT]);

    EXPECT(update(at, make_pte(virt_to_mfn(mm_root()), PTE_TABLE)) < 0);
    EXPECT_EQ(mm_root()[SPARE_SLOT] & PTE_P, 0);
}

CLAIM(private_slots, "the root's slots 256 to 271 are the hypervisor's: updates fail or change nothing")
{
    uint64_t *l3 = abi_table();

    for (unsigned i = 256; i <= 271; i++) {
        uint64_t before = mm_root()[i];

        EXPECT(update(virt_to_maddr(&mm_root()[i]), make_pte(virt_to_mfn(l3), PTE_TABLE)) < 0);
        EXPECT_EQ(mm_root()[i], before);
    }
    EXPECT_EQ(update(virt_to_maddr(&mm_root()[272]), make_pte(virt_to_mfn(l3), PTE_TABLE)), 0);
    EXPECT_EQ(update(virt_to_maddr(&mm_root()[272]), 0), 0);
    EXPECT_EQ(update(virt_to_maddr(&mm_root()[255]), make_pte(virt_to_mfn(l3), PTE_TABLE)), 0);
    EXPECT_EQ(update(virt_to_maddr(&mm_root()[255]), 0), 0);
    abi_table_free(l3);
}

CLAIM(plain_page, "an update of a page that is no page table is a plain 8-byte store")
{
    uint64_t *page = abi_page();

    EXPECT_EQ(update(virt_to_maddr(&page[5]), 0x1234567812345678ul), 0);
    EXPECT_EQ(page[5], 0x1234567812345678ul);
    EXPECT_EQ(mm_readonly(page), 0);
    EXPECT_EQ(update(virt_to_maddr(&page[6]), 0x99), 0);
    EXPECT_EQ(page[6], 0x99);
    EXPECT_EQ(mm_writable(page), 0);
    page_free(page, 0);
}

CLAIM(alien_table, "an update at an address in a frame that is not ours is refused")
{
    EXPECT(update((uint64_t)abi_alien_mfn() << 12, 0) < 0);
    EXPECT(update(0xfee00000ul, 0) < 0);
    EXPECT(update(0xffffffffff000ul, 0) < 0);
}

CLAIM(preserve_ad, "command 2 keeps accessed and dirty bits that are set in the old entry")
{
    char *slot = abi_slot();
    void *page = abi_page();
    uint64_t at = slot_maddr(slot);

    EXPECT_EQ(update(at, make_pte(virt_to_mfn(page), PTE_P | PTE_U | PTE_W | PTE_A | PTE_D)), 0);
    EXPECT_EQ(update(at | MMU_PT_UPDATE_PRESERVE_AD, make_pte(virt_to_mfn(page), PTE_P | PTE_U)), 0);
    EXPECT_EQ(*mm_entry((unsigned long)slot, 1) & (PTE_A | PTE_D | PTE_W), PTE_A | PTE_D);
    EXPECT_EQ(update(at, make_pte(virt_to_mfn(page), PTE_P | PTE_U)), 0);
    EXPECT_EQ(*mm_entry((unsigned long)slot, 1) & (PTE_A | PTE_D), 0);
    abi_slot_free(slot);
    page_free(page, 0);
}

CLAIM(no_translate, "command 3 is an ordinary update for a PV domain")
{
    char *slot = abi_slot();
    void *page = abi_page();

    EXPECT_EQ(update(slot_maddr(slot) | MMU_PT_UPDATE_NO_TRANSLATE, make_pte(virt_to_mfn(page), PTE_RW)), 0);
    EXPECT(probe_write64(slot, 1));
    abi_slot_free(slot);
    page_free(page, 0);
}

CLAIM(machphys, "command 1 sets the M2P entry of an own frame, and only of an own frame")
{
    void *page = abi_page();
    unsigned long mfn = virt_to_mfn(page), pfn = virt_to_pfn(page);

    EXPECT_EQ(update((uint64_t)mfn << 12 | MMU_MACHPHYS_UPDATE, 0x1234), 0);
    EXPECT_EQ(mfn_to_pfn(mfn), 0x1234);
    EXPECT_EQ(update((uint64_t)mfn << 12 | MMU_MACHPHYS_UPDATE, pfn), 0);
    EXPECT_EQ(mfn_to_pfn(mfn), pfn);
    EXPECT_EQ(update((uint64_t)abi_alien_mfn() << 12 | MMU_MACHPHYS_UPDATE, pfn), -XEN_EINVAL);
    page_free(page, 0);
}

CLAIM(long_batch, "a batch of 512 updates is applied whole")
{
    static struct mmu_update req[512];
    uint64_t *table = abi_table(), *page = abi_page();
    unsigned done = 0, bad = 0;

    REQUIRE_OK(update(l2_maddr(), make_pte(virt_to_mfn(table), PTE_TABLE)));
    for (unsigned i = 0; i < 512; i++) {
        req[i].ptr = virt_to_maddr(&table[i]);
        req[i].val = make_pte(virt_to_mfn(page), PTE_RO);
    }
    EXPECT_EQ(hv_mmu_update(req, 512, &done, DOMID_SELF), 0);
    EXPECT_EQ(done, 512);
    for (unsigned i = 0; i < 512; i++) {
        uint64_t v = 1;

        bad += !probe_read64((char *)FREE_2M + i * PAGE_SIZE, &v) || v != 0;
    }
    EXPECT_EQ(bad, 0);
    EXPECT_EQ(update(l2_maddr(), 0), 0);
    abi_table_free(table);
    EXPECT_EQ(mm_writable(page), 0);
    page_free(page, 0);
}

CLAIM(huge_count, "a count that no list can have is EFAULT or stops at the first bad entry")
{
    char *slot = abi_slot();
    struct mmu_update req = {.ptr = slot_maddr(slot), .val = 0};

    EXPECT(hv_mmu_update(&req, 0x7fffffff, NULL, DOMID_SELF) < 0);
    abi_slot_free(slot);
}

CLAIM(writable_twice, "the writable references of a page are counted: with two, dropping one is not enough")
{
    char *slot = abi_slot();
    uint64_t *page = abi_page(), at = slot_maddr(slot);

    EXPECT_EQ(update(at, make_pte(virt_to_mfn(page), PTE_RW)), 0);
    EXPECT_EQ(mm_readonly(page), 0);
    EXPECT(update(l2_maddr(), make_pte(virt_to_mfn(page), PTE_TABLE)) < 0);
    EXPECT_EQ(update(at, 0), 0);
    EXPECT_EQ(update(l2_maddr(), make_pte(virt_to_mfn(page), PTE_TABLE)), 0);
    EXPECT_EQ(update(l2_maddr(), 0), 0);
    abi_table_free(page);
    abi_slot_free(slot);
}
