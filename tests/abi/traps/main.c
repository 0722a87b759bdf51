/* SPDX-License-Identifier: MIT */
/*
 * Exceptions of the guest kernel: the trap table and what a handler finds.
 *
 * A PV kernel runs at privilege level 3 and never sees an interrupt descriptor table. The hypervisor takes
 * each exception, looks up the handler in the virtual trap table and builds a frame on the guest's stack: RCX
 * and R11 at the bottom, then the frame that hardware would have pushed, in which CS carries the virtual
 * privilege (RPL 0 for the kernel) and the upcall mask.
 *
 * QEMU's TCG pushes a wrong error code for INT n through a closed gate, so only gates that
 * are open on Xen (3, 4 and 0x80) are used here.
 */
#include "tests/abi/lib/abi.h"

#define RFLAGS_TF 0x100ul
#define RFLAGS_IF 0x200ul
#define RFLAGS_DF 0x400ul
#define RFLAGS_NT 0x4000ul
#define RFLAGS_AC 0x40000ul

/* Changed by handlers that the compiler cannot see being called: hence external linkage. */
struct trap_frame seen;
unsigned seen_count;
uint8_t seen_mask;
uint64_t seen_flags, seen_cs, seen_ss;
const struct trap_frame *seen_at;

static bool observe(struct trap_frame *f)
{
    seen = *f;
    seen_at = f;
    seen_count++;
    seen_mask = this_vcpu()->info->evtchn_upcall_mask;
    asm volatile("pushf; pop %0" : "=r"(seen_flags));
    asm volatile("mov %%cs, %0" : "=r"(seen_cs));
    asm volatile("mov %%ss, %0" : "=r"(seen_ss));
    if (f->vector == VEC_DB)
        f->rflags &= ~RFLAGS_TF;
    return f->vector == VEC_BP || f->vector == VEC_OF || f->vector == VEC_DB || f->vector == 0x80;
}

static void watch(unsigned vector)
{
    seen_count = 0;
    trap_set_hook(vector, observe);
}

CLAIM(int3, "INT3 arrives as vector 3, RIP behind it, kernel RPL 0, no error code")
{
    unsigned long after;

    watch(VEC_BP);
    asm volatile("lea 1f(%%rip), %0; int3; 1:" : "=r"(after));
    EXPECT_EQ(seen_count, 1);
    EXPECT_EQ(seen.vector, VEC_BP);
    EXPECT_EQ(seen.rip, after);
    EXPECT_EQ(seen.cs & 3, 0);
    EXPECT_EQ(seen.cs & 0xfffc, FLAT_KERNEL_CS & 0xfffc);
}

CLAIM(int_4, "INT 4 arrives as vector 4 with RIP behind the instruction")
{
    unsigned long after;

    watch(VEC_OF);
    asm volatile("lea 1f(%%rip), %0; int $4; 1:" : "=r"(after));
    EXPECT_EQ(seen_count, 1);
    EXPECT_EQ(seen.rip, after);
}

CLAIM(int_80, "INT 0x80 from the kernel arrives as vector 0x80")
{
    unsigned long after;

    watch(0x80);
    asm volatile("lea 1f(%%rip), %0; int $0x80; 1:" : "=r"(after));
    EXPECT_EQ(seen_count, 1);
    EXPECT_EQ(seen.vector, 0x80);
    EXPECT_EQ(seen.rip, after);
}

CLAIM(ud2, "UD2 is vector 6 at the instruction")
{
    watch(VEC_UD);
    EXPECT_EQ(FAULT_OF("ud2", :::), VEC_UD);
    EXPECT_EQ(seen.rip, fault_take().rip);
}

CLAIM(divide, "a division by zero is vector 0")
{
    EXPECT_EQ(FAULT_OF("div %0", ::"r"(0), "a"(1), "d"(0)), VEC_DE);
}

CLAIM(gp_noncanonical, "an access to a non-canonical address is #GP with error code 0")
{
    EXPECT_EQ(FAULT_OF("movb (%0), %%al", ::"r"(1ul << 62) : "rax"), VEC_GP);
    EXPECT_EQ(fault_take().error, 0);
}

