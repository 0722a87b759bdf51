/* SPDX-License-Identifier: MIT */
/*
 * Descriptor tables: set_gdt, update_descriptor, the LDT, and segments loaded from them.
 *
 * A guest may put any code or data descriptor into its tables, with privilege forced to 3, and no
 * system descriptor at all: a task or call gate would be a way out of its ring. Pages of a
 * table are of the descriptor type and cannot be mapped writable meanwhile.
 */
#include "tests/abi/lib/abi.h"

/* Flat data, DPL 3; the same with DPL 0; a 64-bit TSS; a call gate. */
#define DATA_DPL3 0x00cff3000000ffffull
#define DATA_DPL0 0x00cf93000000ffffull
#define CODE64    0x00affb000000ffffull
#define TSS64     0x0000890000000067ull
#define INT_GATE  0x00008e0000101234ull

static uint64_t *gdt;

static bool install(unsigned entries)
{
    unsigned long mfn;

    if (!gdt) {
        gdt = abi_page();
        if (mm_readonly(gdt)) {
            BROKEN("cannot make the GDT page read-only");
            return false;
        }
    }
    mfn = virt_to_mfn(gdt);
    EXPECT_EQ(hv_set_gdt(&mfn, entries), 0);
    return true;
}

static uint64_t with_base(uint64_t desc, uint32_t base)
{
    return desc | (uint64_t)(base & 0xffffff) << 16 | (uint64_t)(base >> 24) << 56;
}

CLAIM(set_gdt, "a read-only page becomes the GDT and is not writable while it is")
{
    if (!install(512))
        return;
    EXPECT(mm_writable(gdt) < 0);
    EXPECT_EQ(hv_set_gdt(NULL, 0), 0);
    EXPECT_EQ(mm_writable(gdt), 0);
    EXPECT_EQ(mm_readonly(gdt), 0);
}

CLAIM(set_gdt_errors, "set_gdt: too many entries, writable pages, alien frames and bad lists are refused")
{
    void *page = abi_page();
    unsigned long mfn = virt_to_mfn(page), alien = abi_alien_mfn(), huge = ~0ul;

    EXPECT_EQ(hv_set_gdt(&mfn, 7169), -XEN_EINVAL);
    EXPECT_EQ(hv_set_gdt(&mfn, 1), -XEN_EINVAL);
    EXPECT_EQ(hv_set_gdt(&alien, 1), -XEN_EINVAL);
    EXPECT_EQ(hv_set_gdt(&huge, 1), -XEN_EINVAL);
    EXPECT_EQ(hv_set_gdt(BAD_PTR, 1), -XEN_EFAULT);
    mfn = virt_to_mfn(mm_root());
    EXPECT_EQ(hv_set_gdt(&mfn, 1), -XEN_EINVAL);
    page_free(page, 0);
}

CLAIM(set_gdt_content, "a page with a system descriptor is refused as GDT and stays a plain page")
{
    static const uint64_t bad[] = {TSS64, INT_GATE, 0x0000820000000000ull};
    uint64_t *page = abi_page();
    unsigned long mfn = virt_to_mfn(page);

    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        page[511] = bad[i];
        EXPECT_EQ(mm_readonly(page), 0);
        EXPECT_EQ(hv_set_gdt(&mfn, 8), -XEN_EINVAL);
        EXPECT_EQ(mm_writable(page), 0);
    }
    page[511] = TSS64 & ~(1ull << 47); /* not present: harmless */
    EXPECT_EQ(mm_readonly(page), 0);
    EXPECT_EQ(hv_set_gdt(&mfn, 8), 0);
    EXPECT_EQ(hv_set_gdt(NULL, 0), 0);
    EXPECT_EQ(mm_writable(page), 0);
    page_free(page, 0);
}

CLAIM(update, "update_descriptor writes a GDT entry that can then be loaded")
{
    static uint64_t word = 0xfeed;
    uint64_t v = 0;

    if (!install(512))
        return;
    EXPECT_EQ(hv_update_descriptor(virt_to_maddr(&gdt[5]), DATA_DPL3), 0);
    EXPECT_EQ(gdt[5] | 1ull << 40, DATA_DPL3 | 1ull << 40);
    EXPECT_EQ(FAULT_OF("mov %0, %%fs", ::"r"(5 * 8 | 3)), -1);
    EXPECT_EQ(hv_set_segment_base(SEGBASE_FS, (unsigned long)&word), 0);
    asm volatile("movq %%fs:0, %0" : "=r"(v));
    EXPECT_EQ(v, 0xfeed);
    asm volatile("mov %0, %%fs" : : "r"(0));
    EXPECT_EQ(hv_update_descriptor(virt_to_maddr(&gdt[5]), 0), 0);
    EXPECT_EQ(FAULT_OF("mov %0, %%fs", ::"r"(5 * 8 | 3)), VEC_NP * 0 + VEC_GP);
}

