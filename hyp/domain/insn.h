/* SPDX-License-Identifier: MIT */
/* Fetching and taking apart the few guest instructions that are emulated. 64-bit code only: PV kernels have
 * no other. */
#ifndef HYP_DOMAIN_INSN_H
#define HYP_DOMAIN_INSN_H

#include <xen/xen.h>
#include "lib/types.h"

#define INSN_MAX 15

struct insn {
    u8 bytes[INSN_MAX];
    u8 fetched;    /* how many of them could be read */
    u8 length;     /* consumed so far */
    u8 opcode;     /* the last opcode byte */
    bool two_byte; /* behind 0x0f */
    bool opsize16, rep, repne, lock;
    u8 rex;
    u8 modrm;
    u8 mod, reg, rm; /* with REX bits applied to reg and rm (register form) */
};

/* Reads and decodes prefixes and opcode at the guest's RIP. False: not readable, not 64-bit code, or too
 * long. */
bool insn_fetch(const struct cpu_user_regs *regs, struct insn *in);
/* Consumes ModRM, SIB and displacement. */
bool insn_modrm(struct insn *in);
/* Consumes an immediate of 1, 2 or 4 bytes, sign-extended. */
bool insn_imm(struct insn *in, unsigned size, s64 *imm);
/* Operand size in bytes of a non-byte instruction: 2, 4 or 8. */
unsigned insn_opsize(const struct insn *in);
/* General register by number 0..15 in the frame. */
u64 *insn_reg(struct cpu_user_regs *regs, unsigned nr);
static inline u64 insn_mask(unsigned size)
{
    return size == 8 ? ~0UL : (1UL << (8 * size)) - 1;
}
/* The value of a register of `size` bytes; byte registers are AH..BH where there is no REX. */
u64 insn_get_reg(struct cpu_user_regs *regs, const struct insn *in, unsigned nr, unsigned size);
/* Writes with the usual zero-extension of 32-bit results. */
void insn_set_reg(struct cpu_user_regs *regs, const struct insn *in, unsigned nr, unsigned size, u64 v);
/* Moves RIP behind the instruction; a single step ends here (#DB). */
void insn_done(struct cpu_user_regs *regs, const struct insn *in);

#endif
