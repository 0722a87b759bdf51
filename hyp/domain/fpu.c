/* SPDX-License-Identifier: MIT */
#include "domain/fpu.h"
#include "cpu/features.h"
#include "cpu/processor.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "mm/alloc.h"

#define XSTATE_FP    1UL
#define XSTATE_SSE   2UL
#define XSTATE_YMM   4UL
#define XSTATE_BV    512 /* offset of the bit map in an XSAVE area */
#define FCW_RESET    0x37f
#define MXCSR_RESET  0x1f80
#define MXCSR_OFFSET 24
#define XSAVE_ALIGN  64

static unsigned area_size(void)
{
    return features.xsave ? features.xsave_size : 512;
}

int fpu_vcpu_create(struct vcpu *v)
{
    char *raw = hyp_zalloc(area_size() + XSAVE_ALIGN);

    if (!raw)
        return -ENOMEM;
    v->xsave_alloc = raw;
    v->xsave = (void *)ROUND_UP((u64)raw, (u64)XSAVE_ALIGN);
    fpu_vcpu_reset(v);
    return 0;
}

void fpu_vcpu_free(struct vcpu *v)
{
    hyp_free(v->xsave_alloc);
    v->xsave_alloc = NULL;
    v->xsave = NULL;
}

void fpu_vcpu_reset(struct vcpu *v)
{
    u16 fcw = FCW_RESET;
    u32 mxcsr = MXCSR_RESET;

    memset(v->xsave, 0, area_size());
    memcpy(v->xsave, &fcw, sizeof(fcw));
    memcpy((char *)v->xsave + MXCSR_OFFSET, &mxcsr, sizeof(mxcsr));
    v->xcr0 = XSTATE_FP;
}

/* XCR0 is opened fully around the two, or state that the guest masked off for a while would be lost. */
void fpu_save(struct vcpu *v)
{
    fpu_clear_ts();
    if (!features.xsave) {
        __asm__ volatile("fxsaveq (%0)" ::"r"(v->xsave) : "memory");
        return;
    }
    if (v->xcr0 != features.xcr0_mask)
        xsetbv(features.xcr0_mask);
    if (features.xsaveopt)
        __asm__ volatile("xsaveopt64 (%0)" ::"r"(v->xsave), "a"(~0u), "d"(~0u) : "memory");
    else
        __asm__ volatile("xsave64 (%0)" ::"r"(v->xsave), "a"(~0u), "d"(~0u) : "memory");
}

/*
 * Where the last x87 instruction and its operand were is restored by older AMD processors only if the state
 * has an exception pending; else the next guest would find the last one's addresses. Now they are ours.
 */
static void forget_x87_pointers(void)
{
    static const u32 zero;

    __asm__ volatile("fnclex; ffree %%st(7); fildl %0" : : "m"(zero));
}

void fpu_restore(struct vcpu *v)
{
    fpu_clear_ts();
    if (unlikely(features.fpu_pointers_stay))
        forget_x87_pointers();
    if (!features.xsave) {
        __asm__ volatile("fxrstorq (%0)" ::"r"(v->xsave) : "memory");
    } else {
        xsetbv(features.xcr0_mask);
        __asm__ volatile("xrstor64 (%0)" ::"r"(v->xsave), "a"(~0u), "d"(~0u) : "memory");
        if (v->xcr0 != features.xcr0_mask)
            xsetbv(v->xcr0);
    }
    if (v->ts)
        fpu_set_ts();
}

void fpu_set_ts(void)
{
    write_cr0(read_cr0() | CR0_TS);
}

void fpu_clear_ts(void)
{
    if (read_cr0() & CR0_TS)
        __asm__ volatile("clts");
}

static bool fpu_xcr0_valid(u64 xcr0)
{
    if (!features.xsave || (xcr0 & ~features.xcr0_mask) || !(xcr0 & XSTATE_FP) ||
        ((xcr0 & XSTATE_YMM) && !(xcr0 & XSTATE_SSE)))
        return false;
    /* The three AVX-512 components come together and on top of AVX. */
    return !(xcr0 & 0xe0) || ((xcr0 & 0xe0) == 0xe0 && (xcr0 & XSTATE_YMM));
}

int fpu_set_xcr0(struct vcpu *v, u64 xcr0)
{
    if (!fpu_xcr0_valid(xcr0))
        return -EINVAL;
    v->xcr0 = xcr0;
    xsetbv(xcr0);
    return 0;
}

/* A reserved MXCSR bit would fault in the restore, in the hypervisor. */
static void sanitize_mxcsr(struct vcpu *v)
{
    u32 mxcsr;

    memcpy(&mxcsr, (char *)v->xsave + MXCSR_OFFSET, sizeof(mxcsr));
    mxcsr &= 0xffff;
    memcpy((char *)v->xsave + MXCSR_OFFSET, &mxcsr, sizeof(mxcsr));
}

int fpu_import_xsave(struct vcpu *v, u64 xcr0, u64 components, const void *area, size_t size)
{
    u64 header[8];

    if (!fpu_xcr0_valid(xcr0) || !fpu_xcr0_valid(components) || (xcr0 & ~components) ||
        size < XSTATE_BV + sizeof(header) || size > area_size())
        return -EINVAL;
    memcpy(header, (const char *)area + XSTATE_BV, sizeof(header));
    /* Standard format, no component that the area does not hold; anything else faults in the restore. */
    if (header[0] & ~components)
        return -EINVAL;
    for (unsigned i = 1; i < ARRAY_SIZE(header); i++)
        if (header[i])
            return i == 1 ? -EOPNOTSUPP : -EINVAL;
    memset(v->xsave, 0, area_size());
    memcpy(v->xsave, area, size);
    sanitize_mxcsr(v);
    v->xcr0 = xcr0;
    return 0;
}

void fpu_import_fxsave(struct vcpu *v, const void *image)
{
    u64 components = XSTATE_FP | XSTATE_SSE;

    memcpy(v->xsave, image, 512);
    sanitize_mxcsr(v);
    if (features.xsave) {
        memset((char *)v->xsave + 512, 0, area_size() - 512);
        memcpy((char *)v->xsave + XSTATE_BV, &components, sizeof(components));
    }
}

void fpu_export_fxsave(const struct vcpu *v, void *image)
{
    memcpy(image, v->xsave, 512);
}
