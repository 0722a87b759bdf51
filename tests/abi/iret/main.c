/* SPDX-License-Identifier: MIT */
/*
 * HYPERVISOR_iret: a frame built by the guest decides where the vCPU goes on. Privilege in it is
 * forced, and what the processor refuses must hurt the guest only.
 */
#include "tests/abi/lib/abi.h"

static uint64_t saved_rsp;
/* Changed by handlers that the compiler cannot see being called: hence external linkage. */
struct trap_frame seen;
unsigned seen_count;

/* iret with the frame; comes back through come_back() or a hook that resumes there. */
static __attribute__((noinline)) uint64_t do_iret(const struct iret_context *c)
{
    uint64_t flags;

    asm volatile("push %%rbp; push %%rbx; mov %%rsp, %1\n\t"
                 "pushq 64(%2); pushq 56(%2); pushq 48(%2); pushq 40(%2); pushq 32(%2); pushq 24(%2)\n\t"
                 "pushq 16(%2); pushq 8(%2); pushq 0(%2)\n\t"
                 "mov %3, %%eax; syscall\n\t"
                 ".globl iret_landing\n"
                 "iret_landing:\n\t"
                 "pushf; pop %%rsi; mov %1, %%rsp; pop %%rbx; pop %%rbp; mov %%rsi, %0"
                 : "=&S"(flags), "+m"(saved_rsp)
                 : "d"(c), "i"(__HYPERVISOR_iret)
                 : "rax", "rcx", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "memory", "cc");
    return flags;
}

extern char iret_landing[];

static char landing_stack[PAGE_SIZE] __attribute__((aligned(GUEST_STACK_SIZE)));

static struct iret_context base(void)
{
    return (struct iret_context){
        .rip = (uint64_t)iret_landing,
        .cs = FLAT_KERNEL_CS & ~3u,
        .ss = FLAT_KERNEL_SS,
        .rflags = 0x202,
        .rsp = (uint64_t)landing_stack + sizeof(landing_stack),
    };
}

CLAIM(kernel, "a frame with RPL 0 goes on in kernel mode at its RIP and RSP")
{
    struct iret_context c = base();

    do_iret(&c);
    EXPECT_EQ(hv_xen_version(XENVER_pagesize, NULL), 4096);
}

CLAIM(mask, "the upcall mask becomes the inverse of the frame's IF, the real IF stays set")
{
    struct iret_context c = base();
    uint64_t flags;

    c.rflags = 0x2;
    flags = do_iret(&c);
    EXPECT_EQ(this_vcpu()->info->evtchn_upcall_mask, 1);
    EXPECT_EQ(flags & 0x200, 0x200);
    c.rflags = 0x202;
    do_iret(&c);
    EXPECT_EQ(this_vcpu()->info->evtchn_upcall_mask, 0);
}

CLAIM(iopl, "IOPL and VM of the frame are ignored")
{
    struct iret_context c = base();

    c.rflags |= 0x3000 | 0x20000;
    EXPECT_EQ(do_iret(&c) & 0x23000, 0);
    EXPECT_EQ(FAULT_OF("inb $0x80, %%al", ::: "rax"), VEC_GP);
}

CLAIM(arithmetic_flags, "arithmetic flags, DF and ID of the frame are taken over")
{
    struct iret_context c = base();

    c.rflags = 0x202 | 0x1 | 0x40 | 0x800 | 0x200000;
    EXPECT_EQ(do_iret(&c) & 0x200841, 0x200841);
}

CLAIM(registers, "RAX, R11 and RCX come from the frame")
{
    static uint64_t out[3];
    struct iret_context c = base();

    c.rax = 0x111;
    c.r11 = 0x222;
    c.rcx = 0x333;
    asm volatile("push %%rbp; push %%rbx; mov %%rsp, %%rbx\n\t"
                 "lea 1f(%%rip), %%rax; mov %%rax, 32(%1); mov %%rsp, 56(%1)\n\t"
                 "pushq 64(%1); pushq 56(%1); pushq 48(%1); pushq 40(%1); pushq 32(%1); pushq 24(%1)\n\t"
                 "pushq 16(%1); pushq 8(%1); pushq 0(%1)\n\t"
                 "mov %2, %%eax; syscall\n\t"
                 "1: mov %%rax, 0(%0); mov %%r11, 8(%0); mov %%rcx, 16(%0)\n\t"
                 "mov %%rbx, %%rsp; pop %%rbx; pop %%rbp"
                 :
                 : "D"(out), "S"(&c), "i"(__HYPERVISOR_iret)
                 : "rax", "rcx", "rdx", "r11", "memory", "cc");
    EXPECT_EQ(out[0], 0x111);
    EXPECT_EQ(out[1], 0x222);
    EXPECT_EQ(out[2], 0x333);
}

