/* SPDX-License-Identifier: MIT */
/* Everything that a guest's trap or system call turns into: dispatch by vector, and the work on the way out.
 */
#include "cpu/entry.h"
#include "cpu/processor.h"
#include "cpu/softirq.h"
#include "domain/domain.h"
#include "domain/guest_trap.h"
#include "domain/above.h"
#include "domain/fpu.h"
#include "lib/printk.h"
#include "mm/guest_access.h"

#define ERROR_CODE_EXT 1u
#define ERROR_CODE_IDT 2u

/*
 * INT n through a gate that ring 3 may not use arrives as #GP with the vector in the error code. The vector
 * is taken from the instruction itself: QEMU's TCG gets the error code wrong.
 */
static bool software_interrupt(struct cpu_user_regs *regs)
{
    struct vcpu *v = current;
    u8 insn[2];
    unsigned dpl_needed = v->kernel_mode ? 1 : 3;
    const struct trap_entry *t;

    if ((regs->error_code & (ERROR_CODE_IDT | ERROR_CODE_EXT)) != ERROR_CODE_IDT)
        return false;
    if (copy_from_guest(insn, regs->rip, sizeof(insn)) || insn[0] != 0xcd)
        return false;
    t = &v->traps[insn[1]];
    if (!t->address || (t->flags & 3u) < dpl_needed) {
        inject_trap(regs, TRAP_GP, (u32)insn[1] * 8 + ERROR_CODE_IDT);
        return true;
    }
    regs->rip += 2;
    inject_trap(regs, insn[1], 0);
    return true;
}

static void guest_general_protection(struct cpu_user_regs *regs)
{
    if (regs->error_code == 0) {
        if (emulate_privileged(regs))
            return;
    } else if (software_interrupt(regs)) {
        return;
    }
    inject_trap(regs, TRAP_GP, regs->error_code);
}

static void guest_int80(struct cpu_user_regs *regs)
{
    const struct trap_entry *t = &current->traps[0x80];

    if (t->address && (t->flags & 3u) >= (current->kernel_mode ? 1u : 3u)) {
        inject_trap(regs, 0x80, 0);
        return;
    }
    regs->rip -= 2;
    inject_trap(regs, TRAP_GP, 0x80 * 8 + ERROR_CODE_IDT);
}

static void guest_debug(struct cpu_user_regs *regs)
{
    u64 dr6;

    __asm__ volatile("mov %%dr6, %0" : "=r"(dr6));
    __asm__ volatile("mov %0, %%dr6" ::"r"(0xffff0ff0UL));
    current->debugreg[6] = (dr6 & 0xe00fUL) | 0xffff0ff0UL;
    inject_trap(regs, TRAP_DB, 0);
}

static void guest_page_fault(struct cpu_user_regs *regs, u64 addr)
{
    struct vcpu *v = current;
    u32 error = regs->error_code;

    if (addr >= HYP_VIRT_START && addr < HYP_VIRT_END) {
        u64 ldt = v->desc_base + 16 * PAGE_SIZE;

        if (addr >= ldt && addr < ldt + 16 * PAGE_SIZE) {
            if (desc_map_ldt_page(v, addr - ldt))
                return;
            addr = v->ldt_base + (addr - ldt);
        }
    } else if (v->kernel_mode &&
               (error & (PF_WRITE | PF_PRESENT | PF_RSVD | PF_INSN)) == (PF_WRITE | PF_PRESENT)) {
        if (emulate_pt_write(regs, addr))
            return;
    }
    inject_page_fault(regs, addr, error);
}

static void guest_no_fpu(struct cpu_user_regs *regs)
{
    struct vcpu *v = current;

    fpu_clear_ts();
    if (v->ts) {
        v->ts = false;
        inject_trap(regs, TRAP_NM, 0);
    }
}

void guest_exception(struct cpu_user_regs *regs, u64 cr2)
{
    switch (regs->entry_vector) {
    case TRAP_PF:
        guest_page_fault(regs, cr2);
        break;
    case TRAP_GP:
        guest_general_protection(regs);
        break;
    case TRAP_UD:
        if (!emulate_forced_cpuid(regs))
            inject_trap(regs, TRAP_UD, 0);
        break;
    case TRAP_NM:
        guest_no_fpu(regs);
        break;
    case TRAP_DB:
        guest_debug(regs);
        break;
    case 0x80:
        guest_int80(regs);
        break;
    default:
        inject_trap(regs, (u8)regs->entry_vector, regs->error_code);
        break;
    }
}

/* In kernel mode SYSCALL is a hypercall, in user mode a system call of the guest: the mode bit decides, not
 * the ring. */
void guest_syscall_entry(struct cpu_user_regs *regs)
{
    if (likely(current->kernel_mode))
        hypercall_entry(regs);
    else
        guest_syscall(regs);
}

static bool nmi_due(const struct vcpu *v)
{
    return unlikely(v->nmi_pending) && !v->nmi_masked;
}

void exit_work(struct cpu_user_regs *regs)
{
    for (;;) {
        struct vcpu *v;

        if (softirq_is_pending(this_cpu_id())) {
            local_irq_enable();
            softirq_run();
            local_irq_disable();
            continue;
        }
        v = current;
        if (is_idle_vcpu(v))
            run_on_fresh_stack(idle_loop);
        if (likely(!vcpu_event_pending(v) && !nmi_due(v) && !v->segments_bad))
            return;
        /* It may crash the domain, whose lock is held around flushes that wait for this CPU. */
        local_irq_enable();
        deliver_pending(regs);
        local_irq_disable();
    }
}

/* The hypervisor touched a descriptor of the guest's LDT whose page is not mapped yet. */
bool guest_mends_fault(u64 cr2)
{
    struct vcpu *v = current; /* NULL early at boot */

    return v && !is_idle_vcpu(v) && desc_map_ldt_page(v, cr2 - (v->desc_base + DESC_GDT_PAGES * PAGE_SIZE));
}
