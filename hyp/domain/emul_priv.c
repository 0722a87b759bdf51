/* SPDX-License-Identifier: MIT */
/* Privileged instructions of a guest kernel, which fault in ring 3. What is not here is the guest's own #GP.
 */
#include "cpu/features.h"
#include "cpu/processor.h"
#include "domain/domain.h"
#include "domain/fpu.h"
#include "domain/guest_trap.h"
#include "domain/insn.h"
#include "domain/debugreg.h"
#include "lib/errno.h"
#include "mm/guest_access.h"

/* Elements of a string instruction before events have their turn. */
#define STRING_IO_BATCH 64

static void emulate_cpuid_at(struct cpu_user_regs *regs)
{
    struct cpuid_leaf l;

    guest_cpuid(current, (u32)regs->rax, (u32)regs->rcx, &l);
    regs->rax = l.a;
    regs->rbx = l.b;
    regs->rcx = l.c;
    regs->rdx = l.d;
}

/* UD2 followed by "xen" and CPUID: how a PV guest asks the hypervisor instead of the CPU. */
bool emulate_forced_cpuid(struct cpu_user_regs *regs)
{
    static const u8 signature[] = {0x0f, 0x0b, 'x', 'e', 'n', 0x0f, 0xa2};
    u8 bytes[sizeof(signature)];
    struct insn in = {.length = sizeof(signature)};

    if (copy_from_guest_partial(bytes, regs->rip, sizeof(bytes)) ||
        __builtin_memcmp(bytes, signature, sizeof(bytes)))
        return false;
    emulate_cpuid_at(regs);
    insn_done(regs, &in);
    return true;
}

static bool emulate_port_io(struct cpu_user_regs *regs, struct insn *in)
{
    struct vcpu *v = current;
    unsigned size = in->opcode & 1 ? MIN(insn_opsize(in), 4u) : 1;
    s64 imm;
    u16 port = (u16)regs->rdx;

    if (!(in->opcode & 8)) {
        if (!insn_imm(in, 1, &imm))
            return false;
        port = (u8)imm;
    }
    if (!guest_port_allowed(v, port, size))
        return false;
    if (in->opcode & 2)
        guest_port_write(v, port, size, (u32)regs->rax);
    else
        insn_set_reg(regs, in, 0, size, guest_port_read(v, port, size));
    return true;
}

/* One element of INS or OUTS. False: the memory operand faulted; the fault has been injected. */
static bool string_io_element(struct cpu_user_regs *regs, const struct insn *in, unsigned size)
{
    struct vcpu *v = current;
    u64 *ptr = in->opcode & 2 ? &regs->rsi : &regs->rdi;
    u32 val = 0;

    if (in->opcode & 2) {
        if (copy_from_guest(&val, *ptr, size)) {
            inject_page_fault(regs, *ptr, 0);
            return false;
        }
        guest_port_write(v, (u16)regs->rdx, size, val);
    } else {
        val = guest_port_read(v, (u16)regs->rdx, size);
        if (copy_to_guest(*ptr, &val, size)) {
            inject_page_fault(regs, *ptr, PF_WRITE);
            return false;
        }
    }
    *ptr += regs->rflags & X86_EFLAGS_DF ? -(u64)size : size;
    return true;
}

/* INS, OUTS with REP in batches: the instruction is executed again for the rest. */
static bool emulate_string_io(struct cpu_user_regs *regs, struct insn *in)
{
    unsigned size = in->opcode & 1 ? MIN(insn_opsize(in), 4u) : 1;
    bool rep = in->rep || in->repne;
    u64 count = rep ? MIN(regs->rcx, (u64)STRING_IO_BATCH) : 1;

    if (!guest_port_allowed(current, (u16)regs->rdx, size))
        return false;
    for (u64 i = 0; i < count; i++) {
        if (!string_io_element(regs, in, size))
            return true;
        if (rep)
            regs->rcx--;
    }
    if (!rep || regs->rcx == 0)
        insn_done(regs, in);
    return true;
}

static bool read_cr(struct cpu_user_regs *regs, const struct insn *in)
{
    struct vcpu *v = current;
    u64 val;

    switch (in->reg) {
    case 0:
        val = (read_cr0() & ~CR0_TS) | (v->ts ? CR0_TS : 0);
        break;
    case 2:
        val = READ_ONCE(v->info->arch.cr2);
        break;
    case 3:
        val = mfn_to_paddr(v->guest_l4);
        break;
    case 4:
        val = v->cr4;
        break;
    default:
        return false;
    }
    *insn_reg(regs, in->rm) = val;
    return true;
}

