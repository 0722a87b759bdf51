/* SPDX-License-Identifier: MIT */
/*
 * Writes of a guest kernel to its own L1 tables, which it can only read: decoded and applied as page-table
 * updates.
 *
 * Linux needs this for ever, not only at boot: XCHG and locked instructions on live entries (zap, fork,
 * mremap). The faulting address is the operand, so only the operation has to be decoded.
 */
#include "cpu/processor.h"
#include "domain/domain.h"
#include "domain/guest_trap.h"
#include "domain/insn.h"
#include "mm/page.h"
#include "mm/pagetable.h"

enum pte_op {
    OP_MOV,
    OP_XCHG,
    OP_ADD,
    OP_OR,
    OP_AND,
    OP_SUB,
    OP_XOR,
    OP_BTS,
    OP_BTR,
    OP_BTC,
    OP_CMPXCHG,
    OP_XADD
};

struct pte_insn {
    enum pte_op op;
    unsigned size; /* bytes */
    u64 source;
    bool reg_dest; /* XCHG, XADD: `reg` gets the old value */
};

#define MAX_RETRIES 16
#define ARITH_FLAGS 0x8d5UL /* OF SF ZF AF PF CF */

/* 00..33: ALU r/m, reg; 80/81/83: ALU r/m, imm. */
static bool alu_op(unsigned nr, enum pte_op *op)
{
    static const s8 map[8] = {OP_ADD, OP_OR, -1, -1, OP_AND, OP_SUB, OP_XOR, -1};

    if (map[nr & 7] < 0)
        return false;
    *op = (enum pte_op)map[nr & 7];
    return true;
}

static bool decode_one_byte(struct cpu_user_regs *regs, struct insn *in, struct pte_insn *pi)
{
    unsigned full = insn_opsize(in);
    s64 imm;

    pi->size = in->opcode & 1 ? full : 1;
    if (!insn_modrm(in) || in->mod == 3)
        return false;
    if (in->opcode < 0x40 && (in->opcode & 6) == 0) {
        pi->source = insn_get_reg(regs, in, in->reg, pi->size);
        return alu_op(in->opcode >> 3, &pi->op);
    }
    switch (in->opcode) {
    case 0x88:
    case 0x89:
        pi->op = OP_MOV;
        pi->source = insn_get_reg(regs, in, in->reg, pi->size);
        return true;
    case 0x86:
    case 0x87:
        pi->op = OP_XCHG;
        pi->source = insn_get_reg(regs, in, in->reg, pi->size);
        pi->reg_dest = true;
        return true;
    case 0xc6:
    case 0xc7:
        if ((in->reg & 7) != 0 || !insn_imm(in, MIN(pi->size, 4u), &imm))
            return false;
        pi->op = OP_MOV;
        pi->source = (u64)imm & insn_mask(pi->size);
        return true;
    case 0x80:
    case 0x81:
    case 0x83:
        if (in->opcode == 0x83)
            pi->size = full;
        if (!insn_imm(in, in->opcode == 0x81 ? MIN(pi->size, 4u) : 1, &imm))
            return false;
        pi->source = (u64)imm & insn_mask(pi->size);
        return alu_op(in->reg & 7, &pi->op);
    default:
        return false;
    }
}

static bool decode_two_byte(struct cpu_user_regs *regs, struct insn *in, struct pte_insn *pi)
{
    s64 imm;

    pi->size = insn_opsize(in);
    if (!insn_modrm(in) || in->mod == 3)
        return false;
    switch (in->opcode) {
    case 0xab:
    case 0xb3:
    case 0xbb:
        /* The bit offset reaches beyond the operand; CR2 has the word that is meant. */
        pi->source = 1UL << (*insn_reg(regs, in->reg) & (pi->size * 8 - 1));
        pi->op = in->opcode == 0xab ? OP_BTS : in->opcode == 0xb3 ? OP_BTR : OP_BTC;
        return true;
    case 0xba:
        if ((in->reg & 7) < 5 || !insn_imm(in, 1, &imm))
            return false;
        pi->source = 1UL << ((u64)imm & (pi->size * 8 - 1));
        pi->op = (in->reg & 7) == 5 ? OP_BTS : (in->reg & 7) == 6 ? OP_BTR : OP_BTC;
        return true;
    case 0xb0:
    case 0xb1:
    case 0xc0:
    case 0xc1:
        if (!(in->opcode & 1))
            pi->size = 1;
        pi->op = in->opcode < 0xc0 ? OP_CMPXCHG : OP_XADD;
        pi->reg_dest = pi->op == OP_XADD;
        pi->source = insn_get_reg(regs, in, in->reg, pi->size);
        return true;
    default:
        return false;
    }
}

