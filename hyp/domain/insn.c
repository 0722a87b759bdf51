/* SPDX-License-Identifier: MIT */
#include "domain/insn.h"
#include "cpu/processor.h"
#include "domain/guest_trap.h"
#include "mm/guest_access.h"

/* The L bit of the code segment: LAR gives the attributes without touching memory by hand. */
static bool code_is_64bit(u16 cs)
{
    u32 ar;
    bool ok;

    if (cs == GUEST_CS64)
        return true;
    __asm__("lar %2, %0" : "=r"(ar), "=@ccz"(ok) : "r"((u32)cs));
    return ok && (ar & (1u << 21));
}

static bool next_byte(struct insn *in, u8 *b)
{
    if (in->length >= in->fetched)
        return false;
    *b = in->bytes[in->length++];
    return true;
}

static bool is_prefix(struct insn *in, u8 b)
{
    switch (b) {
    case 0x66:
        in->opsize16 = true;
        return true;
    case 0xf0:
        in->lock = true;
        return true;
    case 0xf2:
        in->repne = true;
        return true;
    case 0xf3:
        in->rep = true;
        return true;
    case 0x26:
    case 0x2e:
    case 0x36:
    case 0x3e:
    case 0x64:
    case 0x65:
    case 0x67:
        /* Segment and address size: the operand's address comes from CR2 or is implicit. */
        return true;
    default:
        return false;
    }
}

bool insn_fetch(const struct cpu_user_regs *regs, struct insn *in)
{
    u8 b;

    *in = (struct insn){0};
    if (!code_is_64bit(regs->cs))
        return false;
    in->fetched = (u8)(INSN_MAX - copy_from_guest_partial(in->bytes, regs->rip, INSN_MAX));
    do {
        if (!next_byte(in, &b))
            return false;
    } while (is_prefix(in, b));
    if ((b & 0xf0) == 0x40) {
        in->rex = b;
        if (!next_byte(in, &b))
            return false;
    }
    if (b == 0x0f) {
        in->two_byte = true;
        if (!next_byte(in, &b))
            return false;
    }
    in->opcode = b;
    return true;
}

bool insn_modrm(struct insn *in)
{
    u8 b, sib, skip = 0;

    if (!next_byte(in, &b))
        return false;
    in->modrm = b;
    in->mod = b >> 6;
    in->reg = (u8)(((b >> 3) & 7) | ((in->rex & 4) << 1));
    in->rm = (u8)((b & 7) | ((in->rex & 1) << 3));
    if (in->mod == 3)
        return true;
    if ((b & 7) == 4) {
        if (!next_byte(in, &sib))
            return false;
        if (in->mod == 0 && (sib & 7) == 5)
            skip = 4;
    } else if (in->mod == 0 && (b & 7) == 5) {
        skip = 4;
    }
    if (in->mod == 1)
        skip = 1;
    else if (in->mod == 2)
        skip = 4;
    if (in->length + skip > in->fetched)
        return false;
    in->length = (u8)(in->length + skip);
    return true;
}

bool insn_imm(struct insn *in, unsigned size, s64 *imm)
{
    u64 v = 0;

    if (!size || in->length + size > in->fetched)
        return false;
    for (unsigned i = 0; i < size; i++)
        v |= (u64)in->bytes[in->length + i] << (8 * i);
    in->length = (u8)(in->length + size);
    *imm = (s64)(v << (64 - 8 * size)) >> (64 - 8 * size);
    return true;
}

unsigned insn_opsize(const struct insn *in)
{
    if (in->rex & 8)
        return 8;
    return in->opsize16 ? 2 : 4;
}

u64 *insn_reg(struct cpu_user_regs *r, unsigned nr)
{
    u64 *const map[16] = {&r->rax, &r->rcx, &r->rdx, &r->rbx, &r->rsp, &r->rbp, &r->rsi, &r->rdi,
                          &r->r8,  &r->r9,  &r->r10, &r->r11, &r->r12, &r->r13, &r->r14, &r->r15};

    return map[nr & 15];
}

/* Without REX, byte registers 4..7 are the second bytes of the first four. */
static bool is_high_byte(const struct insn *in, unsigned nr, unsigned size)
{
    return size == 1 && !in->rex && nr >= 4 && nr < 8;
}

u64 insn_get_reg(struct cpu_user_regs *regs, const struct insn *in, unsigned nr, unsigned size)
{
    if (is_high_byte(in, nr, size))
        return *insn_reg(regs, nr - 4) >> 8 & 0xff;
    return *insn_reg(regs, nr) & insn_mask(size);
}

void insn_set_reg(struct cpu_user_regs *regs, const struct insn *in, unsigned nr, unsigned size, u64 v)
{
    bool high = is_high_byte(in, nr, size);
    u64 *r = insn_reg(regs, high ? nr - 4 : nr), mask = insn_mask(size) << (high ? 8 : 0);

    *r = size == 4 ? (u32)v : (*r & ~mask) | (v << (high ? 8 : 0) & mask);
}

void insn_done(struct cpu_user_regs *regs, const struct insn *in)
{
    regs->rip += in->length;
    regs->rflags &= ~X86_EFLAGS_RF;
    if (regs->rflags & X86_EFLAGS_TF)
        inject_trap(regs, TRAP_DB, 0);
}
