/* SPDX-License-Identifier: MIT */
/*
 * User mode of a PV guest.
 *
 * Guest kernel and guest user both run at privilege level 3; which of them runs is a bit that the hypervisor
 * keeps. User mode has its own root page table and its own GS base, every trap from it switches
 * to the kernel's root and to the stack given by stack_switch, and SYSCALL bounces instead of
 * being a hypercall.
 *
 * Most claims use one root for both modes, which the interface allows; the last ones use a separate user
 * root that maps only one page of code and one of stack.
 */
#include "tests/abi/lib/abi.h"
#include "guest/time.h"

#define USER_VA 0x400000ul

static char user_stack[2 * PAGE_SIZE] __attribute__((aligned(4096)));
/* Changed by handlers that the compiler cannot see being called: hence external linkage. */
struct trap_frame seen;
unsigned seen_count;
uint8_t seen_mask;
uint64_t seen_gs_base;

static uint64_t gs_word(void)
{
    uint64_t v;

    asm volatile("movq %%gs:0, %0" : "=r"(v));
    return v;
}

static unsigned long run_user(unsigned long (*fn)(unsigned long), unsigned long arg)
{
    seen_count = 0;
    return user_call(fn, arg, user_stack + sizeof(user_stack));
}

static bool observe_and_leave(struct trap_frame *f)
{
    if (f->vector == TRAP_SYSCALL && f->rax == USER_SYSCALL_EXIT)
        return false;
    seen = *f;
    seen_count++;
    seen_mask = this_vcpu()->info->evtchn_upcall_mask;
    user_exit(f->vector);
}

static bool observe_and_resume(struct trap_frame *f)
{
    if (f->vector == TRAP_SYSCALL && f->rax == USER_SYSCALL_EXIT)
        return false;
    seen = *f;
    seen_count++;
    seen_mask = this_vcpu()->info->evtchn_upcall_mask;
    f->rax = 0x77;
    return true;
}

static unsigned long u_add(unsigned long arg)
{
    return arg + 1;
}

CLAIM(enter_leave, "user mode can be entered and left with the same root for both modes")
{
    abi_user_mode();
    EXPECT_EQ(run_user(u_add, 41), 42);
    EXPECT_EQ(run_user(u_add, 42), 43);
}

static unsigned long u_syscall(unsigned long arg)
{
    unsigned long ret;

    asm volatile("syscall" : "=a"(ret) : "0"(arg) : "rcx", "r11", "memory");
    return ret;
}

CLAIM(syscall_bounce, "SYSCALL arrives at the callback with the user's state and returns by iret")
{
    abi_user_mode();
    trap_set_hook(TRAP_SYSCALL, observe_and_resume);
    EXPECT_EQ(run_user(u_syscall, 0x1234), 0x77);
    EXPECT_EQ(seen_count, 1);
    EXPECT_EQ(seen.rax, 0x1234);
    EXPECT(frame_from_user(&seen));
    EXPECT_EQ(seen.cs & 0xffff, FLAT_USER_CS);
    EXPECT_EQ(seen.ss & 0xffff, FLAT_USER_SS);
    EXPECT(seen.rsp > (unsigned long)user_stack && seen.rsp < (unsigned long)(&user_stack + 1));
    EXPECT_EQ(((uint8_t *)seen.rip)[-2], 0x0f);
    EXPECT_EQ(((uint8_t *)seen.rip)[-1], 0x05);
    EXPECT_EQ(seen.rflags & 0x3200, 0x200);
    EXPECT_EQ(seen.cs >> 32 & 0xff, 0);
}

CLAIM(syscall_mask, "the callback's flag masks upcalls in its handler; iret restores them")
{
    abi_user_mode();
    trap_set_hook(TRAP_SYSCALL, observe_and_resume);
    run_user(u_syscall, 1);
    EXPECT_EQ(seen_mask, 1);
    EXPECT_EQ(this_vcpu()->info->evtchn_upcall_mask, 0);
}

CLAIM(no_hypercall, "user mode cannot make a hypercall: each number bounces")
{
    abi_user_mode();
    trap_set_hook(TRAP_SYSCALL, observe_and_resume);
    for (unsigned long nr = 0; nr < 64; nr++) {
        EXPECT_EQ(run_user(u_syscall, nr), 0x77);
        EXPECT_EQ(seen.rax, nr);
    }
}

