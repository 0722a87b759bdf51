/* SPDX-License-Identifier: MIT */
/*
 * Exceptions: those of the hypervisor itself end in a fixup or in panic, those of a guest go to the domain
 * room.
 */
#include "cpu/traps.h"
#include "cpu/entry.h"
#include "cpu/paging.h"
#include "cpu/percpu.h"
#include "cpu/processor.h"
#include "lib/printk.h"
#include "lib/string.h"

/* The layouts that entry.S was written for. */
#define CHECK_REG(field, off) \
    _Static_assert(offsetof(struct cpu_user_regs, field) == (off), "entry.S addresses " #field " by number")

CHECK_REG(r15, 0);
CHECK_REG(r11, REGS_R11);
CHECK_REG(rax, REGS_RAX);
CHECK_REG(rcx, REGS_RCX);
CHECK_REG(error_code, REGS_ERROR);
CHECK_REG(entry_vector, REGS_VECTOR);
CHECK_REG(rip, REGS_RIP);
CHECK_REG(cs, REGS_CS);
CHECK_REG(rflags, REGS_RFLAGS);
CHECK_REG(rsp, REGS_RSP);
CHECK_REG(ss, REGS_SS);
CHECK_REG(es, REGS_ES);
_Static_assert(sizeof(struct cpu_user_regs) == REGS_SIZE, "frames are built by hand in entry.S");
_Static_assert(sizeof(struct cpu_info) == CPU_INFO_SIZE, "the stack's top is found by this size");
_Static_assert(CPU_INFO_STACK_TOP % 16 == 0, "hardware aligns RSP before it pushes");

struct extable_entry {
    u64 fault, fixup;
};
extern const struct extable_entry __ex_table_start[], __ex_table_end[];

static const char *const trap_names[32] = {
    [TRAP_DE] = "divide error",       [TRAP_DB] = "debug",         [TRAP_NMI] = "NMI",
    [TRAP_BP] = "breakpoint",         [TRAP_OF] = "overflow",      [TRAP_BR] = "bound range",
    [TRAP_UD] = "invalid opcode",     [TRAP_NM] = "no FPU",        [TRAP_DF] = "double fault",
    [TRAP_TS] = "invalid TSS",        [TRAP_NP] = "no segment",    [TRAP_SS] = "stack fault",
    [TRAP_GP] = "general protection", [TRAP_PF] = "page fault",    [TRAP_MF] = "x87 error",
    [TRAP_AC] = "alignment check",    [TRAP_MC] = "machine check", [TRAP_XM] = "SIMD error",
};

static u64 extable_find(u64 rip)
{
    /* A few dozen entries, and only faults look here. */
    for (const struct extable_entry *e = __ex_table_start; e < __ex_table_end; e++)
        if (e->fault == rip)
            return e->fixup;
    return 0;
}

static void __noreturn fatal_trap(struct cpu_user_regs *regs)
{
    const char *name = regs->entry_vector < 32 ? trap_names[regs->entry_vector] : NULL;

    show_registers(regs);
    panic("CPU%u: %s (vector %u, error %#x) in the hypervisor at %#lx, address %#lx\n", this_cpu_id(),
          name ? name : "trap", regs->entry_vector, regs->error_code, (unsigned long)regs->rip,
          (unsigned long)read_cr2());
}

/*
 * IRETQ to the guest failed: its selectors or addresses are bad. What it would have loaded is still in
 * cpu_info; the general registers were restored already and so are in the new frame, which overlaps the old
 * one: copy through a local.
 */
static void __noreturn iret_failed(struct cpu_user_regs *regs)
{
    struct cpu_user_regs *guest = guest_regs();
    struct cpu_user_regs gprs = *regs;

    memcpy(guest, &gprs, offsetof(struct cpu_user_regs, error_code));
    guest->error_code = gprs.error_code;
    guest->entry_vector = gprs.entry_vector;
    local_irq_enable();
    guest_iret_failed(guest);
    resume_current();
}

/* Out of line: its frame would be built and taken down for every exception of a guest. */
static __attribute__((noinline)) void hypervisor_exception(struct cpu_user_regs *regs)
{
    u64 fixup;

    if (regs->entry_vector == TRAP_PF && guest_mends_fault(read_cr2()))
        return;
    if (regs->rip == (u64)iret_instruction)
        iret_failed(regs);
    fixup = extable_find(regs->rip);
    if (!fixup)
        fatal_trap(regs);
    regs->rip = fixup;
}

void handle_exception(struct cpu_user_regs *regs)
{
    u64 cr2;

    if (unlikely(!regs_from_guest(regs))) {
        hypervisor_exception(regs);
        return;
    }
    cr2 = regs->entry_vector == TRAP_PF ? read_cr2() : 0;
    local_irq_enable();
    guest_exception(regs, cr2);
}

/* NMI, #MC, #DF from anywhere; #DB from the hypervisor. */
void handle_ist(struct cpu_user_regs *regs)
{
    switch (regs->entry_vector) {
    case TRAP_DB:
        /*
         * A guest's breakpoint on memory that the hypervisor touched, or pending from before SYSCALL. Not
         * ours: drop it.
         */
        __asm__ volatile("mov %0, %%dr6" ::"r"(0xffff0ff0UL));
        regs->rflags &= ~X86_EFLAGS_TF;
        return;
    case TRAP_NMI:
        nmi_handler();
        return;
    default:
        fatal_trap(regs);
    }
}

extern const u64 __clac_sites_start[], __clac_sites_end[];

void patch_entry_code(void)
{
    static const u8 clac[3] = {0x0f, 0x01, 0xca};

    if (!(read_cr4() & CR4_SMAP))
        return;
    /* Text is mapped read-only; the direct map is the way to change it. */
    for (const u64 *site = __clac_sites_start; site < __clac_sites_end; site++)
        memcpy(paddr_to_virt(virt_to_paddr((const void *)*site)), clac, sizeof(clac));
    /* A far return or CPUID serialises; the entry paths have not run yet. */
    cpuid(0, 0);
}