CLAIM(gp_selector, "loading a selector beyond the GDT is #GP with the selector as error code")
{
    EXPECT_EQ(FAULT_OF("mov %0, %%fs", ::"r"(0x6ff8)), VEC_GP);
    EXPECT_EQ(fault_take().error, 0x6ff8);
}

CLAIM(pf_read, "#PF of a read of nothing: error 0 (kernel mode), CR2 in vcpu_info")
{
    char *p = abi_slot();
    struct fault f;
    uint64_t v;

    EXPECT(!probe_read64(p + 8, &v));
    f = fault_take();
    EXPECT_EQ(f.vector, VEC_PF);
    EXPECT_EQ(f.error, 0);
    EXPECT_EQ(f.cr2, p + 8);
    abi_slot_free(p);
}

CLAIM(pf_write, "#PF of a write to nothing: error 2; to a read-only page: error 3")
{
    char *p = abi_slot(), *page = abi_page();

    EXPECT(!probe_write64(p, 1));
    EXPECT_EQ(fault_take().error, 2);
    EXPECT_EQ(mm_readonly(page), 0);
    EXPECT(!probe_write64(page, 1));
    EXPECT_EQ(fault_take().error, 3);
    EXPECT_EQ(mm_writable(page), 0);
    EXPECT(probe_write64(page, 1));
    page_free(page, 0);
    abi_slot_free(p);
}

/* A fetch faults at its target: go back to whoever called there. */
static bool return_to_caller(struct trap_frame *f)
{
    seen = *f;
    seen_count++;
    f->rip = *(uint64_t *)f->rsp;
    f->rsp += 8;
    return true;
}

CLAIM(pf_fetch, "#PF of a fetch from a no-execute page: error 0x11")
{
    char *p = abi_slot(), *page = abi_page();

    *(uint8_t *)page = 0xc3;
    REQUIRE_OK(mm_set_pte((unsigned long)p, make_pte(virt_to_mfn(page), PTE_RO | PTE_NX)));
    trap_set_hook(VEC_PF, return_to_caller);
    seen_count = 0;
    asm volatile("call *%0" : : "r"(p) : "memory");
    EXPECT_EQ(seen_count, 1);
    EXPECT_EQ(seen.error, 0x11);
    EXPECT_EQ(seen.rip, p);
    EXPECT_EQ(this_vcpu()->info->arch.cr2, p);
    abi_slot_free(p);
    page_free(page, 0);
}

CLAIM(registers, "a trap and HYPERVISOR_iret keep every register and the flags")
{
    static uint64_t out[16];

    watch(VEC_BP);
    asm volatile("mov $0x101, %%eax; mov $0x102, %%ebx; mov $0x103, %%ecx; mov $0x104, %%edx\n\t"
                 "mov $0x105, %%esi; mov $0x108, %%r8d; mov $0x109, %%r9d; mov $0x10a, %%r10d\n\t"
                 "mov $0x10b, %%r11d; mov $0x10c, %%r12d; mov $0x10d, %%r13d; mov $0x10e, %%r14d\n\t"
                 "mov $0x10f, %%r15d; stc; int3\n\t"
                 "mov %%rax, 0(%0); mov %%rbx, 8(%0); mov %%rcx, 16(%0); mov %%rdx, 24(%0)\n\t"
                 "mov %%rsi, 32(%0); mov %%r8, 40(%0); mov %%r9, 48(%0); mov %%r10, 56(%0)\n\t"
                 "mov %%r11, 64(%0); mov %%r12, 72(%0); mov %%r13, 80(%0); mov %%r14, 88(%0)\n\t"
                 "mov %%r15, 96(%0); setc 104(%0)"
                 :
                 : "D"(out)
                 : "rax", "rbx", "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
                   "memory", "cc");
    EXPECT_EQ(seen_count, 1);
    EXPECT_EQ(seen.rcx, 0x103);
    EXPECT_EQ(seen.r11, 0x10b);
    for (unsigned i = 0; i < 5; i++)
        EXPECT_EQ(out[i], 0x101 + i);
    for (unsigned i = 5; i < 13; i++)
        EXPECT_EQ(out[i], 0x103 + i);
    EXPECT_EQ(out[13] & 0xff, 1);
}

