/* SPDX-License-Identifier: MIT */
#include "guest/events.h"
#include "guest/guest.h"
#include "guest/traps.h"

#define TI_DPL3       3
#define TI_MASK_EVENT 4

struct ex_entry {
    uint64_t insn, fixup;
};

extern const struct ex_entry __ex_table_start[], __ex_table_end[];
extern char __image_start[], __image_end[];

extern void trap_entry_0(void), trap_entry_1(void), trap_entry_2(void), trap_entry_3(void);
extern void trap_entry_4(void), trap_entry_5(void), trap_entry_6(void), trap_entry_7(void);
extern void trap_entry_8(void), trap_entry_9(void), trap_entry_10(void), trap_entry_11(void);
extern void trap_entry_12(void), trap_entry_13(void), trap_entry_14(void), trap_entry_16(void);
extern void trap_entry_17(void), trap_entry_18(void), trap_entry_19(void);
extern void trap_entry_int80(void), trap_entry_int81(void);
extern void trap_entry_event(void), trap_entry_failsafe(void), trap_entry_nmi(void);
extern void trap_entry_syscall(void), trap_entry_syscall32(void), trap_entry_sysenter(void);

unsigned long user_run(struct iret_context *ctx, unsigned long *kernel_sp);
void user_leave(unsigned long kernel_sp, unsigned long value) __attribute__((noreturn));

uint64_t failsafe_selectors[4];

static trap_hook_t hooks[TRAP_NR];

#define ENTRY(vec, dpl, fn)                                                                   \
    {                                                                                         \
        .vector = (vec), .flags = (dpl), .cs = FLAT_KERNEL_CS, .address = (unsigned long)(fn) \
    }

const struct trap_info guest_trap_table[] = {
    ENTRY(VEC_DE, 0, trap_entry_0),
    ENTRY(VEC_DB, 0, trap_entry_1),
    ENTRY(VEC_NMI, TI_MASK_EVENT, trap_entry_2),
    ENTRY(VEC_BP, TI_DPL3, trap_entry_3),
    ENTRY(VEC_OF, TI_DPL3, trap_entry_4),
    ENTRY(VEC_BR, 0, trap_entry_5),
    ENTRY(VEC_UD, 0, trap_entry_6),
    ENTRY(VEC_NM, 0, trap_entry_7),
    ENTRY(VEC_DF, 0, trap_entry_8),
    ENTRY(9, 0, trap_entry_9),
    ENTRY(VEC_TS, 0, trap_entry_10),
    ENTRY(VEC_NP, 0, trap_entry_11),
    ENTRY(VEC_SS, 0, trap_entry_12),
    ENTRY(VEC_GP, 0, trap_entry_13),
    /* The address of a page fault lies in vcpu_info until an event could overwrite it. */
    ENTRY(VEC_PF, TI_MASK_EVENT, trap_entry_14),
    ENTRY(VEC_MF, 0, trap_entry_16),
    ENTRY(VEC_AC, 0, trap_entry_17),
    ENTRY(VEC_MC, TI_MASK_EVENT, trap_entry_18),
    ENTRY(VEC_XM, 0, trap_entry_19),
    ENTRY(0x80, TI_DPL3, trap_entry_int80),
    ENTRY(0x81, TI_DPL3 | TI_MASK_EVENT, trap_entry_int81),
    {.vector = 0},
};

trap_hook_t trap_set_hook(unsigned vector, trap_hook_t hook)
{
    trap_hook_t old = hooks[vector];

    hooks[vector] = hook;
    return old;
}

static void register_callback(unsigned type, void (*entry)(void), unsigned flags)
{
    struct callback_register reg = {
        .type = (uint16_t)type,
        .flags = (uint16_t)flags,
        .address = (unsigned long)entry,
    };
    long rc = hv_callback_op(CALLBACKOP_register, &reg);

    if (rc)
        panic("callback type %u refused: %ld", type, rc);
}

void traps_init_vcpu(void)
{
    register_callback(CALLBACKTYPE_event, trap_entry_event, 0);
    register_callback(CALLBACKTYPE_failsafe, trap_entry_failsafe, CALLBACKF_mask_events);
    register_callback(CALLBACKTYPE_syscall, trap_entry_syscall, CALLBACKF_mask_events);
}

void traps_init(void)
{
    long rc = hv_set_trap_table(guest_trap_table);

    if (rc)
        panic("trap table refused: %ld", rc);
    traps_init_vcpu();
}

/* Follows frame pointers inside the current stack only, so that a damaged one ends the list. */
static void print_backtrace(uint64_t rbp)
{
    uintptr_t stack = stack_base();

    printf("call trace:");
    for (int i = 0; i < 12 && rbp >= stack && rbp + 16 <= stack + GUEST_STACK_SIZE && !(rbp & 7); i++) {
        const uint64_t *fp = (const uint64_t *)rbp;

        printf(" %lx", fp[1]);
        if (fp[0] <= rbp)
            break;
        rbp = fp[0];
    }
    printf("\n");
}

