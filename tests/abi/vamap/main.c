/* SPDX-License-Identifier: MIT */
/*
 * update_va_mapping: one L1 entry by the virtual address that it maps, with a flush in the same call.
 */
#include "tests/abi/lib/abi.h"

CLAIM(flush_kinds, "every combination of flush kind and target returns 0 and changes the entry")
{
    static const unsigned long kinds[] = {UVMF_NONE, UVMF_TLB_FLUSH, UVMF_INVLPG};
    static uint64_t mask = 1;
    char *slot = abi_slot();
    uint64_t *page = abi_page();

    for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++) {
        unsigned long targets[] = {UVMF_LOCAL, UVMF_ALL, (unsigned long)&mask};

        for (unsigned j = 0; j < ARRAY_SIZE(targets); j++) {
            page[0] = i * 10 + j;
            EXPECT_EQ(hv_update_va_mapping((unsigned long)slot, make_pte(virt_to_mfn(page), PTE_RW),
                                           kinds[i] | targets[j]),
                      0);
            EXPECT_EQ(*(volatile uint64_t *)slot, i * 10 + j);
            EXPECT_EQ(mm_set_pte((unsigned long)slot, 0), 0);
        }
    }
    abi_slot_free(slot);
    page_free(page, 0);
}

CLAIM(effect, "a flush makes the new rights hold at once")
{
    char *slot = abi_slot();
    void *page = abi_page();

    EXPECT_EQ(mm_set_pte((unsigned long)slot, make_pte(virt_to_mfn(page), PTE_RW)), 0);
    EXPECT(probe_write64(slot, 1));
    EXPECT_EQ(hv_update_va_mapping((unsigned long)slot, make_pte(virt_to_mfn(page), PTE_RO),
                                   UVMF_INVLPG | UVMF_LOCAL),
              0);
    EXPECT(!probe_write64(slot, 1));
    EXPECT_EQ(hv_update_va_mapping((unsigned long)slot, 0, UVMF_TLB_FLUSH | UVMF_LOCAL), 0);
    EXPECT(!probe_read64(slot, &(uint64_t){0}));
    abi_slot_free(slot);
    page_free(page, 0);
}

CLAIM(no_table, "an address without an L1 table is EINVAL")
{
    EXPECT_EQ(hv_update_va_mapping(0x123456789000ul, 0, 0), -XEN_EINVAL);
    EXPECT_EQ(hv_update_va_mapping(WINDOW_BASE + (512ul << 20), 0, 0), -XEN_EINVAL);
}

CLAIM(hypervisor_address, "an address in the hypervisor's range or no address at all is EINVAL")
{
    EXPECT_EQ(hv_update_va_mapping(0xffff820000000000ul, 0, 0), -XEN_EINVAL);
    EXPECT_EQ(hv_update_va_mapping(HYPERVISOR_VIRT_START, 0, 0), -XEN_EINVAL);
    EXPECT_EQ(hv_update_va_mapping(1ul << 60, 0, 0), -XEN_EINVAL);
}

CLAIM(unaligned, "the low bits of the address do not matter")
{
    char *slot = abi_slot();
    uint64_t *page = abi_page();

    page[0] = 0x66;
    EXPECT_EQ(hv_update_va_mapping((unsigned long)slot + 0x123, make_pte(virt_to_mfn(page), PTE_RW), 0), 0);
    EXPECT_EQ(*(volatile uint64_t *)slot, 0x66);
    abi_slot_free(slot);
    page_free(page, 0);
}

CLAIM(table_writable, "a page table cannot be made writable through its own linear address")
{
    EXPECT(mm_writable(mm_root()) < 0);
    EXPECT(mm_writable((void *)((unsigned long)mm_entry(GUEST_VIRT_BASE, 1) & ~0xffful)) < 0);
    EXPECT(mm_set_pte((unsigned long)mm_root(), make_pte(virt_to_mfn(mm_root()), PTE_RO)) == 0);
}

CLAIM(bad_mask, "a vCPU mask that cannot be read is reported, after the entry was changed")
{
    char *slot = abi_slot();
    uint64_t *page = abi_page();

    EXPECT(hv_update_va_mapping((unsigned long)slot, make_pte(virt_to_mfn(page), PTE_RW),
                                UVMF_INVLPG | (unsigned long)BAD_PTR) < 0);
    EXPECT_EQ(*mm_entry((unsigned long)slot, 1) & PTE_P, PTE_P);
    EXPECT_EQ(mm_set_pte((unsigned long)slot, 0), 0);
    abi_slot_free(slot);
    page_free(page, 0);
}

CLAIM(other_domain, "update_va_mapping_otherdomain: an unknown domain is ESRCH, DOMID_SELF works")
{
    char *slot = abi_slot();
    uint64_t *page = abi_page();

    EXPECT_EQ(hv_update_va_mapping_otherdomain((unsigned long)slot, 0, 0, 0x7000), -XEN_ESRCH);
    EXPECT_EQ(hv_update_va_mapping_otherdomain((unsigned long)slot, make_pte(virt_to_mfn(page), PTE_RW), 0,
                                               DOMID_SELF),
              0);
    EXPECT(probe_write64(slot, 1));
    abi_slot_free(slot);
    page_free(page, 0);
}

CLAIM(swap_frames, "an entry that changes from one page to another drops the reference to the first")
{
    char *slot = abi_slot();
    uint64_t *a = abi_page(), *b = abi_page();

    EXPECT_EQ(mm_set_pte((unsigned long)slot, make_pte(virt_to_mfn(a), PTE_RW)), 0);
    EXPECT_EQ(mm_set_pte((unsigned long)slot, make_pte(virt_to_mfn(b), PTE_RW)), 0);
    EXPECT_EQ(mm_readonly(a), 0);
    EXPECT_EQ(abi_mmuext(MMUEXT_PIN_L1_TABLE, virt_to_mfn(a)), 0);
    EXPECT_EQ(abi_mmuext(MMUEXT_UNPIN_TABLE, virt_to_mfn(a)), 0);
    EXPECT_EQ(mm_readonly(b), 0);
    EXPECT(abi_mmuext(MMUEXT_PIN_L1_TABLE, virt_to_mfn(b)) < 0);
    EXPECT_EQ(mm_writable(b), 0);
    abi_table_free(a);
    abi_slot_free(slot);
    page_free(b, 0);
}
