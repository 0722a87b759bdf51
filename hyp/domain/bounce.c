/* SPDX-License-Identifier: MIT */
/*
 * Bounce frames: how a trap, event or system call reaches the guest kernel, and HYPERVISOR_iret, the way
 * back.
 *
 * From low to high: RCX, R11, [DS, ES, FS, GS for the failsafe callback], [error code], RIP, CS with the
 * saved event mask in bits 32-39, RFLAGS, RSP, SS. Source: the public headers arch-x86/xen-x86_64.h and
 * docs/abi-coverage.md.
 */
#include "cpu/entry.h"
#include "cpu/processor.h"
#include "domain/domain.h"
#include "domain/guest_trap.h"
#include "lib/printk.h"
#include "mm/guest_access.h"

struct bounce {
    u64 rip;
    bool mask_events;
    bool has_error;
    bool failsafe;
    bool clear_df;
    u32 error;
};

#define MAX_FRAME_WORDS 12

static u64 frame_rflags(const struct vcpu *v, const struct cpu_user_regs *regs, u8 saved_mask)
{
    u64 f = regs->rflags & ~(X86_EFLAGS_IF | X86_EFLAGS_IOPL);

    if (!saved_mask)
        f |= X86_EFLAGS_IF;
    if (v->domain->vm_assist & (1UL << VMASST_TYPE_architectural_iopl))
        f |= (u64)v->iopl << 12;
    return f;
}

/* False: the guest has no usable stack, and is being crashed. */
static bool create_bounce_frame(struct cpu_user_regs *regs, const struct bounce *b)
{
    struct vcpu *v = current;
    u64 frame[MAX_FRAME_WORDS], *p = frame, sp;
    u16 cs = regs->cs;
    u8 mask = READ_ONCE(v->info->evtchn_upcall_mask);
    size_t bytes;

    if (v->kernel_mode) {
        sp = regs->rsp;
        cs &= (u16)~3;
    } else {
        sp = v->kernel_sp;
    }
    *p++ = regs->rcx;
    *p++ = regs->r11;
    if (b->failsafe) {
        *p++ = regs->ds;
        *p++ = regs->es;
        *p++ = regs->fs;
        *p++ = regs->gs;
    }
    if (b->has_error)
        *p++ = b->error;
    *p++ = regs->rip;
    *p++ = cs | ((u64)mask << 32);
    *p++ = frame_rflags(v, regs, mask);
    *p++ = regs->rsp;
    *p++ = regs->ss;
    bytes = (size_t)(p - frame) * 8;

    if (!v->kernel_mode)
        toggle_guest_mode(v);
    sp = (sp & ~15UL) - bytes;
    if (!b->rip) {
        domain_crash(v->domain, "vcpu %u: no handler for what happened at %#lx", v->id,
                     (unsigned long)regs->rip);
        return false;
    }
    if (copy_to_guest(sp, frame, bytes)) {
        domain_crash(v->domain, "vcpu %u: kernel stack %#lx cannot be written", v->id, (unsigned long)sp);
        return false;
    }
    if (b->mask_events)
        WRITE_ONCE(v->info->evtchn_upcall_mask, 1);
    regs->entry_vector = 0;
    regs->rip = b->rip;
    regs->rsp = sp;
    regs->cs = GUEST_CS64;
    regs->ss = GUEST_DS;
    regs->rflags &=
        ~(X86_EFLAGS_AC | X86_EFLAGS_VM | X86_EFLAGS_RF | X86_EFLAGS_NT | X86_EFLAGS_TF | X86_EFLAGS_IOPL);
    if (b->clear_df)
        regs->rflags &= ~X86_EFLAGS_DF;
    regs->rflags |= X86_EFLAGS_IF;
    return true;
}

void inject_trap(struct cpu_user_regs *regs, u8 vector, u32 error_code)
{
    const struct trap_entry *t = &current->traps[vector];
    struct bounce b = {
        .rip = t->address,
        .mask_events = t->flags & 4,
        .has_error = vector < 32 && (TRAP_HAS_ERROR_CODE & (1u << vector)),
        .error = error_code,
    };

    if (!t->address) {
        domain_crash(current->domain, "vcpu %u: unhandled trap %u, error %#x, at %#lx", current->id, vector,
                     error_code, (unsigned long)regs->rip);
        return;
    }
    create_bounce_frame(regs, &b);
}

void inject_page_fault(struct cpu_user_regs *regs, u64 addr, u32 error_code)
{
    struct vcpu *v = current;

    WRITE_ONCE(v->info->arch.cr2, addr);
    /* Both guest modes are ring 3; the guest wants to know which of them it was. */
    error_code &= ~PF_USER;
    if (!v->kernel_mode)
        error_code |= PF_USER;
    if (!v->traps[TRAP_PF].address) {
        domain_crash(v->domain, "vcpu %u: unhandled page fault at %#lx, address %#lx, error %#x", v->id,
                     (unsigned long)regs->rip, (unsigned long)addr, error_code);
        return;
    }
    inject_trap(regs, TRAP_PF, error_code);
}