CLAIM(stack_frame, "the frame lies directly below the interrupted stack pointer, aligned down to 16")
{
    unsigned long sp;

    watch(VEC_BP);
    for (unsigned i = 0; i < 2; i++) {
        /* SS, RSP, RFLAGS, CS, RIP, R11, RCX by the hypervisor; from there on it is the stub's. */
        asm volatile("sub %1, %%rsp; mov %%rsp, %0; int3; add %1, %%rsp"
                     : "=&r"(sp)
                     : "r"(i * 8ul)
                     : "memory");
        EXPECT_EQ(seen.rsp, sp);
        EXPECT_EQ((unsigned long)(&seen_at->ss + 1), sp & ~15ul);
    }
}

CLAIM(selectors, "a handler runs on the flat kernel code and data selectors")
{
    watch(VEC_BP);
    asm volatile("int3");
    EXPECT_EQ(seen_cs, FLAT_KERNEL_CS);
    EXPECT_EQ(seen_ss, FLAT_KERNEL_SS);
    EXPECT_EQ(seen.ss & 0xffff, FLAT_KERNEL_SS);
}

CLAIM(flags_cleared, "a handler starts with NT, TF and AC clear, the frame has them as they were")
{
    watch(VEC_UD);
    EXPECT_EQ(FAULT_OF("ud2", :::), VEC_UD);
    this_vcpu()->fault.seen = false;
    asm volatile("pushf; orq %0, (%%rsp); popf\n\t" PROBE("ud2") "pushf; andq %1, (%%rsp); popf"
                 :
                 : "r"(RFLAGS_NT | RFLAGS_AC), "r"(~(RFLAGS_NT | RFLAGS_AC))
                 : "memory", "cc");
    EXPECT_EQ(seen.rflags & (RFLAGS_NT | RFLAGS_AC), RFLAGS_NT | RFLAGS_AC);
    EXPECT_EQ(seen_flags & (RFLAGS_NT | RFLAGS_AC | RFLAGS_TF), 0);
}

CLAIM(iopl_hidden, "IOPL in the pushed flags is 0, the interrupt flag is the inverse of the upcall mask")
{
    watch(VEC_BP);
    asm volatile("int3");
    EXPECT_EQ(seen.rflags & 0x3000, 0);
    EXPECT_EQ(seen.rflags & RFLAGS_IF, RFLAGS_IF);
    EXPECT_EQ(seen.cs >> 32 & 0xff, 0);
    upcall_mask_set(1);
    asm volatile("int3");
    EXPECT_EQ(seen.rflags & RFLAGS_IF, 0);
    EXPECT_EQ(seen.cs >> 32 & 0xff, 1);
    EXPECT_EQ(this_vcpu()->info->evtchn_upcall_mask, 1);
    upcall_mask_set(0);
}

CLAIM(mask_flag, "flag 4 of a trap masks upcalls for its handler; without it they stay as they were")
{
    char *p = abi_slot();
    uint64_t v;

    watch(VEC_BP);
    asm volatile("int3");
    EXPECT_EQ(seen_mask, 0);
    watch(VEC_PF);
    EXPECT(!probe_read64(p, &v));
    EXPECT_EQ(seen_count, 1);
    EXPECT_EQ(seen_mask, 1);
    EXPECT_EQ(this_vcpu()->info->evtchn_upcall_mask, 0);
    abi_slot_free(p);
}

CLAIM(single_step, "TF raises #DB behind the next instruction")
{
    unsigned long after;

    watch(VEC_DB);
    asm volatile("lea 1f(%%rip), %0; pushf; orq %1, (%%rsp); popf; nop; 1: nop"
                 : "=&r"(after)
                 : "i"(RFLAGS_TF)
                 : "memory", "cc");
    EXPECT_EQ(seen_count, 1);
    EXPECT_EQ(seen.vector, VEC_DB);
    EXPECT_EQ(seen.rip, after);
    EXPECT(seen.rflags & RFLAGS_TF);
    EXPECT_EQ(hv_get_debugreg(6) & 0x4000, 0x4000);
    hv_set_debugreg(6, 0xffff0ff0);
}

