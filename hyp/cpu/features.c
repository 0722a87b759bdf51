/* SPDX-License-Identifier: MIT */
/* What CPUID says of the boot CPU, and the control registers that follow from it. */
#include "cpu/features.h"
#include "cpu/processor.h"
#include "lib/string.h"

struct cpu_features features;

#define XCR0_X87          (1UL << 0)
#define XCR0_SSE          (1UL << 1)
#define XCR0_AVX          (1UL << 2)
#define XCR0_512          (7UL << 5) /* opmask, upper halves, upper registers: all or none */

#define XSAVE_LEGACY_SIZE (512 + 64)

static bool bit(u32 reg, unsigned n)
{
    return (reg >> n) & 1;
}

static void identify_vendor(void)
{
    struct cpuid_leaf l = cpuid(0, 0);
    struct cpu_features *f = &features;

    f->max_leaf = l.a;
    memcpy(f->vendor, &l.b, 4);
    memcpy(f->vendor + 4, &l.d, 4);
    memcpy(f->vendor + 8, &l.c, 4);
    f->amd = !strcmp(f->vendor, "AuthenticAMD") || !strcmp(f->vendor, "HygonGenuine");
    f->intel = !strcmp(f->vendor, "GenuineIntel") || !strcmp(f->vendor, "CentaurHauls") ||
               !strcmp(f->vendor, "  Shanghai  ");
    f->max_ext_leaf = cpuid(0x80000000, 0).a;
}

static void read_basic(void)
{
    struct cpuid_leaf l = cpuid(1, 0);
    struct cpu_features *f = &features;

    f->stepping = l.a & 15;
    f->model = (l.a >> 4) & 15;
    f->family = (l.a >> 8) & 15;
    if (f->family == 15)
        f->family += (l.a >> 20) & 255;
    if (f->family == 6 || f->family >= 15)
        f->model |= (l.a >> 12) & 0xf0;
    f->x2apic = bit(l.c, 21);
    f->tsc_deadline = bit(l.c, 24);
    f->xsave = bit(l.c, 26);
    f->avx = bit(l.c, 28);
    f->pge = bit(l.d, 13);
    if (f->max_leaf >= 7) {
        l = cpuid(7, 0);
        f->fsgsbase = bit(l.b, 0);
        f->smep = bit(l.b, 7);
        f->erms = bit(l.b, 9);
        f->smap = bit(l.b, 20);
    }
}

static void read_extended(void)
{
    struct cpuid_leaf l = cpuid(0x80000001, 0);
    struct cpu_features *f = &features;

    f->nx = bit(l.d, 20);
    f->page1gb = bit(l.d, 26);
    f->rdtscp = bit(l.d, 27);
    if (f->max_ext_leaf >= 0x80000007)
        f->invariant_tsc = bit(cpuid(0x80000007, 0).d, 8);
    f->paddr_bits = 36;
    if (f->max_ext_leaf >= 0x80000008)
        f->paddr_bits = cpuid(0x80000008, 0).a & 255;
    /* "RstrFpErrPtrs" of AMD's manual: they are always restored. */
    f->fpu_pointers_stay = f->amd && !(f->max_ext_leaf >= 0x80000008 && bit(cpuid(0x80000008, 0).b, 2));
}

/* The size of the area follows from the offsets of its parts: leaf 0xd itself speaks of whatever XCR0 holds
 * now. */
static void read_xsave(void)
{
    struct cpu_features *f = &features;
    u64 hw;

    f->xsave_size = XSAVE_LEGACY_SIZE;
    if (f->max_leaf < 0xd)
        f->xsave = false;
    if (!f->xsave)
        return;
    hw = cpuid(0xd, 0).a;
    f->xcr0_mask = XCR0_X87 | XCR0_SSE;
    if (f->avx && (hw & XCR0_AVX))
        f->xcr0_mask |= XCR0_AVX;
    if ((f->xcr0_mask & XCR0_AVX) && (hw & XCR0_512) == XCR0_512)
        f->xcr0_mask |= XCR0_512;
    for (u32 part = 2; part < 63; part++) {
        struct cpuid_leaf l;

        if (!(f->xcr0_mask >> part & 1))
            continue;
        l = cpuid(0xd, part);
        f->xsave_size = MAX(f->xsave_size, l.a + l.b);
    }
    f->xsaveopt = bit(cpuid(0xd, 1).a, 0);
}

void features_init(void)
{
    identify_vendor();
    read_basic();
    read_extended();
    read_xsave();
}

void features_apply_cpu(void)
{
    const struct cpu_features *f = &features;
    u64 cr4 = CR4_PAE | CR4_DE | CR4_MCE | CR4_OSFXSR | CR4_OSXMMEXCPT;

    if (f->pge)
        cr4 |= CR4_PGE;
    if (f->fsgsbase)
        cr4 |= CR4_FSGSBASE;
    if (f->xsave)
        cr4 |= CR4_OSXSAVE;
    if (f->smep)
        cr4 |= CR4_SMEP;
    if (f->smap)
        cr4 |= CR4_SMAP;
    write_cr0(CR0_PG | CR0_AM | CR0_WP | CR0_NE | CR0_ET | CR0_MP | CR0_PE);
    write_cr4(cr4);
    if (f->xsave)
        xsetbv(f->xcr0_mask);
    wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SCE | EFER_NX);
    wrmsr(MSR_PAT, HYP_PAT);
    /* What was cached with the old memory types goes; global entries too. */
    write_cr4(cr4 & ~CR4_PGE);
    write_cr4(cr4);
}
