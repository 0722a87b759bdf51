/* SPDX-License-Identifier: MIT */
/* What the boot CPU can do; filled once by features_init(), read-only afterwards. */
#ifndef HYP_CPU_FEATURES_H
#define HYP_CPU_FEATURES_H

#include "lib/types.h"

struct cpu_features {
    bool amd;   /* AMD or compatible (Hygon): SYSCALL from compat mode, HWCR... */
    bool intel; /* Intel or compatible (Centaur, Zhaoxin): SYSENTER from compat mode */
    bool nx, page1gb, pge, smep, smap, fsgsbase, xsave, xsaveopt, rdtscp, x2apic, tsc_deadline, invariant_tsc,
        avx, erms;
    bool fpu_pointers_stay; /* FXRSTOR and XRSTOR may leave the last x87 instruction's address */
    u32 family, model, stepping;
    u8 paddr_bits;
    u32 max_leaf, max_ext_leaf;
    u64 xcr0_mask;   /* XCR0 bits that the hardware has and that we let guests use */
    u32 xsave_size;  /* bytes of an XSAVE area for xcr0_mask (512 + 64 at least) */
    char vendor[13]; /* NUL terminated */
};
extern struct cpu_features features;

/* Reads CPUID of the boot CPU. */
void features_init(void);
/* Sets CR0, CR4, EFER, PAT, XCR0 of the calling CPU to what the hypervisor runs with (SMEP, SMAP, FSGSBASE...
 * if there). UMIP stays off: guests run SGDT and friends natively. */
void features_apply_cpu(void);

#endif
