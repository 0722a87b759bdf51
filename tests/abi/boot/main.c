/* SPDX-License-Identifier: MIT */
/*
 * The state that the domain builder hands over.
 *
 * A kernel's first instructions trust start_info, the initial page tables and the two
 * translation tables without any means to check them. These claims do check: the p2m and M2P lists are
 * inverse to each other, the page tables are mapped read-only and pinned, the linear map reaches as
 * far as promised, and the hypervisor's part of the address space is out of reach.
 */
#include "tests/abi/lib/abi.h"
#include "guest/time.h"

CLAIM(magic, "start_info says xen-3.0-x86_64 and that this is the privileged first domain")
{
    FIRST_DOMAIN_ONLY();
    EXPECT(strncmp(start_info->magic, "xen-3.0-x86_64", 14) == 0);
    EXPECT(start_info->flags & SIF_INITDOMAIN);
    EXPECT(start_info->flags & SIF_PRIVILEGED);
    EXPECT_EQ(start_info->store_evtchn, 0);
}

CLAIM(nr_pages, "nr_pages is what current_reservation counts")
{
    domid_t self = DOMID_SELF;

    EXPECT_EQ(hv_memory_op(XENMEM_current_reservation, &self), start_info->nr_pages);
}

CLAIM(p2m_m2p, "the M2P is the inverse of the p2m for every page")
{
    unsigned long bad = 0;

    for (unsigned long pfn = 0; pfn < start_info->nr_pages; pfn++)
        bad += mfn_to_pfn(pfn_to_mfn(pfn)) != pfn;
    EXPECT_EQ(bad, 0);
}

CLAIM(linear_map, "the initial map is linear from VIRT_BASE and maps pfn by pfn")
{
    unsigned long bad = 0, end = start_info->pt_base + start_info->nr_pt_frames * PAGE_SIZE;

    for (unsigned long va = GUEST_VIRT_BASE; va < end; va += PAGE_SIZE) {
        const uint64_t *e = mm_entry(va, 1);

        if (va == (unsigned long)shared_info) /* mapped over a page of the image by now */
            continue;
        bad += !e || !(*e & PTE_P) || (*e & PTE_ADDR) >> 12 != virt_to_mfn((void *)va);
    }
    EXPECT_EQ(bad, 0);
}

CLAIM(spare_mapping, "the initial map ends on 4 MiB, at least 512 KiB behind the boot stack")
{
    unsigned long stack_end = start_info->pt_base + (start_info->nr_pt_frames + 1) * PAGE_SIZE;
    unsigned long end = (stack_end + (512ul << 10) + (4ul << 20) - 1) & ~((4ul << 20) - 1);

    for (unsigned long va = stack_end; va < end; va += PAGE_SIZE) {
        const uint64_t *e = mm_entry(va, 1);

        if (!e || !(*e & PTE_P)) {
            FAIL("%lx is not mapped, end of map should be %lx", va, end);
            break;
        }
    }
}

CLAIM(tables_read_only, "every page of the initial page tables is mapped read-only")
{
    for (unsigned i = 0; i < start_info->nr_pt_frames; i++) {
        const uint64_t *e = mm_entry(start_info->pt_base + i * PAGE_SIZE, 1);

        EXPECT(e && (*e & PTE_P) && !(*e & PTE_W));
    }
}

CLAIM(table_write_faults, "a store into the root table is a page fault for write, protection, supervisor")
{
    uint64_t *root = mm_root();
    struct fault f;

    EXPECT(!probe_write64(&root[5], 0));
    f = fault_take();
    EXPECT_EQ(f.vector, VEC_PF);
    EXPECT_EQ(f.error, 3);
    EXPECT_EQ(f.cr2, &root[5]);
}

CLAIM(root_pinned, "the initial root table is pinned: it can be unpinned, once, and pinned again")
{
    struct mmuext_op op = {.cmd = MMUEXT_UNPIN_TABLE, .arg1.mfn = virt_to_mfn(mm_root())};

    EXPECT_EQ(hv_mmuext_op(&op, 1, NULL, DOMID_SELF), 0);
    EXPECT_EQ(hv_mmuext_op(&op, 1, NULL, DOMID_SELF), -XEN_EINVAL);
    op.cmd = MMUEXT_PIN_L4_TABLE;
    EXPECT_EQ(hv_mmuext_op(&op, 1, NULL, DOMID_SELF), 0);
    EXPECT_EQ(hv_mmuext_op(&op, 1, NULL, DOMID_SELF), -XEN_EINVAL);
}

CLAIM(cr3, "CR3 names the root that pt_base maps")
{
    uint64_t cr3;

    asm volatile("mov %%cr3, %0" : "=r"(cr3));
    EXPECT_EQ(cr3 >> 12, virt_to_mfn(mm_root()));
}

CLAIM(m2p_read_only, "the M2P cannot be written")
{
    EXPECT(!probe_write64(&machine_to_phys_mapping[virt_to_mfn(mm_root())], 0));
    EXPECT_EQ(fault_take().vector, VEC_PF);
}

CLAIM(hypervisor_hidden, "the hypervisor's own range is neither readable nor writable")
{
    uint64_t v;

    for (unsigned long va = 0xffff808000000000ul; va < 0xffff880000000000ul; va += 1ul << 35) {
        if (probe_read64((void *)va, &v))
            FAIL("%lx is readable", va);
        if (probe_write64((void *)va, 0))
            FAIL("%lx is writable", va);
    }
}

CLAIM(upcalls_masked, "the records of vCPUs that never ran have upcalls masked")
{
    for (unsigned i = 1; i < XEN_LEGACY_MAX_VCPUS; i++)
        EXPECT_EQ(shared_info->vcpu_info[i].evtchn_upcall_mask, 1);
}

CLAIM(time_record, "the time record is valid: even version, plausible scale, time passes")
{
    const struct vcpu_time_info *t = &this_vcpu()->info->time;
    uint64_t before = time_now();

    EXPECT_EQ(t->version & 1, 0);
    EXPECT(t->version != 0);
    EXPECT(t->tsc_to_system_mul != 0);
    EXPECT(time_now() > before);
    EXPECT_EQ(shared_info->wc_version & 1, 0);
    EXPECT(time_wallclock() > 1500000000ul * 1000000000ul);
}

CLAIM(bss_zero, "memory behind the image's file content is zero")
{
    static char zero[3 * PAGE_SIZE];
    unsigned long bad = 0;

    for (unsigned i = 0; i < sizeof(zero); i++)
        bad += ((volatile char *)zero)[i] != 0;
    EXPECT_EQ(bad, 0);
}

CLAIM(cmdline, "the command line is terminated and holds what the boot loader gave")
{
    EXPECT(strnlen((char *)start_info->cmd_line, MAX_GUEST_CMDLINE) < MAX_GUEST_CMDLINE);
}