CLAIM(base_loaded, "loading a selector takes the segment's base from its descriptor")
{
    char *slot = (char *)(3ul << 39); /* nothing there: only the fault's address is looked at */

    (void)slot;
    if (!install(512))
        return;
    EXPECT_EQ(hv_update_descriptor(virt_to_maddr(&gdt[6]), with_base(DATA_DPL3, 0x12340000)), 0);
    EXPECT_EQ(FAULT_OF("mov %0, %%fs", ::"r"(6 * 8 | 3)), -1);
    EXPECT_EQ(FAULT_OF("movb %%fs:8, %%al", ::: "rax"), VEC_PF);
    EXPECT_EQ(fault_take().cr2, 0x12340008);
    asm volatile("mov %0, %%fs" : : "r"(0));
}

CLAIM(dpl_forced, "a descriptor with DPL 0 is stored with DPL 3")
{
    if (!install(512))
        return;
    EXPECT_EQ(hv_update_descriptor(virt_to_maddr(&gdt[7]), DATA_DPL0), 0);
    EXPECT_EQ(gdt[7] >> 45 & 3, 3);
    EXPECT_EQ(FAULT_OF("mov %0, %%fs", ::"r"(7 * 8 | 3)), -1);
    asm volatile("mov %0, %%fs" : : "r"(0));
    EXPECT_EQ(hv_update_descriptor(virt_to_maddr(&gdt[8]), CODE64 & ~(3ull << 45)), 0);
    EXPECT_EQ(gdt[8] >> 45 & 3, 3);
}

CLAIM(system_refused, "update_descriptor refuses system segments and gates that are present")
{
    if (!install(512))
        return;
    EXPECT_EQ(hv_update_descriptor(virt_to_maddr(&gdt[9]), TSS64), -XEN_EINVAL);
    EXPECT_EQ(hv_update_descriptor(virt_to_maddr(&gdt[9]), INT_GATE), -XEN_EINVAL);
    EXPECT_EQ(hv_update_descriptor(virt_to_maddr(&gdt[9]), 0x0000820000000000ull), -XEN_EINVAL);
    EXPECT_EQ(gdt[9], 0);
    EXPECT_EQ(hv_update_descriptor(virt_to_maddr(&gdt[9]), TSS64 & ~(1ull << 47)), 0);
    EXPECT_EQ(hv_update_descriptor(virt_to_maddr(&gdt[9]), 0), 0);
}

CLAIM(update_errors, "update_descriptor: unaligned, alien, MMIO and page-table addresses are EINVAL")
{
    if (!install(512))
        return;
    EXPECT_EQ(hv_update_descriptor(virt_to_maddr(&gdt[5]) + 4, 0), -XEN_EINVAL);
    EXPECT_EQ(hv_update_descriptor((uint64_t)abi_alien_mfn() << 12, 0), -XEN_EINVAL);
    EXPECT_EQ(hv_update_descriptor(0xfee00000, 0), -XEN_EINVAL);
    EXPECT_EQ(hv_update_descriptor(~7ull, 0), -XEN_EINVAL);
    EXPECT_EQ(hv_update_descriptor(virt_to_maddr(mm_root()), 0), -XEN_EINVAL);
}

CLAIM(plain_page, "update_descriptor of a plain page is a store")
{
    uint64_t *page = abi_page();

    EXPECT_EQ(hv_update_descriptor(virt_to_maddr(&page[3]), DATA_DPL3), 0);
    EXPECT_EQ(page[3], DATA_DPL3);
    page_free(page, 0);
}

CLAIM(reserved_selectors, "the hypervisor's own selectors stay usable whatever the GDT is")
{
    if (!install(16))
        return;
    EXPECT_EQ(FAULT_OF("mov %0, %%fs", ::"r"(FLAT_KERNEL_SS)), -1);
    EXPECT_EQ(FAULT_OF("mov %0, %%fs", ::"r"(FLAT_KERNEL_DS32)), -1);
    asm volatile("mov %0, %%fs" : : "r"(0));
    EXPECT_EQ(hv_set_gdt(NULL, 0), 0);
    EXPECT_EQ(FAULT_OF("mov %0, %%fs", ::"r"(FLAT_KERNEL_SS)), -1);
    asm volatile("mov %0, %%fs" : : "r"(0));
}

static long set_ldt(void *va, unsigned entries)
{
    struct mmuext_op op = {.cmd = MMUEXT_SET_LDT};

    op.arg1.linear_addr = (unsigned long)va;
    op.arg2.nr_ents = entries;
    return hv_mmuext_op(&op, 1, NULL, DOMID_SELF);
}

