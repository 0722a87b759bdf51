/* SPDX-License-Identifier: MIT */
/*
 * Emulation of direct writes to page tables.
 *
 * With vm_assist "writable_pagetables" a guest kernel stores into live L1 tables through their
 * read-only mapping; the hypervisor takes the fault, decodes the instruction and applies the store as
 * an update of the table, with all its checks. Linux does this all the time, with MOV, XCHG,
 * CMPXCHG and locked bit operations. Only L1 tables, only the kernel, only aligned stores.
 */
#include "tests/abi/lib/abi.h"

static char *slot;
static uint64_t *entry, *page;

static bool begin(void)
{
    EXPECT_EQ(hv_vm_assist(VMASST_CMD_enable, VMASST_TYPE_writable_pagetables), 0);
    slot = abi_slot();
    page = abi_page();
    page[0] = 0x600d;
    entry = mm_entry((unsigned long)slot, 1);
    return entry != NULL;
}

static void end(void)
{
    mm_update_entry(virt_to_maddr(entry), 0);
    abi_slot_free(slot);
    page_free(page, 0);
}

static uint64_t good_pte(void)
{
    return make_pte(virt_to_mfn(page), PTE_RW);
}

static void flush(void)
{
    abi_mmuext(MMUEXT_INVLPG_LOCAL, (unsigned long)slot);
}

static uint64_t through(void)
{
    uint64_t v = 0;

    flush();
    return probe_read64(slot, &v) ? v : ~0ul;
}

CLAIM(mov, "MOV of 8 bytes maps and unmaps a page")
{
    begin();
    EXPECT(probe_write64(entry, good_pte()));
    EXPECT_EQ(through(), 0x600d);
    EXPECT(probe_write64(entry, 0));
    EXPECT_EQ(through(), ~0ul);
    end();
}

CLAIM(mov_immediate, "MOV of a 32-bit immediate, sign-extended to 8 bytes")
{
    begin();
    EXPECT(probe_write64(entry, good_pte()));
    EXPECT_EQ(FAULT_OF("movq $0x7ffffffe, (%0)", ::"r"(entry) : "memory"), -1);
    EXPECT_EQ(*entry, 0x7ffffffe);
    end();
}

CLAIM(addressing, "base, scaled index and displacement address the entry, also with r8 to r15")
{
    begin();
    asm volatile("mov %0, %%r12; mov %1, %%r13; mov $4, %%r14d; movq %%r13, -0x20(%%r12,%%r14,8)"
                 :
                 : "r"(entry), "r"(good_pte())
                 : "r12", "r13", "r14", "memory");
    EXPECT_EQ(through(), 0x600d);
    end();
}

CLAIM(xchg, "XCHG stores the new entry and returns the old one")
{
    uint64_t old = 0;

    begin();
    EXPECT(probe_write64(entry, good_pte()));
    EXPECT_EQ(FAULT_OF("xchgq %0, (%1)", : "+r"(old) : "r"(entry) : "memory"), -1);
    EXPECT_EQ(old & (PTE_ADDR | PTE_P | PTE_W), good_pte() & (PTE_ADDR | PTE_P | PTE_W));
    EXPECT_EQ(*entry, 0);
    EXPECT_EQ(through(), ~0ul);
    end();
}

CLAIM(cmpxchg, "LOCK CMPXCHG replaces the entry when it is the expected one, and only then")
{
    uint64_t expected, want;
    uint8_t equal;

    begin();
    expected = 0x123;
    want = good_pte();
    EXPECT_EQ(FAULT_OF("lock cmpxchgq %2, (%3)\n\tsete %1",
                       : "+a"(expected), "=q"(equal)
                       : "r"(want), "r"(entry)
                       : "memory", "cc"),
              -1);
    EXPECT_EQ(expected, 0);
    EXPECT_EQ(*entry, 0);
    expected = 0;
    EXPECT_EQ(FAULT_OF("lock cmpxchgq %2, (%3)\n\tsete %1",
                       : "+a"(expected), "=q"(equal)
                       : "r"(want), "r"(entry)
                       : "memory", "cc"),
              -1);
    EXPECT_EQ(equal, 1);
    EXPECT_EQ(through(), 0x600d);
    end();
}

CLAIM(cmpxchg_flags, "CMPXCHG that fails clears ZF and loads RAX with the entry")
{
    uint64_t expected = 0xdead;
    uint8_t equal;

    begin();
    REQUIRE_OK(mm_update_entry(virt_to_maddr(entry), good_pte()));
    asm volatile("lock cmpxchgq %2, (%3)\n\tsete %1"
                 : "+a"(expected), "=q"(equal)
                 : "r"(0ul), "r"(entry)
                 : "memory", "cc");
    EXPECT_EQ(equal, 0);
    EXPECT_EQ(expected, *entry);
    end();
}

