/* SPDX-License-Identifier: MIT */
/*
 * The auditor: counts every reference and type use anew, from the contents of the tables and from what the
 * other rooms report, and compares with what the frames say. The frames' own counters are used for one thing
 * only: to know which frames are tables.
 */
#include "lib/string.h"
#include "mm/domain_pages.h"
#include "mm/pt_internal.h"

#define MAX_REPORTERS 16
#define MAX_PRINTED   32

static void (*reporters[MAX_REPORTERS])(void);
static unsigned nr_reporters;

struct audit_count {
    u32 refs, uses;
    u32 type; /* PGT_ type >> PGT_SHIFT of the uses seen; 0 none */
    u32 conflicts;
};
static struct audit_count *counts;
static u64 differences;

void mm_audit_register(void (*report)(void))
{
    BUG_ON(nr_reporters == MAX_REPORTERS);
    reporters[nr_reporters++] = report;
}

void mm_audit_add_ref(mfn_t mfn, u64 type)
{
    if (!counts || !mfn_valid(mfn))
        return;
    struct audit_count *c = &counts[mfn_x(mfn)];
    u32 t = (u32)(type >> PGT_SHIFT);

    c->refs++;
    if (type == PGT_none)
        return;
    c->uses++;
    if (c->type && c->type != t)
        c->conflicts++;
    c->type = t;
}

static void complain(u64 mfn, const char *what, u64 found, u64 expected)
{
    const struct page_info *pg = &frame_table[mfn];

    if (++differences <= MAX_PRINTED)
        printk(LOG_ERROR,
               "audit: frame %#lx: %s %#lx, counted %#lx (count_info %#lx type_info %#lx owner %d)\n", mfn,
               what, found, expected, pg->count_info, pg->type_info, (int)pg->owner_id - 1);
}

static void count_table(u64 mfn, unsigned entries)
{
    unsigned level = type_level(frame_table[mfn].type_info & PGT_type_mask);
    const u64 *t = mfn_to_virt(mfn_of(mfn));

    for (unsigned i = 0; i < entries; i++) {
        u64 e = t[i];

        if (!(e & PTE_P) || l4_slot_is_hyp(level, i) || !mfn_valid(pte_mfn(e)))
            continue;
        if (level > 1)
            mm_audit_add_ref(pte_mfn(e), PGT_LEVEL(level - 1));
        else
            mm_audit_add_ref(pte_mfn(e), e & PTE_RW ? PGT_writable : PGT_none);
        if (!(e & PTE_US))
            complain(mfn, "entry without user bit", e, i);
    }
}

static void count_frame(u64 mfn)
{
    const struct page_info *pg = &frame_table[mfn];
    u64 x = pg->type_info;
    bool table = type_is_table(x & PGT_type_mask);

    if (pg->count_info & PGC_allocated)
        mm_audit_add_ref(mfn_of(mfn), PGT_none);
    if (pg->count_info & PGC_hyp && (pg->count_info & PGC_count_mask)) /* the hypervisor's own use */
        mm_audit_add_ref(mfn_of(mfn), x & PGT_count_mask ? x & PGT_type_mask : PGT_none);
    if (x & PGT_pinned)
        mm_audit_add_ref(mfn_of(mfn), x & PGT_type_mask);
    if (table && (x & PGT_partial)) {
        mm_audit_add_ref(mfn_of(mfn), x & PGT_type_mask);
        count_table(mfn, pg->partial_index);
    } else if (table && (x & PGT_validated)) {
        count_table(mfn, 512);
    }
}

static void compare_frame(u64 mfn)
{
    const struct page_info *pg = &frame_table[mfn];
    const struct audit_count *c = &counts[mfn];
    u64 x = pg->type_info;

    if ((x & PGT_type_mask) == PGT_free || !pg->owner_id) {
        /* Free, or the hypervisor's: no table may refer to it. */
        if (c->refs > ((pg->count_info & PGC_hyp) ? 1 : 0))
            complain(mfn, "references to an unowned frame", 0, c->refs);
        return;
    }
    if ((pg->count_info & PGC_count_mask) != c->refs)
        complain(mfn, "references", pg->count_info & PGC_count_mask, c->refs);
    /* A read-only shared page holds one use of type none, which is counted nowhere. */
    u64 uses = (x & PGT_type_mask) == PGT_none ? 0 : x & PGT_count_mask;
    if (uses != c->uses)
        complain(mfn, "type uses", uses, c->uses);
    if (c->conflicts || (c->uses && (x & PGT_type_mask) != (u64)c->type << PGT_SHIFT))
        complain(mfn, "type", x >> PGT_SHIFT, c->type);
}

/* Kept from one audit to the next: taking and freeing memory flushes TLBs, which an audit must not do. */
static bool have_counts(void)
{
    static struct audit_count *memory;
    static unsigned order;

    if (!memory) {
        while ((PAGE_SIZE << order) < (max_mfn + 1) * sizeof(*memory))
            order++;
        memory = order <= MAX_ORDER ? hyp_alloc_pages(order) : NULL;
    }
    counts = memory;
    if (counts)
        memset(counts, 0, PAGE_SIZE << order);
    return counts != NULL;
}

u64 mm_audit(void)
{
    if (!have_counts())
        return ~0UL;
    differences = 0;
    for (u64 m = 0; m <= max_mfn; m++)
        if (mfn_valid(mfn_of(m)) && (frame_table[m].type_info & PGT_type_mask) != PGT_free)
            count_frame(m);
    for (unsigned i = 0; i < nr_reporters; i++)
        reporters[i]();
    for (u64 m = 0; m <= max_mfn; m++)
        if (mfn_valid(mfn_of(m)))
            compare_frame(m);
    counts = NULL;
    return differences;
}