CLAIM(ldt, "an LDT entry loads; its page gets its type at the first use and loses it with SET_LDT 0")
{
    uint64_t *ldt = abi_page();

    ldt[2] = with_base(DATA_DPL3, 0x23450000);
    EXPECT_EQ(mm_readonly(ldt), 0);
    EXPECT_EQ(set_ldt(ldt, 512), 0);
    EXPECT_EQ(FAULT_OF("mov %0, %%fs", ::"r"(2 * 8 | 7)), -1);
    EXPECT_EQ(FAULT_OF("movb %%fs:4, %%al", ::: "rax"), VEC_PF);
    EXPECT_EQ(fault_take().cr2, 0x23450004);
    EXPECT(mm_writable(ldt) < 0);
    EXPECT_EQ(hv_update_descriptor(virt_to_maddr(&ldt[3]), DATA_DPL3), 0);
    EXPECT_EQ(FAULT_OF("mov %0, %%fs", ::"r"(3 * 8 | 7)), -1);
    asm volatile("mov %0, %%fs" : : "r"(0));
    EXPECT_EQ(set_ldt(NULL, 0), 0);
    EXPECT_EQ(mm_writable(ldt), 0);
    page_free(ldt, 0);
}

CLAIM(ldt_absent, "without an LDT a selector with the table bit is #GP with that selector")
{
    EXPECT_EQ(set_ldt(NULL, 0), 0);
    EXPECT_EQ(FAULT_OF("mov %0, %%fs", ::"r"(2 * 8 | 7)), VEC_GP);
    EXPECT_EQ(fault_take().error, 2 * 8 | 4);
}

CLAIM(ldt_unmapped, "an LDT whose page is not mapped or holds a gate faults in the guest at its use")
{
    char *slot = abi_slot();
    uint64_t *page = abi_page();
    int vector;

    EXPECT_EQ(set_ldt(slot, 512), 0);
    vector = FAULT_OF("mov %0, %%fs", ::"r"(2 * 8 | 7));
    EXPECT(vector == VEC_PF || vector == VEC_GP);
    EXPECT_EQ(set_ldt(NULL, 0), 0);
    page[0] = TSS64;
    EXPECT_EQ(mm_readonly(page), 0);
    EXPECT_EQ(set_ldt(page, 512), 0);
    vector = FAULT_OF("mov %0, %%fs", ::"r"(2 * 8 | 7));
    EXPECT(vector == VEC_PF || vector == VEC_GP);
    EXPECT_EQ(set_ldt(NULL, 0), 0);
    EXPECT_EQ(mm_writable(page), 0);
    page_free(page, 0);
    abi_slot_free(slot);
}

CLAIM(segment_base, "set_segment_base sets FS and both GS bases; non-canonical is EINVAL, unknown too")
{
    static uint64_t word = 0xcafe;
    uint64_t v = 0;

    EXPECT_EQ(hv_set_segment_base(SEGBASE_FS, (unsigned long)&word), 0);
    asm volatile("movq %%fs:0, %0" : "=r"(v));
    EXPECT_EQ(v, 0xcafe);
    EXPECT_EQ(hv_set_segment_base(SEGBASE_GS_KERNEL, (unsigned long)&word), 0);
    v = 0;
    asm volatile("movq %%gs:0, %0" : "=r"(v));
    EXPECT_EQ(v, 0xcafe);
    EXPECT_EQ(hv_set_segment_base(SEGBASE_GS_USER, 0x1000), 0);
    for (unsigned which = 0; which < 3; which++)
        EXPECT_EQ(hv_set_segment_base(which, 1ul << 60), -XEN_EINVAL);
    EXPECT_EQ(hv_set_segment_base(4, 0), -XEN_EINVAL);
    EXPECT_EQ(hv_set_segment_base(77, 0), -XEN_EINVAL);
}

CLAIM(user_selector, "SEGBASE_GS_USER_SEL loads a good selector and answers 0 for a bad one as well")
{
    EXPECT_EQ(hv_set_segment_base(SEGBASE_GS_USER_SEL, FLAT_USER_DS), 0);
    EXPECT_EQ(hv_set_segment_base(SEGBASE_GS_USER_SEL, 0), 0);
    EXPECT_EQ(hv_set_segment_base(SEGBASE_GS_USER_SEL, 0x6ff8), 0);
}

CLAIM(stack_switch, "stack_switch takes any stack pointer and selector without looking at them")
{
    EXPECT_EQ(hv_stack_switch(FLAT_KERNEL_SS, (unsigned long)gdt), 0);
    EXPECT_EQ(hv_stack_switch(0x1230, 0), 0);
    EXPECT_EQ(hv_stack_switch(FLAT_KERNEL_SS, 0), 0);
}
