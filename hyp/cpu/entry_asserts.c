/* SPDX-License-Identifier: MIT */
/* The layouts that entry.S was written for. */
#include "cpu/entry.h"
#include "cpu/percpu.h"

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