static unsigned long u_regs(unsigned long out)
{
    uint64_t *o = (uint64_t *)out;

    asm volatile(
        "mov $0x11, %%ebx; mov $0x12, %%r8d; mov $0x13, %%r9d; mov $0x14, %%r10d; mov $0x15, %%r12d\n\t"
        "mov $0x16, %%r13d; mov $0x17, %%r14d; mov $0x18, %%r15d; mov $0x19, %%edx; mov $0x1a, %%esi\n\t"
        "mov $0x99, %%eax; syscall\n\t"
        "mov %%rbx, 0(%0); mov %%r8, 8(%0); mov %%r9, 16(%0); mov %%r10, 24(%0); mov %%r12, 32(%0)\n\t"
        "mov %%r13, 40(%0); mov %%r14, 48(%0); mov %%r15, 56(%0); mov %%rdx, 64(%0); mov %%rsi, 72(%0)"
        :
        : "D"(o)
        : "rax", "rbx", "rcx", "rdx", "rsi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "memory");
    return 0;
}

CLAIM(syscall_registers, "a bounced SYSCALL keeps all registers but RAX, RCX and R11")
{
    static uint64_t out[10];

    abi_user_mode();
    trap_set_hook(TRAP_SYSCALL, observe_and_resume);
    run_user(u_regs, (unsigned long)out);
    for (unsigned i = 0; i < ARRAY_SIZE(out); i++)
        EXPECT_EQ(out[i], 0x11 + i);
}

static unsigned long u_int80(unsigned long arg)
{
    unsigned long ret;

    asm volatile("int $0x80" : "=a"(ret) : "0"(arg) : "memory");
    return ret;
}

CLAIM(int_80, "INT 0x80 from user mode arrives as vector 0x80")
{
    abi_user_mode();
    trap_set_hook(0x80, observe_and_resume);
    EXPECT_EQ(run_user(u_int80, 5), 0x77);
    EXPECT_EQ(seen.vector, 0x80);
    EXPECT(frame_from_user(&seen));
    EXPECT_EQ(((uint8_t *)seen.rip)[-2], 0xcd);
}

static unsigned long u_read(unsigned long arg)
{
    return *(volatile unsigned long *)arg;
}

static unsigned long u_write(unsigned long arg)
{
    *(volatile unsigned long *)arg = 1;
    return 0;
}

CLAIM(pf_user_bit, "#PF from user mode has the user bit in its error code")
{
    char *slot = abi_slot();

    abi_user_mode();
    trap_set_hook(VEC_PF, observe_and_leave);
    EXPECT_EQ(run_user(u_read, (unsigned long)slot), VEC_PF);
    EXPECT_EQ(seen.error, 4);
    EXPECT(frame_from_user(&seen));
    EXPECT_EQ(this_vcpu()->info->arch.cr2, slot);
    EXPECT_EQ(run_user(u_write, (unsigned long)slot), VEC_PF);
    EXPECT_EQ(seen.error, 6);
    EXPECT_EQ(run_user(u_write, (unsigned long)mm_root()), VEC_PF);
    EXPECT_EQ(seen.error, 7);
    abi_slot_free(slot);
}

static unsigned long u_ud2(unsigned long arg)
{
    asm volatile("ud2");
    return arg;
}

static unsigned long u_int3(unsigned long arg)
{
    asm volatile("int3");
    return arg;
}

static unsigned long u_hlt(unsigned long arg)
{
    asm volatile("hlt");
    return arg;
}

static unsigned long u_cli(unsigned long arg)
{
    asm volatile("cli");
    return arg;
}

static unsigned long u_inb(unsigned long arg)
{
    uint8_t v;

    asm volatile("inb %w1, %0" : "=a"(v) : "d"(arg));
    return v;
}

static unsigned long u_rdmsr(unsigned long arg)
{
    uint32_t lo, hi;

    asm volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(arg));
    return lo;
}

static unsigned long u_readcr3(unsigned long arg)
{
    (void)arg;
    asm volatile("mov %%cr3, %0" : "=r"(arg));
    return arg;
}

