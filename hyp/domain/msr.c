/* SPDX-License-Identifier: MIT */
/* MSRs as guests see them. What is not listed here does not exist: #GP. */
#include "cpu/features.h"
#include "cpu/processor.h"
#include "domain/domain.h"
#include "domain/guest_trap.h"
#include "lib/errno.h"

#define MSR_PLATFORM_INFO    0xce
#define MSR_MISC_FEATURES    0x140
#define MSR_MCG_STATUS       0x17a
#define MSR_FEATURE_CONTROL  0x3a
#define MSR_MICROCODE_REV    0x8b
#define MSR_AMD_HWCR         0xc0010015
#define MSR_AMD_PERFEVTSEL0  0xc0010000
#define MSR_AMD_PERFCTR3     0xc0010007
#define MSR_AMD_DE_CFG       0xc0011029
#define DE_CFG_LFENCE        (1UL << 1)
#define APIC_BASE_ENABLE_BSP 0xfee00900UL
#define APIC_BASE_ENABLE     0xfee00800UL
#define HWCR_TSC_FREQ_SEL    (1UL << 24)

static bool amd_only(u32 msr)
{
    return msr >= 0xc0010000 && msr < 0xc0020000;
}

int guest_rdmsr(struct vcpu *v, u32 msr, u64 *val)
{
    *val = 0;
    if (amd_only(msr) && !features.amd)
        return -EPERM;
    switch (msr) {
    case MSR_FS_BASE:
    case MSR_GS_BASE:
    case MSR_KERNEL_GS_BASE:
        /* The live ones: with FSGSBASE a guest changes them without our knowledge. */
        *val = rdmsr(msr);
        return 0;
    case MSR_EFER:
        *val = EFER_SCE | EFER_LME | EFER_LMA | EFER_NX;
        return 0;
    case MSR_PAT:
        *val = HYP_PAT;
        return 0;
    case MSR_APIC_BASE:
        *val = v->id == 0 ? APIC_BASE_ENABLE_BSP : APIC_BASE_ENABLE;
        return 0;
    case MSR_TSC_AUX:
        if (!features.rdtscp)
            return -EPERM;
        *val = v->msr_tsc_aux;
        return 0;
    case MSR_MISC_ENABLE:
        return features.intel && !rdmsr_safe(msr, val) ? 0 : -EPERM;
    case MSR_MICROCODE_REV:
        if (rdmsr_safe(msr, val))
            *val = 0;
        return 0;
    case MSR_AMD_HWCR:
        *val = rdmsr_safe(msr, val) ? 0 : *val & HWCR_TSC_FREQ_SEL;
        return 0;
    case MSR_AMD_DE_CFG:
        *val = DE_CFG_LFENCE;
        return 0;
    case MSR_MCG_CAP:
    case MSR_MCG_STATUS:
    case MSR_FEATURE_CONTROL:
    case MSR_PLATFORM_INFO:
    case MSR_MISC_FEATURES:
    case MSR_AMD_PERFEVTSEL0 ... MSR_AMD_PERFCTR3:
        return 0; /* there, and nothing in it */
    default:
        /* Before the guest can take a #GP, a read of an unknown register gives zero. */
        return v->traps[TRAP_GP].address ? -EPERM : 0;
    }
}

static int write_base(u32 msr, u64 val)
{
    if (!is_canonical(val))
        return -EPERM;
    wrmsr(msr, val);
    return 0;
}

int guest_wrmsr(struct vcpu *v, u32 msr, u64 val)
{
    u64 old;

    if (amd_only(msr) && !features.amd)
        return -EPERM;
    switch (msr) {
    case MSR_FS_BASE:
    case MSR_GS_BASE:
    case MSR_KERNEL_GS_BASE:
        return write_base(msr, val);
    case MSR_TSC_AUX:
        if (!features.rdtscp || (val >> 32))
            return -EPERM;
        v->msr_tsc_aux = val;
        wrmsr(MSR_TSC_AUX, val);
        return 0;
    case MSR_EFER:
    case MSR_PAT:
    case MSR_APIC_BASE:
        return !guest_rdmsr(v, msr, &old) && old == val ? 0 : -EPERM;
    case MSR_MISC_FEATURES:
        return val ? -EPERM : 0; /* CPUID faulting is not offered (PLATFORM_INFO) */
    case MSR_MICROCODE_REV:
    case MSR_AMD_HWCR:
    case MSR_AMD_DE_CFG:
    case MSR_AMD_PERFEVTSEL0 ... MSR_AMD_PERFCTR3:
    case MSR_MCG_STATUS:
        return 0; /* dropped: a write does not stick */
    default:
        return -EPERM;
    }
}
