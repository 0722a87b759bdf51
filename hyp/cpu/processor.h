/* SPDX-License-Identifier: MIT */
/* Single instructions as functions, and the bits of control registers, flags and MSRs. */
#ifndef HYP_CPU_PROCESSOR_H
#define HYP_CPU_PROCESSOR_H

#include "lib/types.h"

#define X86_EFLAGS_CF      (1UL << 0)
#define X86_EFLAGS_RES1    (1UL << 1)
#define X86_EFLAGS_TF      (1UL << 8)
#define X86_EFLAGS_IF      (1UL << 9)
#define X86_EFLAGS_DF      (1UL << 10)
#define X86_EFLAGS_IOPL    (3UL << 12)
#define X86_EFLAGS_NT      (1UL << 14)
#define X86_EFLAGS_RF      (1UL << 16)
#define X86_EFLAGS_VM      (1UL << 17)
#define X86_EFLAGS_AC      (1UL << 18)
#define X86_EFLAGS_VIF     (1UL << 19)
#define X86_EFLAGS_VIP     (1UL << 20)

#define CR0_PE             (1UL << 0)
#define CR0_MP             (1UL << 1)
#define CR0_TS             (1UL << 3)
#define CR0_ET             (1UL << 4)
#define CR0_NE             (1UL << 5)
#define CR0_WP             (1UL << 16)
#define CR0_AM             (1UL << 18)
#define CR0_PG             (1UL << 31)

#define CR4_TSD            (1UL << 2)
#define CR4_DE             (1UL << 3)
#define CR4_PAE            (1UL << 5)
#define CR4_MCE            (1UL << 6)
#define CR4_PGE            (1UL << 7)
#define CR4_OSFXSR         (1UL << 9)
#define CR4_OSXMMEXCPT     (1UL << 10)
#define CR4_FSGSBASE       (1UL << 16)
#define CR4_OSXSAVE        (1UL << 18)
#define CR4_SMEP           (1UL << 20)
#define CR4_SMAP           (1UL << 21)

#define MSR_APIC_BASE      0x1b
#define MSR_SYSENTER_CS    0x174
#define MSR_SYSENTER_ESP   0x175
#define MSR_SYSENTER_EIP   0x176
#define MSR_MCG_CAP        0x179
#define MSR_MISC_ENABLE    0x1a0
#define MSR_PAT            0x277
#define MSR_TSC_DEADLINE   0x6e0
#define MSR_EFER           0xc0000080
#define MSR_STAR           0xc0000081
#define MSR_LSTAR          0xc0000082
#define MSR_CSTAR          0xc0000083
#define MSR_SYSCALL_MASK   0xc0000084
#define MSR_FS_BASE        0xc0000100
#define MSR_GS_BASE        0xc0000101
#define MSR_KERNEL_GS_BASE 0xc0000102 /* the base that is not active ("shadow") */
#define MSR_TSC_AUX        0xc0000103

#define EFER_SCE           (1UL << 0)
#define EFER_LME           (1UL << 8)
#define EFER_LMA           (1UL << 10)
#define EFER_NX            (1UL << 11)

/* The page attribute table every guest is promised: WB WT UC- UC WC WP UC UC. */
#define HYP_PAT 0x050100070406UL

enum {
    TRAP_DE = 0,
    TRAP_DB,
    TRAP_NMI,
    TRAP_BP,
    TRAP_OF,
    TRAP_BR,
    TRAP_UD,
    TRAP_NM,
    TRAP_DF,
    TRAP_CSO,
    TRAP_TS,
    TRAP_NP,
    TRAP_SS,
    TRAP_GP,
    TRAP_PF,
    TRAP_SPURIOUS,
    TRAP_MF,
    TRAP_AC,
    TRAP_MC,
    TRAP_XM
};
#define TRAP_HAS_ERROR_CODE \
    ((1u << 8) | (1u << 10) | (1u << 11) | (1u << 12) | (1u << 13) | (1u << 14) | (1u << 17))

#define PF_PRESENT 1u
#define PF_WRITE   2u
#define PF_USER    4u
#define PF_RSVD    8u
#define PF_INSN    16u