CLAIM(exceptions, "UD2, INT3 and privileged instructions in user mode reach the kernel's handlers")
{
    static const struct {
        unsigned long (*fn)(unsigned long);
        unsigned long arg, vector;
    } cases[] = {
        {u_ud2, 0, VEC_UD},    {u_int3, 0, VEC_BP},           {u_hlt, 0, VEC_GP},     {u_cli, 0, VEC_GP},
        {u_inb, 0x60, VEC_GP}, {u_rdmsr, 0xc0000101, VEC_GP}, {u_readcr3, 0, VEC_GP},
    };

    abi_user_mode();
    trap_set_hook(VEC_UD, observe_and_leave);
    trap_set_hook(VEC_BP, observe_and_leave);
    trap_set_hook(VEC_GP, observe_and_leave);
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        EXPECT_EQ(run_user(cases[i].fn, cases[i].arg), cases[i].vector);
        EXPECT(frame_from_user(&seen));
        EXPECT_EQ(seen.error, 0);
    }
}

static unsigned long u_gs(unsigned long arg)
{
    (void)arg;
    return gs_word();
}

static bool observe_gs(struct trap_frame *f)
{
    if (f->rax != USER_SYSCALL_EXIT)
        return observe_and_resume(f);
    seen_gs_base = gs_word();
    return false;
}

CLAIM(gs_bases, "user and kernel mode have a GS base each, swapped at each crossing")
{
    static uint64_t kernel_word = 0x4b, user_word = 0x55;

    abi_user_mode();
    EXPECT_EQ(hv_set_segment_base(SEGBASE_GS_KERNEL, (unsigned long)&kernel_word), 0);
    EXPECT_EQ(hv_set_segment_base(SEGBASE_GS_USER, (unsigned long)&user_word), 0);
    EXPECT_EQ(gs_word(), 0x4b);
    trap_set_hook(TRAP_SYSCALL, observe_gs);
    EXPECT_EQ(run_user(u_gs, 0), 0x55);
    EXPECT_EQ(seen_gs_base, 0x4b);
    EXPECT_EQ(gs_word(), 0x4b);
}

static volatile unsigned event_seen;

static void on_event(unsigned port, void *data)
{
    (void)port;
    (void)data;
    event_seen++;
}

static unsigned long u_spin(unsigned long arg)
{
    (void)arg;
    while (!event_seen)
        ;
    return event_seen;
}

CLAIM(event_interrupts, "an event interrupts user mode and goes back to it")
{
    int port = event_bind_virq(VIRQ_TIMER, 0);

    REQUIRE(port > 0);
    abi_user_mode();
    event_seen = 0;
    event_handle((unsigned)port, on_event, NULL);
    EXPECT_EQ(time_set_timer(time_now() + 20000000), 0);
    EXPECT_GE(run_user(u_spin, 0), 1);
    event_close((unsigned)port);
}

static unsigned long u_forever(unsigned long arg)
{
    static volatile bool never;

    while (!never)
        ;
    return arg;
}

static bool leave_on_event(struct trap_frame *f)
{
    if (!frame_from_user(f))
        return false;
    seen = *f;
    user_exit(0xe);
}

CLAIM(event_frame, "the frame of an event from user mode: user selectors, mask 0 before, 1 inside")
{
    int port = event_bind_virq(VIRQ_TIMER, 0);

    REQUIRE(port > 0);
    abi_user_mode();
    event_handle((unsigned)port, on_event, NULL);
    trap_set_hook(TRAP_EVENT, leave_on_event);
    EXPECT_EQ(time_set_timer(time_now() + 5000000), 0);
    EXPECT_EQ(run_user(u_forever, 0), 0xe);
    EXPECT_EQ(seen.cs & 0xffff, FLAT_USER_CS);
    EXPECT_EQ(seen.cs >> 32 & 0xff, 0);
    trap_set_hook(TRAP_EVENT, NULL);
    event_close((unsigned)port);
}

/* A user root of its own: USER_VA maps code, the page behind it the stack. */
struct user_space {
    uint64_t *l4, *l3, *l2, *l1;
    char *code, *stack;
};

static bool build_user_space(struct user_space *u)
{
    u->l4 = abi_page();
    u->l3 = abi_page();
    u->l2 = abi_page();
    u->l1 = abi_page();
    u->code = abi_page();
    u->stack = abi_page();
    u->l1[0] = make_pte(virt_to_mfn(u->code), PTE_RO);
    u->l1[1] = make_pte(virt_to_mfn(u->stack), PTE_RW);
    u->l2[2] = make_pte(virt_to_mfn(u->l1), PTE_TABLE);
    u->l3[0] = make_pte(virt_to_mfn(u->l2), PTE_TABLE);
    u->l4[0] = make_pte(virt_to_mfn(u->l3), PTE_TABLE);
    if (mm_readonly(u->l1) || mm_readonly(u->l2) || mm_readonly(u->l3) || mm_readonly(u->l4) ||
        abi_mmuext(MMUEXT_PIN_L4_TABLE, virt_to_mfn(u->l4)) ||
        abi_mmuext(MMUEXT_NEW_USER_BASEPTR, virt_to_mfn(u->l4))) {
        FAIL("user tables refused");
        return false;
    }
    return true;
}

