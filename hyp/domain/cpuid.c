/* SPDX-License-Identifier: MIT */
#include "domain/cpuid.h"
#include "cpu/clock.h"
#include "cpu/features.h"
#include "domain/guest_trap.h"
#include "lib/string.h"
#include "mm/page.h"

#include <xen/arch-x86/cpuid.h>

#define B(n) (1u << (n))

/* Hidden, with the reason: PSE, PSE36, PGE, PAGE1GB (a PV L2 cannot hold 2 MiB mappings), PCID, INVPCID,
 * SMEP, SMAP, UMIP, VME (the hypervisor's own), MTRR, MONITOR, VMX, SVM, X2APIC, TSC deadline, EIST, PKU,
 * LA57, XSAVES, performance counters, topology (there is none to see). */
#define L1_ECX                                                                                            \
    (B(0) | B(1) | B(9) | B(12) | B(13) | B(19) | B(20) | B(22) | B(23) | B(25) | B(26) | B(28) | B(29) | \
     B(30))
#define L1_ECX_OSXSAVE    B(27)
#define L1_ECX_HYPERVISOR B(31)
#define L1_EDX                                                                                               \
    (B(0) | B(2) | B(4) | B(5) | B(6) | B(7) | B(8) | B(9) | B(11) | B(14) | B(15) | B(16) | B(19) | B(23) | \
     B(24) | B(25) | B(26))
#define L7_EBX        (B(0) | B(3) | B(5) | B(8) | B(9) | B(18) | B(19) | B(23) | B(24) | B(29))
#define L7_EBX_AVX512 (B(16) | B(17) | B(21) | B(28) | B(30) | B(31))
#define L7_ECX        (B(8) | B(9) | B(10) | B(22))
#define L7_ECX_AVX512 (B(1) | B(6) | B(11) | B(12) | B(14))
#define L7_EBX_ERMS   B(9)
#define L7_EDX_FSRM   B(4)
#define L7_EDX        L7_EDX_FSRM
#define LD1_EAX       (B(0) | B(1) | B(2))
#define E1_ECX        (B(0) | B(4) | B(5) | B(6) | B(7) | B(8) | B(11) | B(16) | B(21))
/* Some bits mean what they mean in leaf 1, others (19: multiprocessor, 26: 1 GiB pages) do not. */
#define E1_EDX                                                                                               \
    (B(0) | B(2) | B(4) | B(5) | B(6) | B(7) | B(8) | B(9) | B(11) | B(14) | B(15) | B(16) | B(20) | B(22) | \
     B(23) | B(24) | B(25) | B(27) | B(29) | B(30) | B(31))
#define XCR0_AVX512  0xe0UL

#define MAX_LEAF     0xdu
#define MAX_EXT_LEAF 0x80000008u
#define HYP_LEAF     0x40000000u
#define MAX_HYP_LEAF 0x40000005u

static void xstate_leaf(u32 sub, struct cpuid_leaf *o)
{
    if (!features.xsave) {
        *o = (struct cpuid_leaf){0};
        return;
    }
    switch (sub) {
    case 0:
        o->a = (u32)features.xcr0_mask;
        o->c = features.xsave_size;
        o->d = (u32)(features.xcr0_mask >> 32);
        break;
    case 1:
        o->a &= LD1_EAX;
        if (!(o->a & B(1)))
            o->b = 0;
        o->c = o->d = 0;
        break;
    default:
        if (sub > 62 || !(features.xcr0_mask & (1UL << sub)))
            *o = (struct cpuid_leaf){0};
        break;
    }
}

static void feature_leaf_7(u32 sub, struct cpuid_leaf *o)
{
    bool avx512 = features.xcr0_mask & XCR0_AVX512;

    if (sub) {
        *o = (struct cpuid_leaf){0};
        return;
    }
    o->a = 0;
    o->b &= L7_EBX | (avx512 ? L7_EBX_AVX512 : 0);
    o->c &= L7_ECX | (avx512 ? L7_ECX_AVX512 : 0);
    o->d &= L7_EDX;
    if (!features.erms) {
        o->b &= ~L7_EBX_ERMS;
        o->d &= ~L7_EDX_FSRM;
    }
}