static bool decode(struct cpu_user_regs *regs, struct insn *in, struct pte_insn *pi)
{
    *pi = (struct pte_insn){0};
    if (!insn_fetch(regs, in))
        return false;
    return in->two_byte ? decode_two_byte(regs, in, pi) : decode_one_byte(regs, in, pi);
}

/* Lets the CPU compute result and flags: the operand is moved to the top of a register so that carry and sign
 * come out right. */
#define ALU(insn_name) \
    __asm__(insn_name " %2, %0\n\tpushfq\n\tpop %1" : "+&r"(a), "=&r"(flags) : "r"(b) : "cc")

static u64 compute(const struct pte_insn *pi, u64 old, u64 *rflags)
{
    unsigned shift = 64 - 8 * pi->size;
    u64 a = old << shift, b = pi->source << shift, flags = 0;

    switch (pi->op) {
    case OP_MOV:
    case OP_XCHG:
    case OP_CMPXCHG:
        return pi->source;
    case OP_BTS:
    case OP_BTR:
    case OP_BTC:
        *rflags = (*rflags & ~X86_EFLAGS_CF) | (old & pi->source ? X86_EFLAGS_CF : 0);
        if (pi->op == OP_BTC)
            return old ^ pi->source;
        return pi->op == OP_BTS ? old | pi->source : old & ~pi->source;
    case OP_ADD:
    case OP_XADD:
        ALU("add");
        break;
    case OP_SUB:
        ALU("sub");
        break;
    case OP_OR:
        ALU("or");
        break;
    case OP_AND:
        ALU("and");
        break;
    case OP_XOR:
        ALU("xor");
        break;
    }
    /* Parity looks at the lowest byte of the real result. */
    a >>= shift;
    flags &= ~4UL;
    if (!__builtin_parity((unsigned)a & 0xff))
        flags |= 4;
    *rflags = (*rflags & ~ARITH_FLAGS) | (flags & ARITH_FLAGS);
    return a;
}

static void compare_flags(u64 rax, u64 old, unsigned size, u64 *rflags)
{
    struct pte_insn cmp = {.op = OP_SUB, .size = size, .source = old};

    compute(&cmp, rax, rflags);
}

/* One attempt; *done: it has happened. */
static int attempt(struct cpu_user_regs *regs, const struct pte_insn *pi, const struct insn *in, paddr_t ptr,
                   bool *done)
{
    const void *entry = (const char *)mfn_to_virt(paddr_to_mfn(ptr)) + (ptr & (PAGE_SIZE - 1));
    u64 word = READ_ONCE(*(const u64 *)((u64)entry & ~7UL));
    u64 old = (word >> ((ptr & 7) * 8)) & insn_mask(pi->size);
    u64 flags = regs->rflags, rax = regs->rax & insn_mask(pi->size), seen = old;
    bool ok = true;
    int rc;

    if (pi->op == OP_CMPXCHG) {
        compare_flags(rax, old, pi->size, &flags);
        if (rax != old) {
            insn_set_reg(regs, in, 0, pi->size, old);
            regs->rflags = flags;
            *done = true;
            return 0;
        }
    }
    rc = pt_emulated_write(mm_of(current->domain), ptr, compute(pi, old, &flags), pi->size,
                           pi->op == OP_MOV ? NULL : &seen, pi->op == OP_MOV ? NULL : &ok);
    if (rc || !ok)
        return rc;
    if (pi->op != OP_MOV && pi->op != OP_XCHG)
        regs->rflags = flags;
    if (pi->reg_dest)
        insn_set_reg(regs, in, in->reg, pi->size, old);
    *done = true;
    return 0;
}

bool emulate_pt_write(struct cpu_user_regs *regs, u64 addr)
{
    struct vcpu *v = current;
    struct pt_walk w;
    struct pte_insn pi;
    struct insn in;
    mfn_t table;
    paddr_t ptr;
    bool done = false;

    if (!(v->domain->vm_assist & (1UL << VMASST_TYPE_writable_pagetables)))
        return false;
    pt_lookup(v->guest_l4, addr, &w);
    if (!w.present || (w.l1e & PTE_RW))
        return false;
    table = pte_mfn(w.l1e);
    /* Copy-on-write faults end here, before anything is decoded. */
    if (!pt_is_l1_table(mm_of(v->domain), table))
        return false;
    if (!decode(regs, &in, &pi) || (addr & (pi.size - 1)))
        return false;
    ptr = mfn_to_paddr(table) | (addr & (PAGE_SIZE - 1));
    for (unsigned i = 0; i < MAX_RETRIES && !done; i++)
        if (attempt(regs, &pi, &in, ptr, &done))
            return false;
    /* Lost every race with the hardware's A and D bits: let the instruction fault again. */
    if (done)
        insn_done(regs, &in);
    return true;
}