static void inject_failsafe(struct cpu_user_regs *regs)
{
    if (!current->failsafe_cb.address) {
        domain_crash(current->domain, "vcpu %u: cannot return to %04x:%#lx, and no failsafe callback",
                     current->id, regs->cs, (unsigned long)regs->rip);
        return;
    }
    create_bounce_frame(regs, &(struct bounce){
                                  .rip = current->failsafe_cb.address,
                                  .mask_events = current->failsafe_cb.mask_events,
                                  .failsafe = true,
                              });
}

/*
 * The handler finds out what failed by comparing the selectors in its frame with the live ones: all equal
 * means that it was IRETQ. After a selector that a context switch could not load, the frame keeps the wanted
 * one.
 */
void guest_iret_failed(struct cpu_user_regs *regs)
{
    struct vcpu *v = current;

    if (is_idle_vcpu(v))
        panic("CPU%u: IRETQ failed for the idle vCPU\n", this_cpu_id());
    save_selectors(regs);
    inject_failsafe(regs);
}

static void inject_callback(struct cpu_user_regs *regs, const struct callback *cb, bool force_mask)
{
    struct bounce b = {.rip = cb->address, .mask_events = cb->mask_events || force_mask};

    create_bounce_frame(regs, &b);
}

static void deliver_nmi(struct cpu_user_regs *regs)
{
    struct vcpu *v = current;

    v->nmi_pending = false;
    if (v->nmi_cb.address) {
        v->nmi_masked = true;
        inject_callback(regs, &v->nmi_cb, v->nmi_cb.mask_events);
    } else if (v->traps[TRAP_NMI].address) {
        v->nmi_masked = true;
        inject_trap(regs, TRAP_NMI, 0);
    }
}

void deliver_pending(struct cpu_user_regs *regs)
{
    struct vcpu *v = current;

    if (v->segments_bad) {
        v->segments_bad = false;
        inject_failsafe(regs);
    } else if (v->nmi_pending && !v->nmi_masked) {
        deliver_nmi(regs);
    } else if (vcpu_event_pending(v)) {
        if (!v->event_cb.address) {
            domain_crash(v->domain, "vcpu %u: an event is pending and no event callback is registered",
                         v->id);
            /* The crash takes effect at the next softirq; until then nothing more is to be delivered. */
            WRITE_ONCE(v->info->evtchn_upcall_mask, 1);
            return;
        }
        inject_callback(regs, &v->event_cb, true);
    }
}

void guest_syscall(struct cpu_user_regs *regs)
{
    struct vcpu *v = current;
    const struct callback *cb = regs->cs == GUEST_CS32 ? &v->syscall32_cb : &v->syscall_cb;
    struct bounce b = {.rip = cb->address, .mask_events = cb->mask_events, .clear_df = true};

    if (!cb->address) {
        regs->rip -= 2;
        inject_trap(regs, TRAP_UD, 0);
        return;
    }
    create_bounce_frame(regs, &b);
}

void guest_sysenter(struct cpu_user_regs *regs)
{
    struct vcpu *v = current;

    if (v->kernel_mode || !v->sysenter_cb.address) {
        inject_trap(regs, TRAP_GP, 0);
        return;
    }
    inject_callback(regs, &v->sysenter_cb, false);
}

/* The frame of HYPERVISOR_iret, at the guest's RSP. */
struct iret_frame {
    u64 rax, r11, rcx, flags, rip, cs, rflags, rsp, ss;
};
#define IRET_IN_SYSCALL 0x100 /* VGCF_in_syscall */

void do_guest_iret(struct cpu_user_regs *regs)
{
    struct vcpu *v = current;
    struct iret_frame f;

    if (copy_from_guest(&f, regs->rsp, sizeof(f))) {
        domain_crash(v->domain, "vcpu %u: iret frame at %#lx cannot be read", v->id,
                     (unsigned long)regs->rsp);
        return;
    }
    if ((f.cs & 3) == 3) {
        if (mfn_eq(v->guest_l4_user, MFN_NONE)) {
            domain_crash(v->domain, "vcpu %u: iret to user mode without a user page table", v->id);
            return;
        }
        toggle_guest_mode(v);
    }
    if (v->domain->vm_assist & (1UL << VMASST_TYPE_architectural_iopl))
        v->iopl = (f.rflags >> 12) & 3;
    regs->rip = f.rip;
    regs->cs = (u16)(f.cs | 3);
    regs->rflags = (f.rflags & ~(X86_EFLAGS_IOPL | X86_EFLAGS_VM | X86_EFLAGS_VIF | X86_EFLAGS_VIP)) |
                   X86_EFLAGS_IF | X86_EFLAGS_RES1;
    regs->rsp = f.rsp;
    regs->ss = (u16)(f.ss | 3);
    if (f.flags & IRET_IN_SYSCALL) {
        /* The guest does not care for these two: as SYSRET leaves them. */
        regs->r11 = regs->rflags;
        regs->rcx = regs->rip;
    } else {
        regs->r11 = f.r11;
        regs->rcx = f.rcx;
    }
    regs->rax = f.rax;
    regs->entry_vector = 0;
    /* The event check on the way out comes after this store: an event set before it is delivered, one after
     * it kicks. */
    WRITE_ONCE(v->info->evtchn_upcall_mask, !(f.rflags & X86_EFLAGS_IF));
    smp_mb();
    v->nmi_masked = false;
}