static inline u64 rdmsr(u32 msr)
{
    u32 lo, hi;
    __asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr));
    return lo | ((u64)hi << 32);
}
static inline void wrmsr(u32 msr, u64 v)
{
    __asm__ volatile("wrmsr" ::"c"(msr), "a"((u32)v), "d"((u32)(v >> 32)) : "memory");
}
/* As above, but a fault is an answer: -EFAULT. (extable.S) */
int rdmsr_safe(u32 msr, u64 *v);

#define DEFINE_CR(n)                                             \
    static inline u64 read_cr##n(void)                           \
    {                                                            \
        u64 v;                                                   \
        __asm__ volatile("mov %%cr" #n ", %0" : "=r"(v));        \
        return v;                                                \
    }                                                            \
    static inline void write_cr##n(u64 v)                        \
    {                                                            \
        __asm__ volatile("mov %0, %%cr" #n ::"r"(v) : "memory"); \
    }
DEFINE_CR(0)
DEFINE_CR(2)
DEFINE_CR(3)
DEFINE_CR(4)
#undef DEFINE_CR

struct cpuid_leaf {
    u32 a, b, c, d;
};
static inline struct cpuid_leaf cpuid(u32 leaf, u32 sub)
{
    struct cpuid_leaf r;
    __asm__ volatile("cpuid" : "=a"(r.a), "=b"(r.b), "=c"(r.c), "=d"(r.d) : "a"(leaf), "c"(sub));
    return r;
}
static inline u64 rdtsc_ordered(void)
{
    u32 lo, hi;
    __asm__ volatile("lfence; rdtsc" : "=a"(lo), "=d"(hi)::"memory");
    return lo | ((u64)hi << 32);
}
static inline u64 rdtsc(void)
{
    u32 lo, hi;
    __asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
    return lo | ((u64)hi << 32);
}
#define DEFINE_PORT(suffix, type)                                        \
    static inline void out##suffix(u16 port, type v)                     \
    {                                                                    \
        __asm__ volatile("out" #suffix " %0, %1" ::"a"(v), "Nd"(port));  \
    }                                                                    \
    static inline type in##suffix(u16 port)                              \
    {                                                                    \
        type v;                                                          \
        __asm__ volatile("in" #suffix " %1, %0" : "=a"(v) : "Nd"(port)); \
        return v;                                                        \
    }
DEFINE_PORT(b, u8)
DEFINE_PORT(w, u16)
DEFINE_PORT(l, u32)
#undef DEFINE_PORT
/* `size` 1, 2 or 4 bytes. */
static inline u32 in_sized(u16 port, unsigned size)
{
    return size == 1 ? inb(port) : size == 2 ? inw(port) : inl(port);
}
static inline void out_sized(u16 port, unsigned size, u32 v)
{
    if (size == 1)
        outb(port, (u8)v);
    else if (size == 2)
        outw(port, (u16)v);
    else
        outl(port, v);
}
static inline void cpu_relax(void)
{
    __asm__ volatile("pause" ::: "memory");
}
static inline void local_irq_disable(void)
{
    __asm__ volatile("cli" ::: "memory");
}
static inline void local_irq_enable(void)
{
    __asm__ volatile("sti" ::: "memory");
}
static inline u64 read_flags(void)
{
    u64 f;
    __asm__ volatile("pushfq; pop %0" : "=r"(f)::"memory");
    return f;
}
static inline u64 local_irq_save(void)
{
    u64 f = read_flags();
    local_irq_disable();
    return f;
}
static inline void local_irq_restore(u64 f)
{
    if (f & X86_EFLAGS_IF)
        local_irq_enable();
    else
        local_irq_disable();
}
static inline bool local_irq_is_enabled(void)
{
    return read_flags() & X86_EFLAGS_IF;
}
static inline void xsetbv(u64 v)
{
    __asm__ volatile("xsetbv" ::"c"(0), "a"((u32)v), "d"((u32)(v >> 32)));
}
static inline void invlpg(u64 va)
{
    __asm__ volatile("invlpg (%0)" ::"r"(va) : "memory");
}

#endif