/* Whatever arrives - failsafe callback or #GP - go on at the landing. */
static bool to_landing(struct trap_frame *f)
{
    seen = *f;
    seen_count++;
    f->rip = (uint64_t)iret_landing;
    f->cs = FLAT_KERNEL_CS & ~3u;
    f->ss = FLAT_KERNEL_SS;
    f->rsp = (uint64_t)landing_stack + sizeof(landing_stack);
    f->rflags = 0x202;
    return true;
}

static void catch_all(void)
{
    seen_count = 0;
    trap_set_hook(TRAP_FAILSAFE, to_landing);
    trap_set_hook(VEC_GP, to_landing);
    trap_set_hook(VEC_NP, to_landing);
    trap_set_hook(VEC_SS, to_landing);
    trap_set_hook(VEC_PF, to_landing);
}

CLAIM(bad_cs, "a code selector that does not load ends in the failsafe callback or an exception, not in ruin")
{
    static const uint16_t selectors[] = {0x6ff0, 0x10, FLAT_KERNEL_SS & ~3u, 0x7c};
    struct iret_context c = base();

    catch_all();
    for (unsigned i = 0; i < ARRAY_SIZE(selectors); i++) {
        c.cs = selectors[i];
        seen_count = 0;
        do_iret(&c);
        EXPECT_EQ(seen_count, 1);
    }
    upcall_mask_set(0);
}

CLAIM(bad_ss, "a stack selector that does not load ends the same way")
{
    static const uint16_t selectors[] = {0x6ff0, 0x10, 0x7c};
    struct iret_context c = base();

    catch_all();
    for (unsigned i = 0; i < ARRAY_SIZE(selectors); i++) {
        c.ss = selectors[i];
        seen_count = 0;
        do_iret(&c);
        EXPECT_EQ(seen_count, 1);
    }
    upcall_mask_set(0);
}

CLAIM(ldt_cs, "a code selector of the LDT loads, though the LDT's page was not in use before")
{
    struct mmuext_op op = {.cmd = MMUEXT_SET_LDT, .arg2.nr_ents = 512};
    struct iret_context c = base();
    uint64_t *ldt = abi_page();

    ldt[5] = 0x00affb000000ffffull; /* 64-bit code, DPL 3 */
    EXPECT_EQ(mm_readonly(ldt), 0);
    op.arg1.linear_addr = (unsigned long)ldt;
    EXPECT_EQ(hv_mmuext_op(&op, 1, NULL, DOMID_SELF), 0);
    catch_all();
    c.cs = 5 * 8 | 4;
    do_iret(&c);
    EXPECT_EQ(seen_count, 0);
    upcall_mask_set(0);
    op.arg2.nr_ents = 0;
    EXPECT_EQ(hv_mmuext_op(&op, 1, NULL, DOMID_SELF), 0);
    EXPECT_EQ(mm_writable(ldt), 0);
    page_free(ldt, 0);
}

CLAIM(noncanonical_rip, "a non-canonical RIP gives the guest a fault and hurts nobody")
{
    static const uint64_t rips[] = {1ul << 47, 1ul << 63, 0x8000000000000000ul, 0xffff7ffffffffffful};
    struct iret_context c = base();

    catch_all();
    for (unsigned i = 0; i < ARRAY_SIZE(rips); i++) {
        c.rip = rips[i];
        seen_count = 0;
        do_iret(&c);
        EXPECT_GE(seen_count, 1);
        c.flags = VGCF_IN_SYSCALL;
        seen_count = 0;
        do_iret(&c);
        EXPECT_GE(seen_count, 1);
        c.flags = 0;
    }
    upcall_mask_set(0);
}

CLAIM(hypervisor_rip, "a RIP inside the hypervisor is a page fault of the guest")
{
    struct iret_context c = base();

    catch_all();
    c.rip = 0xffff82d040200000ul;
    do_iret(&c);
    EXPECT_EQ(seen_count, 1);
    EXPECT_EQ(seen.vector, VEC_PF);
    EXPECT_EQ(seen.rip, c.rip);
}

CLAIM(unmapped_rip, "a RIP that is not mapped is a page fault for fetch of the guest")
{
    struct iret_context c = base();

    catch_all();
    c.rip = 0x1000;
    do_iret(&c);
    EXPECT_EQ(seen_count, 1);
    EXPECT_EQ(seen.vector, VEC_PF);
    EXPECT_EQ(seen.error & ~1ul, 0x10);
}

CRASH_CLAIM(bad_frame, "a stack that cannot be read crashes the domain")
{
    asm volatile("mov %0, %%rsp; mov %1, %%eax; syscall"
                 :
                 : "r"(0x700000000000ul), "i"(__HYPERVISOR_iret)
                 : "memory");
}

CRASH_CLAIM(hypervisor_frame, "a frame inside the hypervisor crashes the domain")
{
    asm volatile("mov %0, %%rsp; mov %1, %%eax; syscall"
                 :
                 : "r"(0xffff82d040200000ul), "i"(__HYPERVISOR_iret)
                 : "memory");
}
