/* SPDX-License-Identifier: MIT */
/*
 * multicall: several hypercalls in one entry. Kernels batch their context switch in it, so each
 * result must arrive in its entry, in order, and errors must not stop the rest.
 */
#include "tests/abi/lib/abi.h"

CLAIM(results, "each entry gets its result, errors included, and the call itself returns 0")
{
    struct multicall_entry m[4] = {
        {.op = __HYPERVISOR_xen_version, .args = {XENVER_version}},
        {.op = __HYPERVISOR_xen_version, .args = {99}},
        {.op = 63},
        {.op = __HYPERVISOR_xen_version, .args = {XENVER_pagesize}},
    };

    EXPECT_EQ(hv_multicall(m, 4), 0);
    EXPECT_EQ(m[0].result, 4 << 16 | 17);
    EXPECT_EQ(m[1].result, -XEN_ENOSYS);
    EXPECT_EQ(m[2].result, -XEN_ENOSYS);
    EXPECT_EQ(m[3].result, 4096);
}

CLAIM(order, "entries run in order: the last of several updates of one entry wins")
{
    char *slot = abi_slot();
    uint64_t *page = abi_page();
    struct multicall_entry m[3];
    uint64_t values[3] = {0, make_pte(virt_to_mfn(page), PTE_RO), make_pte(virt_to_mfn(page), PTE_RW)};

    for (unsigned i = 0; i < 3; i++)
        m[i] = (struct multicall_entry){.op = __HYPERVISOR_update_va_mapping,
                                        .args = {(unsigned long)slot, values[i], UVMF_INVLPG | UVMF_LOCAL}};
    EXPECT_EQ(hv_multicall(m, 3), 0);
    for (unsigned i = 0; i < 3; i++)
        EXPECT_EQ(m[i].result, 0);
    EXPECT(probe_write64(slot, 1));
    abi_slot_free(slot);
    page_free(page, 0);
}

CLAIM(empty, "no entries at all is 0")
{
    EXPECT_EQ(hv_multicall(NULL, 0), 0);
}

CLAIM(bad_pointer, "a list that cannot be read is EFAULT")
{
    EXPECT_EQ(hv_multicall(BAD_PTR, 1), -XEN_EFAULT);
    EXPECT_EQ(hv_multicall(HV_PTR, 1), -XEN_EFAULT);
}

CLAIM(tail_unmapped, "entries before the end of the mapped memory run; the call is EFAULT")
{
    char *slot = abi_slot();
    char *page = abi_page();
    struct multicall_entry *m = (void *)(slot + PAGE_SIZE) - sizeof(*m) * 2;

    EXPECT_EQ(mm_set_pte((unsigned long)slot, make_pte(virt_to_mfn(page), PTE_RW)), 0);
    m[0] = (struct multicall_entry){.op = __HYPERVISOR_xen_version, .args = {XENVER_pagesize}};
    m[1] = m[0];
    EXPECT_EQ(hv_multicall(m, 3), -XEN_EFAULT);
    EXPECT_EQ(m[0].result, 4096);
    EXPECT_EQ(m[1].result, 4096);
    abi_slot_free(slot);
    page_free(page, 0);
}

CLAIM(read_only_list, "a list that cannot be written is EFAULT")
{
    struct multicall_entry *m = abi_page();

    m[0] = (struct multicall_entry){.op = __HYPERVISOR_xen_version, .args = {XENVER_pagesize}};
    EXPECT_EQ(mm_readonly(m), 0);
    EXPECT_EQ(hv_multicall(m, 1), -XEN_EFAULT);
    EXPECT_EQ(mm_writable(m), 0);
    page_free(m, 0);
}

CLAIM(nested, "a multicall inside a multicall is refused in its entry")
{
    struct multicall_entry inner = {.op = __HYPERVISOR_xen_version, .args = {XENVER_pagesize}};
    struct multicall_entry m[2] = {
        {.op = __HYPERVISOR_multicall, .args = {(unsigned long)&inner, 1}},
        {.op = __HYPERVISOR_xen_version, .args = {XENVER_pagesize}},
    };

    EXPECT_EQ(hv_multicall(m, 2), 0);
    EXPECT_EQ(m[0].result, -XEN_EINVAL);
    EXPECT_EQ(m[1].result, 4096);
}

CLAIM(long_list, "a list of 2000 entries is done whole")
{
    const unsigned n = 2000;
    struct multicall_entry *m = page_alloc(5);
    unsigned bad = 0;

    _Static_assert(sizeof(*m) * 2000 <= 32 * 4096, "the list fits in 32 pages");
    REQUIRE(m);
    for (unsigned i = 0; i < n; i++)
        m[i] = (struct multicall_entry){.op = __HYPERVISOR_xen_version, .args = {XENVER_pagesize}};
    EXPECT_EQ(hv_multicall(m, n), 0);
    for (unsigned i = 0; i < n; i++)
        bad += m[i].result != 4096;
    EXPECT_EQ(bad, 0);
    page_free(m, 5);
}

CLAIM(context_switch, "the batch of a context switch: stack, descriptor, FPU and base in one call")
{
    uint64_t *page = abi_page();
    struct multicall_entry m[4] = {
        {.op = __HYPERVISOR_stack_switch, .args = {FLAT_KERNEL_SS, (unsigned long)page}},
        {.op = __HYPERVISOR_update_descriptor, .args = {virt_to_maddr(page), 0x00cff3000000ffffull}},
        {.op = __HYPERVISOR_fpu_taskswitch, .args = {1}},
        {.op = __HYPERVISOR_set_segment_base, .args = {SEGBASE_FS, 0x1000}},
    };

    EXPECT_EQ(hv_multicall(m, 4), 0);
    for (unsigned i = 0; i < 4; i++)
        EXPECT_EQ(m[i].result, 0);
    EXPECT_EQ(page[0], 0x00cff3000000ffffull);
    hv_fpu_taskswitch(0);
    page_free(page, 0);
}