static bool write_cr(struct cpu_user_regs *regs, struct insn *in)
{
    struct vcpu *v = current;
    u64 val = *insn_reg(regs, in->rm);
    int rc;

    switch (in->reg) {
    case 0:
        if ((val ^ read_cr0()) & ~CR0_TS)
            return false;
        v->ts = val & CR0_TS;
        if (v->ts)
            fpu_set_ts();
        else
            fpu_clear_ts();
        return true;
    case 2:
        WRITE_ONCE(v->info->arch.cr2, val);
        return true;
    case 3:
        rc = vcpu_set_kernel_root(v, paddr_to_mfn(val));
        if (rc != -ERESTART)
            return rc == 0;
        in->length = 0; /* preempted: the instruction is executed again */
        return true;
    case 4:
        v->cr4 = vcpu_guest_cr4(val);
        vcpu_load_cr4(v);
        return true;
    default:
        return false;
    }
}

static bool emulate_mov_dr(struct cpu_user_regs *regs, struct insn *in)
{
    struct vcpu *v = current;
    unsigned nr = in->reg;

    if (nr == 4 || nr == 5) {
        if (v->cr4 & CR4_DE)
            return false;
        nr += 2;
    }
    if (nr > 7)
        return false;
    if (in->opcode == 0x21) {
        *insn_reg(regs, in->rm) = v->debugreg[nr];
        return true;
    }
    return debugreg_set(v, nr, *insn_reg(regs, in->rm)) == 0;
}

static bool emulate_xsetbv(struct cpu_user_regs *regs)
{
    struct vcpu *v = current;

    if ((u32)regs->rcx != 0 || !(v->cr4 & CR4_OSXSAVE))
        return false;
    return fpu_set_xcr0(v, (u32)regs->rax | (regs->rdx << 32)) == 0;
}

static bool emulate_msr(struct cpu_user_regs *regs, bool write)
{
    struct vcpu *v = current;
    u64 val = (u32)regs->rax | (regs->rdx << 32);

    if (write)
        return guest_wrmsr(v, (u32)regs->rcx, val) == 0;
    if (guest_rdmsr(v, (u32)regs->rcx, &val))
        return false;
    regs->rax = (u32)val;
    regs->rdx = val >> 32;
    return true;
}

static bool emulate_rdtsc(struct cpu_user_regs *regs, bool with_aux)
{
    u64 tsc = rdtsc();

    if (!current->kernel_mode && (current->cr4 & CR4_TSD))
        return false;
    regs->rax = (u32)tsc;
    regs->rdx = tsc >> 32;
    if (with_aux)
        regs->rcx = current->msr_tsc_aux;
    return true;
}

static bool emulate_group_01(struct cpu_user_regs *regs, struct insn *in)
{
    if (!insn_modrm(in))
        return false;
    switch (in->modrm) {
    case 0xd1:
        return current->kernel_mode && emulate_xsetbv(regs);
    case 0xf9:
        return features.rdtscp && emulate_rdtsc(regs, true);
    default:
        return false;
    }
}

static bool emulate_two_byte(struct cpu_user_regs *regs, struct insn *in)
{
    bool kernel = current->kernel_mode;

    switch (in->opcode) {
    case 0x01:
        return emulate_group_01(regs, in);
    case 0x06: /* CLTS */
        if (!kernel)
            return false;
        current->ts = false;
        fpu_clear_ts();
        return true;
    case 0x09: /* WBINVD: caches are coherent, and no guest without devices can tell */
        if (kernel && current->domain->privileged)
            __asm__ volatile("wbinvd" ::: "memory");
        return kernel;
    case 0x20:
        return kernel && insn_modrm(in) && read_cr(regs, in);
    case 0x22:
        return kernel && insn_modrm(in) && write_cr(regs, in);
    case 0x21:
    case 0x23:
        return kernel && insn_modrm(in) && emulate_mov_dr(regs, in);
    case 0x30:
        return kernel && emulate_msr(regs, true);
    case 0x31:
        return emulate_rdtsc(regs, false);
    case 0x32:
        return kernel && emulate_msr(regs, false);
    case 0xa2:
        emulate_cpuid_at(regs);
        return true;
    default:
        return false;
    }
}

bool emulate_privileged(struct cpu_user_regs *regs)
{
    struct insn in;
    bool ok;

    if (!insn_fetch(regs, &in) || in.lock)
        return false;
    if (in.two_byte) {
        ok = emulate_two_byte(regs, &in);
    } else {
        switch (in.opcode) {
        case 0x6c ... 0x6f:
            return emulate_string_io(regs, &in);
        case 0xe4 ... 0xe7:
        case 0xec ... 0xef:
            ok = emulate_port_io(regs, &in);
            break;
        case 0xfa: /* CLI, STI: nothing happens; they are not the event mask */
        case 0xfb:
            ok = guest_has_iopl(current);
            break;
        default:
            ok = false;
        }
    }
    if (ok)
        insn_done(regs, &in);
    return ok;
}