void trap_print(const struct trap_frame *f)
{
    printf("trap %lu error %lx from %s mode on vcpu %u, cr2 %lx\n", f->vector, f->error,
           frame_from_user(f) ? "user" : "kernel", this_vcpu()->id, this_vcpu()->info->arch.cr2);
    printf("rip %04lx:%016lx rflags %08lx rsp %04lx:%016lx\n", f->cs & 0xffff, f->rip, f->rflags,
           f->ss & 0xffff, f->rsp);
    printf("rax %016lx rbx %016lx rcx %016lx rdx %016lx\n", f->rax, f->rbx, f->rcx, f->rdx);
    printf("rsi %016lx rdi %016lx rbp %016lx r8  %016lx\n", f->rsi, f->rdi, f->rbp, f->r8);
    printf("r9  %016lx r10 %016lx r11 %016lx r12 %016lx\n", f->r9, f->r10, f->r11, f->r12);
    printf("r13 %016lx r14 %016lx r15 %016lx\n", f->r13, f->r14, f->r15);
    if (!frame_from_user(f))
        print_backtrace(f->rbp);
}

static bool fixup(struct trap_frame *f, uint64_t cr2)
{
    if (frame_from_user(f))
        return false;
    for (const struct ex_entry *e = __ex_table_start; e < __ex_table_end; e++) {
        if (e->insn != f->rip)
            continue;
        this_vcpu()->fault = (struct fault){
            .seen = true,
            .vector = (unsigned)f->vector,
            .error = (unsigned)f->error,
            .cr2 = f->vector == VEC_PF ? cr2 : 0,
            .rip = f->rip,
        };
        f->rip = e->fixup;
        return true;
    }
    return false;
}

void trap_dispatch(struct trap_frame *f)
{
    uint64_t cr2 = this_vcpu()->info->arch.cr2;

    if (f->vector < TRAP_NR && hooks[f->vector] && hooks[f->vector](f))
        return;
    if (f->vector == TRAP_EVENT) {
        events_upcall();
        return;
    }
    if (f->vector == TRAP_SYSCALL && f->rax == USER_SYSCALL_EXIT && this_vcpu()->user_return_sp)
        user_exit(f->rdi);
    if (f->vector < 32 && fixup(f, cr2))
        return;
    trap_print(f);
    panic("unexpected trap %lu", f->vector);
}

bool probe_read64(const volatile void *p, uint64_t *value)
{
    uint64_t v = 0;

    this_vcpu()->fault.seen = false;
    asm volatile(PROBE("movq (%1), %0") : "+r"(v) : "r"(p) : "memory");
    *value = v;
    return !this_vcpu()->fault.seen;
}

bool probe_write64(volatile void *p, uint64_t value)
{
    this_vcpu()->fault.seen = false;
    asm volatile(PROBE("movq %1, (%0)") : : "r"(p), "r"(value) : "memory");
    return !this_vcpu()->fault.seen;
}

/* Runs in user mode: RDI (= RAX) is the job. */
struct user_job {
    unsigned long (*fn)(unsigned long);
    unsigned long arg;
};

static void user_entry(struct user_job *job)
{
    unsigned long value = job->fn(job->arg);

    asm volatile("syscall" : : "a"(USER_SYSCALL_EXIT), "D"(value) : "rcx", "r11", "memory");
    __builtin_unreachable();
}

unsigned long user_call(unsigned long (*fn)(unsigned long), unsigned long arg, void *stack_top)
{
    struct vcpu_local *v = this_vcpu();
    struct user_job *job = (struct user_job *)stack_top - 1;
    struct iret_context ctx = {
        .rip = (unsigned long)user_entry,
        .cs = FLAT_USER_CS,
        .ss = FLAT_USER_SS,
        .rflags = 0x200,
        /* As after a CALL: the stack is 16-byte aligned above the return address. */
        .rsp = (((unsigned long)job - 64) & ~15ul) - 8,
    };
    unsigned long value;

    *job = (struct user_job){.fn = fn, .arg = arg};
    ctx.rax = (unsigned long)job;
    value = user_run(&ctx, &v->user_return_sp);
    v->user_return_sp = 0;
    return value;
}

void user_exit(unsigned long value)
{
    struct vcpu_local *v = this_vcpu();

    if (!v->user_return_sp)
        panic("user_exit outside of user_call");
    /* The trap masked upcalls; nothing else will unmask them on this way out. */
    upcall_mask_set(0);
    if (v->info->evtchn_upcall_pending)
        hv_deliver_events();
    user_leave(v->user_return_sp, value);
}