static void drop_user_space(struct user_space *u)
{
    EXPECT_EQ(abi_mmuext(MMUEXT_NEW_USER_BASEPTR, 0), 0);
    EXPECT_EQ(abi_mmuext(MMUEXT_UNPIN_TABLE, virt_to_mfn(u->l4)), 0);
    abi_table_free(u->l4);
    abi_table_free(u->l3);
    abi_table_free(u->l2);
    abi_table_free(u->l1);
    page_free(u->code, 0);
    page_free(u->stack, 0);
}

extern unsigned long user_run(struct iret_context *ctx, unsigned long *kernel_sp);

/* Runs the code page from its start with RDI = arg. */
static unsigned long run_separate(unsigned long arg)
{
    struct iret_context ctx = {
        .rax = arg,
        .rip = USER_VA,
        .cs = FLAT_USER_CS,
        .ss = FLAT_USER_SS,
        .rflags = 0x200,
        .rsp = USER_VA + 2 * PAGE_SIZE,
    };
    unsigned long value = user_run(&ctx, &this_vcpu()->user_return_sp);

    this_vcpu()->user_return_sp = 0;
    return value;
}

CLAIM(separate_root, "user mode runs on a root of its own that maps nothing of the kernel")
{
    /* mov (%rdi), %rdi; mov $USER_SYSCALL_EXIT, %eax; syscall */
    static const uint8_t code[] = {0x48, 0x8b, 0x3f, 0xb8, 0xe0, 0x01, 0x00, 0x00, 0x0f, 0x05};
    struct user_space u;

    if (!build_user_space(&u))
        return;
    memcpy(u.code, code, sizeof(code));
    *(uint64_t *)u.stack = 0x5a5a;
    EXPECT_EQ(run_separate(USER_VA + PAGE_SIZE), 0x5a5a);
    trap_set_hook(VEC_PF, observe_and_leave);
    EXPECT_EQ(run_separate((unsigned long)&seen_count), VEC_PF);
    EXPECT_EQ(seen.error, 4);
    EXPECT_EQ(this_vcpu()->info->arch.cr2, &seen_count);
    EXPECT_EQ(run_separate(0xffff820000000000ul), VEC_PF);
    trap_set_hook(VEC_PF, NULL);
    drop_user_space(&u);
}

CLAIM(root_in_use, "a user root in use keeps its type: unpinned it is still not writable")
{
    struct user_space u;

    if (!build_user_space(&u))
        return;
    EXPECT_EQ(abi_mmuext(MMUEXT_UNPIN_TABLE, virt_to_mfn(u.l4)), 0);
    EXPECT_NE(mm_writable(u.l4), 0);
    EXPECT_EQ(abi_mmuext(MMUEXT_PIN_L4_TABLE, virt_to_mfn(u.l4)), 0);
    drop_user_space(&u);
}

CLAIM(base_errors, "NEW_USER_BASEPTR refuses a frame that is no root and one that is not ours")
{
    char *page = abi_page();

    EXPECT_NE(abi_mmuext(MMUEXT_NEW_USER_BASEPTR, virt_to_mfn(page)), 0);
    EXPECT_NE(abi_mmuext(MMUEXT_NEW_USER_BASEPTR, abi_alien_mfn()), 0);
    EXPECT_NE(abi_mmuext(MMUEXT_NEW_USER_BASEPTR, 0xffffffffff), 0);
    EXPECT_EQ(abi_mmuext(MMUEXT_NEW_USER_BASEPTR, 0), 0);
    abi_user_mode();
    EXPECT_EQ(run_user(u_add, 1), 2);
    page_free(page, 0);
}

CRASH_CLAIM(no_user_root, "iret to user mode without a user root crashes the domain")
{
    abi_mmuext(MMUEXT_NEW_USER_BASEPTR, 0);
    run_user(u_add, 1);
}
