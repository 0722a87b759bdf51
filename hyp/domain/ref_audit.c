/* SPDX-License-Identifier: MIT */
/* What vCPUs hold on frames, for the auditor of the memory room. */
#include "domain/domain.h"
#include "mm/pagetable.h"

static void add(mfn_t mfn, u64 type)
{
    if (!mfn_eq(mfn, MFN_NONE))
        mm_audit_add_ref(mfn, type);
}

static void report_vcpu(const struct vcpu *v)
{
    add(v->guest_l4, PGT_l4);
    add(v->guest_l4_user, PGT_l4);
    add(v->info_mfn, PGT_writable);
    for (unsigned i = 0; i < ARRAY_SIZE(v->gdt_frames); i++)
        add(v->gdt_frames[i], PGT_seg_desc);
    for (unsigned i = 0; v->desc_l1 && i < DESC_LDT_PAGES; i++) {
        u64 pte = v->desc_l1[DESC_GDT_PAGES + i];
        if (pte & PTE_P)
            add(pte_mfn(pte), PGT_seg_desc);
    }
}

static void report(void)
{
    struct domain *d;
    struct vcpu *v;

    for_each_domain (d)
        for_each_vcpu (d, v)
            if (v)
                report_vcpu(v);
}

void ref_audit_init(void)
{
    mm_audit_register(report);
}