static void mask_basic(u32 leaf, u32 sub, struct cpuid_leaf *o)
{
    switch (leaf) {
    case 0:
        o->a = MIN(o->a, MAX_LEAF);
        break;
    case 1:
        o->b &= 0x0000ff00;
        o->c = (o->c & L1_ECX) | L1_ECX_HYPERVISOR;
        if (o->c & B(26))
            o->c |= L1_ECX_OSXSAVE;
        o->d &= L1_EDX;
        break;
    case 2:
        break;
    case 4:
        o->a &= 0x3fff; /* no cores, no threads */
        break;
    case 7:
        feature_leaf_7(sub, o);
        break;
    case 0xd:
        xstate_leaf(sub, o);
        break;
    default:
        *o = (struct cpuid_leaf){0};
        break;
    }
}

static void mask_extended(u32 leaf, struct cpuid_leaf *o)
{
    switch (leaf) {
    case 0x80000000:
        o->a = MIN(o->a, MAX_EXT_LEAF);
        break;
    case 0x80000001:
        o->c &= E1_ECX;
        o->d &= E1_EDX;
        break;
    case 0x80000002 ... 0x80000006:
        break;
    case 0x80000007:
        o->a = o->b = o->c = 0;
        o->d &= features.invariant_tsc ? B(8) : 0;
        break;
    case 0x80000008:
        o->b &= B(0); /* CLZERO */
        o->c = o->d = 0;
        break;
    default:
        *o = (struct cpuid_leaf){0};
        break;
    }
}

static u8 machine_address_bits(void)
{
    u8 bits = PAGE_SHIFT;

    while ((max_mfn >> (bits - PAGE_SHIFT)) != 0)
        bits++;
    return bits;
}

static void hypervisor_leaf(u32 leaf, u32 sub, struct cpuid_leaf *o)
{
    *o = (struct cpuid_leaf){0};
    switch (leaf - HYP_LEAF) {
    case 0:
        o->a = MAX_HYP_LEAF;
        o->b = XEN_CPUID_SIGNATURE_EBX;
        o->c = XEN_CPUID_SIGNATURE_ECX;
        o->d = XEN_CPUID_SIGNATURE_EDX;
        break;
    case 1:
        o->a = (4u << 16) | 17u;
        break;
    case 2:
        o->a = 1;
        o->b = HYP_LEAF;
        o->c = XEN_CPUID_FEAT1_MMU_PT_UPDATE_PRESERVE_AD;
        break;
    case 3:
        if (sub == 0)
            o->c = (u32)tsc_khz;
        else if (sub == 2)
            o->a = (u32)tsc_khz;
        break;
    case 5:
        o->b = machine_address_bits();
        break;
    default:
        break;
    }
}

void policy_cpuid(enum policy_kind kind, u32 leaf, u32 sub, struct cpuid_leaf *out)
{
    *out = (struct cpuid_leaf){0};
    if (leaf >= HYP_LEAF && leaf <= HYP_LEAF + 0xff) {
        if (leaf <= MAX_HYP_LEAF)
            hypervisor_leaf(leaf, sub, out);
        return;
    }
    if (leaf <= features.max_leaf || (leaf >= 0x80000000u && leaf <= features.max_ext_leaf))
        *out = cpuid(leaf, sub);
    if (kind == POLICY_HOST)
        return;
    if (leaf <= MAX_LEAF)
        mask_basic(leaf, sub, out);
    else if (leaf >= 0x80000000u && leaf <= MAX_EXT_LEAF)
        mask_extended(leaf, out);
    else
        *out = (struct cpuid_leaf){0};
}

static const xen_cpuid_leaf_t *find_custom(const struct domain *d, u32 leaf, u32 sub)
{
    const struct xen_cpuid_leaf_list *l = d->cpuid_custom;

    for (unsigned i = 0; l && i < l->count; i++)
        if (l->leaf[i].leaf == leaf &&
            (l->leaf[i].subleaf == sub || l->leaf[i].subleaf == XEN_CPUID_NO_SUBLEAF))
            return &l->leaf[i];
    return NULL;
}