CLAIM(lock_and, "LOCK AND of the low byte takes the write bit away")
{
    begin();
    REQUIRE_OK(mm_update_entry(virt_to_maddr(entry), good_pte()));
    EXPECT_EQ(FAULT_OF("lock andb $0xfd, (%0)", ::"r"(entry) : "memory", "cc"), -1);
    EXPECT_EQ(*entry & (PTE_P | PTE_W), PTE_P);
    flush();
    EXPECT(!probe_write64(slot, 1));
    end();
}

CLAIM(lock_and_64, "LOCK AND of 8 bytes")
{
    begin();
    REQUIRE_OK(mm_update_entry(virt_to_maddr(entry), good_pte()));
    EXPECT_EQ(FAULT_OF("lock andq %1, (%0)", ::"r"(entry), "r"(~(uint64_t)PTE_D) : "memory", "cc"), -1);
    EXPECT_EQ(*entry & (PTE_P | PTE_W | PTE_D), PTE_P | PTE_W);
    end();
}

CLAIM(lock_or, "LOCK OR sets the write bit back")
{
    begin();
    REQUIRE_OK(mm_update_entry(virt_to_maddr(entry), good_pte() & ~PTE_W));
    EXPECT_EQ(FAULT_OF("lock orb $2, (%0)", ::"r"(entry) : "memory", "cc"), -1);
    EXPECT(*entry & PTE_W);
    flush();
    EXPECT(probe_write64(slot, 1));
    end();
}

CLAIM(lock_btr, "LOCK BTR clears a bit and returns it in CF; BTS sets it")
{
    uint8_t carry;

    begin();
    REQUIRE_OK(mm_update_entry(virt_to_maddr(entry), good_pte()));
    EXPECT_EQ(FAULT_OF("lock btrq $5, (%1)\n\tsetc %0", : "=q"(carry) : "r"(entry) : "memory", "cc"), -1);
    EXPECT_EQ(*entry & PTE_A, 0);
    asm volatile("lock btrq $6, (%1)\n\tsetc %0" : "=q"(carry) : "r"(entry) : "memory", "cc");
    EXPECT_EQ(carry, 1);
    asm volatile("lock btsq %2, (%1)\n\tsetc %0" : "=q"(carry) : "r"(entry), "r"(6ul) : "memory", "cc");
    EXPECT_EQ(carry, 0);
    EXPECT(*entry & PTE_D);
    end();
}

CLAIM(lock_xadd, "LOCK XADD adds and returns the old entry")
{
    uint64_t v = PTE_D;

    begin();
    REQUIRE_OK(mm_update_entry(virt_to_maddr(entry), good_pte() & ~PTE_D));
    EXPECT_EQ(FAULT_OF("lock xaddq %0, (%1)", : "+r"(v) : "r"(entry) : "memory", "cc"), -1);
    EXPECT(*entry & PTE_D);
    EXPECT_EQ(v & (PTE_P | PTE_D), PTE_P);
    end();
}

CLAIM(sizes, "stores of 1, 2 and 4 bytes change only their part of the entry")
{
    begin();
    REQUIRE_OK(mm_update_entry(virt_to_maddr(entry), 0x1122334455667700));
    EXPECT_EQ(FAULT_OF("movb $0x12, (%0)", ::"r"(entry) : "memory"), -1);
    EXPECT_EQ(*entry, 0x1122334455667712);
    EXPECT_EQ(FAULT_OF("movb $0x34, 7(%0)", ::"r"(entry) : "memory"), -1);
    EXPECT_EQ(*entry, 0x3422334455667712);
    EXPECT_EQ(FAULT_OF("movw $0x5678, 2(%0)", ::"r"(entry) : "memory"), -1);
    EXPECT_EQ(*entry, 0x3422334456787712);
    EXPECT_EQ(FAULT_OF("movl $0x7abcdef0, 4(%0)", ::"r"(entry) : "memory"), -1);
    EXPECT_EQ(*entry, 0x7abcdef056787712);
    end();
}

CLAIM(not_present, "an entry that is not present may be written with anything")
{
    begin();
    EXPECT(probe_write64(entry, 0xfedcba9876543210));
    EXPECT_EQ(*entry, 0xfedcba9876543210);
    end();
}