CLAIM(device_not_available, "fpu_taskswitch(1) makes the next FPU instruction #NM once")
{
    seen_count = 0;
    EXPECT_EQ(hv_fpu_taskswitch(1), 0);
    watch(VEC_NM);
    /* Not skipped: the hypervisor cleared TS when it raised #NM, so a second try passes. */
    EXPECT_EQ(FAULT_OF("fnop", :::), VEC_NM);
    EXPECT_EQ(seen_count, 1);
    EXPECT_EQ(FAULT_OF("fnop", :::), -1);
    EXPECT_EQ(hv_fpu_taskswitch(1), 0);
    EXPECT_EQ(hv_fpu_taskswitch(0), 0);
    EXPECT_EQ(FAULT_OF("fnop", :::), -1);
}

int inner_vector;

static bool fault_inside(struct trap_frame *f)
{
    (void)f;
    inner_vector = FAULT_OF("ud2", :::);
    return true;
}

CLAIM(nested, "a trap inside a handler nests on the same stack")
{
    watch(VEC_UD);
    trap_set_hook(VEC_BP, fault_inside);
    asm volatile("int3");
    EXPECT_EQ(inner_vector, VEC_UD);
    EXPECT_EQ(seen_count, 1);
}

CLAIM(table_merge, "set_trap_table changes the entries named and leaves the others")
{
    static struct trap_info one[2];

    one[0] = guest_trap_table[0];
    one[0].vector = 0x90;
    one[0].flags = 3;
    EXPECT_EQ(hv_set_trap_table(one), 0);
    EXPECT_EQ(FAULT_OF("ud2", :::), VEC_UD);
    EXPECT_EQ(FAULT_OF("div %0", ::"r"(0), "a"(1), "d"(0)), VEC_DE);
}

CLAIM(table_errors, "set_trap_table: a bad pointer is EFAULT, a non-canonical handler EINVAL")
{
    static struct trap_info one[2];

    EXPECT_EQ(hv_set_trap_table(BAD_PTR), -XEN_EFAULT);
    EXPECT_EQ(hv_set_trap_table(HV_PTR), -XEN_EFAULT);
    one[0] = (struct trap_info){.vector = 0x91, .cs = FLAT_KERNEL_CS, .address = 1ul << 60};
    EXPECT_EQ(hv_set_trap_table(one), -XEN_EINVAL);
    one[0].address = 0;
    EXPECT_EQ(hv_set_trap_table(one), 0);
    EXPECT_EQ(FAULT_OF("ud2", :::), VEC_UD);
}

CLAIM(table_selector, "the selector in a trap table entry does not decide where the handler runs")
{
    static struct trap_info one[2];

    one[0] = guest_trap_table[3];
    REQUIRE(one[0].vector == VEC_BP);
    one[0].cs = 0x1230;
    EXPECT_EQ(hv_set_trap_table(one), 0);
    watch(VEC_BP);
    asm volatile("int3");
    EXPECT_EQ(seen_count, 1);
    EXPECT_EQ(seen_cs, FLAT_KERNEL_CS);
    EXPECT_EQ(hv_set_trap_table(guest_trap_table), 0);
}

CLAIM(table_clear, "a NULL table clears all handlers; they can be set again")
{
    EXPECT_EQ(hv_set_trap_table(NULL), 0);
    EXPECT_EQ(hv_set_trap_table(guest_trap_table), 0);
    EXPECT_EQ(FAULT_OF("ud2", :::), VEC_UD);
}

CRASH_CLAIM(no_handler, "an exception without a handler crashes the domain")
{
    hv_set_trap_table(NULL);
    asm volatile("ud2");
}

CRASH_CLAIM(bad_stack, "a fault while the frame is pushed crashes the domain")
{
    asm volatile("mov %0, %%rsp; ud2" : : "r"(0x700000000000ul) : "memory");
}

CRASH_CLAIM(hypervisor_stack, "a stack pointer inside the hypervisor's range at a trap crashes the domain")
{
    asm volatile("mov %0, %%rsp; ud2" : : "r"(0xffff820000001000ul) : "memory");
}

CRASH_CLAIM(read_only_stack, "a frame that would be pushed to a read-only page crashes the domain")
{
    asm volatile("mov %0, %%rsp; ud2" : : "r"((unsigned long)mm_root() + PAGE_SIZE) : "memory");
}