/* The parts that depend on which vCPU asks, and when. */
static void dynamic_parts(const struct vcpu *v, u32 leaf, u32 sub, struct cpuid_leaf *o)
{
    if (leaf == 1) {
        o->b = (o->b & 0x00ffffff) | (v->id * 2) << 24;
        o->c |= L1_ECX_HYPERVISOR;
        if (o->c & B(26))
            o->c |= L1_ECX_OSXSAVE;
    } else if (leaf == 0xd && sub == 0 && features.xsave) {
        o->b = cpuid(0xd, 0).b; /* for the XCR0 that is loaded */
    }
}

void guest_cpuid(struct vcpu *v, u32 leaf, u32 sub, struct cpuid_leaf *out)
{
    const xen_cpuid_leaf_t *c = NULL;

    if (v->domain->cpuid_custom && (leaf < HYP_LEAF || leaf > HYP_LEAF + 0xff))
        c = find_custom(v->domain, leaf, sub);
    if (c)
        *out = (struct cpuid_leaf){c->a, c->b, c->c, c->d};
    else
        policy_cpuid(POLICY_PV, leaf, sub, out);
    dynamic_parts(v, leaf, sub, out);
}

static void put_leaf(u32 leaf, u32 sub, const struct cpuid_leaf *l, xen_cpuid_leaf_t *buf, unsigned max,
                     unsigned *n)
{
    if (*n < max)
        buf[*n] =
            (xen_cpuid_leaf_t){.leaf = leaf, .subleaf = sub, .a = l->a, .b = l->b, .c = l->c, .d = l->d};
    (*n)++;
}

static void add_leaf(enum policy_kind kind, u32 leaf, u32 sub, xen_cpuid_leaf_t *buf, unsigned max,
                     unsigned *n)
{
    struct cpuid_leaf l;

    policy_cpuid(kind, leaf, sub == XEN_CPUID_NO_SUBLEAF ? 0 : sub, &l);
    put_leaf(leaf, sub, &l, buf, max, n);
}

/* Is there another subleaf behind this one? The first empty one ends a list and is part of it. */
static bool subleaf_follows(enum policy_kind kind, u32 leaf, u32 sub)
{
    struct cpuid_leaf l;

    policy_cpuid(kind, leaf, sub, &l);
    switch (leaf) {
    case 4:
        return sub < 5 && (l.a & 0x1f);
    case 0xb:
        return sub < 1 && (l.c & 0xff00);
    default: /* 0xd: up to the highest component */
        return sub < 1 || (sub < 62 && (features.xcr0_mask >> (sub + 1)));
    }
}

/*
 * The same leaves as libxenctrl writes for the same limits: its buffer is as large as this list, so one fewer
 * would be too few. Of the hypervisor's own leaves it knows the two limits only, and rejects a list with
 * others.
 */
unsigned policy_leaves(enum policy_kind kind, xen_cpuid_leaf_t *buf, unsigned max)
{
    u32 last = MIN(features.max_leaf, MAX_LEAF), last_ext = MIN(features.max_ext_leaf, MAX_EXT_LEAF);
    const struct cpuid_leaf none = {0};
    unsigned n = 0;

    for (u32 leaf = 0; leaf <= last; leaf++) {
        if (leaf == 7) {
            add_leaf(kind, leaf, 0, buf, max, &n);
        } else if (leaf == 4 || leaf == 0xb || leaf == 0xd) {
            u32 sub = 0;

            do {
                add_leaf(kind, leaf, sub, buf, max, &n);
            } while (subleaf_follows(kind, leaf, sub++));
        } else {
            add_leaf(kind, leaf, XEN_CPUID_NO_SUBLEAF, buf, max, &n);
        }
    }
    add_leaf(kind, HYP_LEAF, XEN_CPUID_NO_SUBLEAF, buf, max, &n);
    put_leaf(HYP_LEAF + 0x100, XEN_CPUID_NO_SUBLEAF, &none, buf, max, &n);
    for (u32 leaf = 0x80000000u; leaf <= last_ext; leaf++)
        add_leaf(kind, leaf, XEN_CPUID_NO_SUBLEAF, buf, max, &n);
    return n;
}

unsigned domain_policy_leaves(const struct domain *d, xen_cpuid_leaf_t *buf, unsigned max)
{
    const struct xen_cpuid_leaf_list *l = d->cpuid_custom;

    if (!l)
        return policy_leaves(POLICY_PV, buf, max);
    memcpy(buf, l->leaf, MIN(l->count, max) * sizeof(*buf));
    return l->count;
}