CLAIM(refused, "a store of an entry that the hypervisor refuses is a page fault and changes nothing")
{
    struct fault f;

    begin();
    EXPECT(!probe_write64(entry, make_pte(virt_to_mfn(mm_root()), PTE_RW)));
    f = fault_take();
    EXPECT_EQ(f.vector, VEC_PF);
    EXPECT_EQ(f.error, 3);
    EXPECT_EQ(f.cr2, entry);
    EXPECT_EQ(*entry, 0);
    EXPECT(!probe_write64(entry, make_pte(abi_alien_mfn(), PTE_RO)));
    EXPECT_EQ(*entry, 0);
    end();
}

CLAIM(counts, "references follow emulated stores: the page becomes a table only when unmapped again")
{
    begin();
    EXPECT(probe_write64(entry, good_pte()));
    EXPECT_EQ(mm_readonly(page), 0);
    EXPECT(abi_mmuext(MMUEXT_PIN_L1_TABLE, virt_to_mfn(page)) < 0);
    EXPECT(probe_write64(entry, 0));
    EXPECT(!probe_write64(page, 0));
    EXPECT_EQ(mm_writable(page), 0);
    page[0] = 0;
    EXPECT_EQ(mm_readonly(page), 0);
    EXPECT_EQ(abi_mmuext(MMUEXT_PIN_L1_TABLE, virt_to_mfn(page)), 0);
    EXPECT_EQ(abi_mmuext(MMUEXT_UNPIN_TABLE, virt_to_mfn(page)), 0);
    EXPECT_EQ(mm_writable(page), 0);
    end();
}

CLAIM(upper_levels, "stores into L2, L3 and L4 tables are page faults")
{
    begin();
    for (unsigned level = 2; level <= 4; level++) {
        uint64_t *e = mm_entry((unsigned long)slot, level);

        EXPECT(!probe_write64(e, *e));
        EXPECT_EQ(fault_take().error, 3);
    }
    end();
}

CLAIM(unaligned, "a store that is not aligned to its size is a page fault")
{
    begin();
    EXPECT_EQ(FAULT_OF("movq %1, 4(%0)", ::"r"(entry), "r"(0ul) : "memory"), VEC_PF);
    EXPECT_EQ(FAULT_OF("movl $0, 2(%0)", ::"r"(entry) : "memory"), VEC_PF);
    EXPECT_EQ(*entry, 0);
    end();
}

CLAIM(other_pages, "a store to a read-only page that is no table is a page fault")
{
    char *p = abi_page();

    begin();
    EXPECT_EQ(mm_readonly(p), 0);
    EXPECT(!probe_write64(p, 1));
    EXPECT_EQ(fault_take().error, 3);
    EXPECT_EQ(mm_writable(p), 0);
    page_free(p, 0);
    end();
}

static unsigned long u_store(unsigned long at)
{
    *(volatile uint64_t *)at = 0;
    return 0;
}

/* Changed by handlers that the compiler cannot see being called: hence external linkage. */
struct trap_frame user_frame;

static bool leave(struct trap_frame *f)
{
    user_frame = *f;
    user_exit(f->vector);
}

CLAIM(user_mode, "a store from user mode is never emulated")
{
    static char stack[PAGE_SIZE] __attribute__((aligned(16)));

    begin();
    abi_user_mode();
    trap_set_hook(VEC_PF, leave);
    EXPECT_EQ(user_call(u_store, (unsigned long)entry, stack + sizeof(stack)), VEC_PF);
    EXPECT_EQ(user_frame.error, 7);
    trap_set_hook(VEC_PF, NULL);
    end();
}

CLAIM(other_instructions, "a locked ADD, SUB and XOR are emulated; one whose result is a bad entry faults")
{
    begin();
    REQUIRE_OK(mm_update_entry(virt_to_maddr(entry), 0x1000));
    EXPECT_EQ(FAULT_OF("lock addq $0x10, (%0)", ::"r"(entry) : "memory", "cc"), -1);
    EXPECT_EQ(*entry, 0x1010);
    EXPECT_EQ(FAULT_OF("lock subq $0x10, (%0)", ::"r"(entry) : "memory", "cc"), -1);
    EXPECT_EQ(*entry, 0x1000);
    EXPECT_EQ(FAULT_OF("lock xorq $0x1100, (%0)", ::"r"(entry) : "memory", "cc"), -1);
    EXPECT_EQ(*entry, 0x100);
    EXPECT_EQ(FAULT_OF("lock notq (%0)", ::"r"(entry) : "memory", "cc"), VEC_PF);
    EXPECT_EQ(*entry, 0x100);
    end();
}
