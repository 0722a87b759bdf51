/* SPDX-License-Identifier: MIT */
#include "mm_ops.h"
#include <stdio.h>
#include <string.h>
#include "fake.h"
#include "cpu/percpu.h"
#include "lib/errno.h"
#include "mm/alloc.h"
#include "mm/flush.h"
#include "mm/pt_internal.h"

#define DOMAINS   2
#define PAGES     48 /* of each domain at the start */
#define MAX_PAGES 64
#define MAX_HELD  16

struct guest {
    struct mm_owner mm;
    u32 page[MAX_PAGES]; /* frames that it was given; some may be released by now */
    unsigned pages;
    mfn_t desc[MAX_HELD]; /* frames with a descriptor use of ours */
    unsigned descs;
};

static struct guest guests[DOMAINS];
static struct {
    struct guest *g;
    mfn_t root; /* with a root reference of ours */
} cpus[FAKE_CPUS];

static const u8 *in, *in_end;
static unsigned bad;
u64 mm_ops_done[32];

static unsigned next(void)
{
    return in < in_end ? *in++ : 0;
}
static unsigned next16(void)
{
    return next() << 8 | next();
}

static void report_refs(void)
{
    for (unsigned c = 0; c < FAKE_CPUS; c++)
        if (cpus[c].g)
            mm_audit_add_ref(cpus[c].root, PGT_l4);
    for (unsigned d = 0; d < DOMAINS; d++)
        for (unsigned i = 0; i < guests[d].descs; i++)
            mm_audit_add_ref(guests[d].desc[i], PGT_seg_desc);
}

static void note_new_frame(struct guest *g, struct page_info *pg)
{
    if (fake_tlb_knows(page_to_mfn(pg))) {
        fprintf(stderr, "new frame %#lx is still in a TLB\n", mfn_x(page_to_mfn(pg)));
        bad++;
    }
    for (unsigned i = 0; i < 512; i++)
        if (((u64 *)mfn_to_virt(page_to_mfn(pg)))[i]) {
            fprintf(stderr, "new frame %#lx is not clear\n", mfn_x(page_to_mfn(pg)));
            bad++;
            break;
        }
    /* In the place of one that it has released. */
    for (unsigned i = 0; i < g->pages; i++) {
        if (page_owner(&frame_table[g->page[i]]) != &g->mm) {
            g->page[i] = (u32)mfn_x(page_to_mfn(pg));
            return;
        }
    }
    g->page[g->pages++] = (u32)mfn_x(page_to_mfn(pg));
}

static struct guest *pick_guest(void)
{
    return &guests[next() % DOMAINS];
}
/* Mostly a frame of g, now and then anything. */
static mfn_t pick_frame(struct guest *g)
{
    unsigned r = next();

    if (r < 8)
        return mfn_of(FAKE_MMIO + r % 3);
    if (r < 12)
        return mfn_of(FAKE_HOLE + r);
    if (r == 12)
        return mfn_of(PTE_MFN_MASK >> PAGE_SHIFT);
    if (r == 13)
        return mfn_of(0);
    if (r < 30)
        g = &guests[r % DOMAINS];
    return mfn_of(g->page[r % g->pages]);
}
static u64 pick_flags(void)
{
    u64 f = (u64)next() << 1 & (PTE_RW | PTE_US | PTE_A | PTE_D);
    unsigned odd = next();

    if (odd & 1)
        f |= PTE_NX;
    if (odd == 2)
        f |= PTE_PSE;
    if (odd == 4)
        f |= PTE_PCD;
    if (odd == 6)
        f |= PTE_G;
    if (odd > 16)
        f |= PTE_P;
    if (odd > 128)
        f |= PTE_RW;
    return f;
}
static u64 pick_entry(struct guest *g)
{
    mfn_t mfn = pick_frame(g);
    return pte_make(mfn, pick_flags());
}
/* Few different slots, so that tables meet; two of them are the hypervisor's in an L4. */
static unsigned pick_slot(void)
{
    static const u16 slots[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 511, 256, 271};
    return slots[next() % ARRAY_SIZE(slots)];
}
static u64 pick_va(void)
{
    u64 va = 0;

    for (unsigned level = 1; level <= 4; level++)
        va |= (u64)pick_slot() << (12 + 9 * (level - 1));
    return va & (1UL << 47) ? va | 0xffff000000000000UL : va;
}

/* A guest can write to a frame by itself when it is plain memory. */
static bool guest_may_write(const struct guest *g, mfn_t mfn)
{
    if (!mfn_valid(mfn) || page_owner(mfn_to_page(mfn)) != &g->mm)
        return false;
    u64 x = mfn_to_page(mfn)->type_info;
    return (x & PGT_type_mask) == PGT_writable || !(x & PGT_count_mask);
}

/* Plain stores by the guest: a whole page cleared, one arbitrary entry, or a likely one: to a frame that is
 * the right table already or empty. */
static void op_guest_write(struct guest *g)
{
    mfn_t mfn = mfn_of(g->page[next() % g->pages]);
    unsigned how = next() % 4, slot = pick_slot();

    if (!guest_may_write(g, mfn))
        return;
    u64 *p = mfn_to_virt(mfn);
    if (how == 0)
        memset(p, 0, PAGE_SIZE);
    else if (how == 1)
        p[slot] = pick_entry(g);
    else
        p[slot] = pte_make(mfn_of(g->page[next() % g->pages]), PTE_P | (how == 2 ? PTE_RW : 0));
}

static int switch_root(unsigned cpu, struct guest *g, mfn_t root)
{
    int rc;

    while ((rc = pt_get_root(&g->mm, root)) == -ERESTART)
        ;
    if (rc)
        return rc;
    cpumask_set(&g->mm.dirty_cpus, cpu);
    load_cr3(mfn_to_paddr(root));
    if (cpus[cpu].g) {
        if (cpus[cpu].g != g)
            cpumask_clear(&cpus[cpu].g->mm.dirty_cpus, cpu);
        pt_put_root(cpus[cpu].root);
    }
    cpus[cpu].g = g;
    cpus[cpu].root = root;
    return 0;
}

/* A whole tree of four plain frames, as a kernel makes one for a process; tables that exist already may
 * become part of it. */
static void op_build(struct guest *g)
{
    mfn_t table[4];
    unsigned base = next();

    for (unsigned i = 0; i < 4; i++) {
        table[i] = mfn_of(g->page[(base + i) % g->pages]);
        if (!guest_may_write(g, table[i]))
            return;
        memset(mfn_to_virt(table[i]), 0, PAGE_SIZE);
    }
    for (unsigned level = 4; level > 1; level--) {
        u64 *t = mfn_to_virt(table[level - 1]);
        t[pick_slot()] = pte_make(table[level - 2], PTE_P | PTE_RW | PTE_US);
        mfn_t other = mfn_of(g->page[next() % g->pages]);
        if ((mfn_to_page(other)->type_info & (PGT_type_mask | PGT_validated)) ==
            (PGT_LEVEL(level - 1) | PGT_validated))
            t[pick_slot()] = pte_make(other, PTE_P | PTE_RW);
    }
    u64 *l1 = mfn_to_virt(table[0]);
    for (unsigned n = next() % 6; n; n--) {
        mfn_t mfn = mfn_of(g->page[next() % g->pages]);
        if (page_owner(mfn_to_page(mfn)) == &g->mm)
            l1[pick_slot()] = pte_make(mfn, PTE_P | (guest_may_write(g, mfn) && (next() & 1) ? PTE_RW : 0));
    }
    unsigned cpu = this_cpu_id();
    if (next() & 1)
        (void)pt_pin(&g->mm, table[3], PGT_l4);
    else
        (void)switch_root(cpu, g, table[3]);
}

/* Half of the time in a table that g's kernel would change. */
static mfn_t pick_table(struct guest *g)
{
    for (unsigned tries = 0; tries < 6; tries++) {
        mfn_t mfn = pick_frame(g);
        if (mfn_valid(mfn) && type_is_table(mfn_to_page(mfn)->type_info & PGT_type_mask))
            return mfn;
    }
    return pick_frame(g);
}

static int op_update(struct guest *g)
{
    unsigned mode = next();
    struct mm_owner *foreign = mode < 16 ? &guests[mode % DOMAINS].mm : mode < 20 ? &mm_owner_io : &g->mm;
    paddr_t ptr = mfn_to_paddr(pick_table(g)) + 8 * pick_slot() + (mode == 30 ? 4 : 0);

    return pt_update_entry(&g->mm, foreign, ptr, pick_entry(g), mode & 32);
}

static int op_update_va(struct guest *g, mfn_t root)
{
    u64 va = pick_va();
    return pt_update_va(&g->mm, &g->mm, root, va, pick_entry(g));
}

static int op_emulated(struct guest *g)
{
    static const u8 sizes[] = {1, 2, 4, 8, 8, 8, 3};
    unsigned bytes = sizes[next() % ARRAY_SIZE(sizes)], mode = next();
    mfn_t mfn = pick_table(g);
    paddr_t ptr = mfn_to_paddr(mfn) + 8 * pick_slot();
    u64 expected = 0;
    bool success;

    if (mode & 1)
        return pt_emulated_write(&g->mm, ptr, pick_entry(g), bytes, NULL, NULL);
    if (mfn_valid(mfn) && (mode & 2))
        expected = *(u64 *)((char *)mfn_to_virt(mfn) + (ptr & ~PAGE_MASK));
    return pt_emulated_write(&g->mm, ptr, pick_entry(g), bytes, &expected, &success);
}

static int op_pin(struct guest *g)
{
    mfn_t mfn = pick_frame(g);
    unsigned level = 1 + next() % 4;
    int rc;

    while ((rc = pt_pin(&g->mm, mfn, PGT_LEVEL(level))) == -ERESTART)
        if (next() % 4 == 0)
            return -ERESTART; /* abandons the operation half-way */
    return rc;
}

static int op_idle(unsigned cpu)
{
    if (!cpus[cpu].g)
        return -EINVAL;
    load_cr3(0);
    cpumask_clear(&cpus[cpu].g->mm.dirty_cpus, cpu);
    pt_put_root(cpus[cpu].root);
    cpus[cpu].g = NULL;
    return 0;
}

static int op_grant(struct guest *g, unsigned cpu)
{
    struct guest *granter = &guests[(g == &guests[0])];
    mfn_t frame = pick_frame(granter), table = pick_table(g);
    paddr_t pte = mfn_to_paddr(table) + 8 * pick_slot();
    u64 flags = PTE_P | PTE_US | (next() & 1 ? PTE_RW : 0);

    switch (next() % 5) {
    case 0:
        return pt_grant_map_pte(&g->mm, &granter->mm, pte, frame, flags);
    case 1:
        return pt_grant_unmap_pte(&g->mm, pte, frame);
    case 2:
        return cpus[cpu].g == g
                   ? pt_grant_map_va(&g->mm, &granter->mm, cpus[cpu].root, pick_va(), frame, flags)
                   : -EINVAL;
    case 3:
        return cpus[cpu].g == g ? pt_grant_unmap_va(&g->mm, cpus[cpu].root, pick_va(), frame) : -EINVAL;
    default: {
        u64 va = pick_va(), new_va = pick_va();
        return cpus[cpu].g == g ? pt_grant_replace_va(&g->mm, cpus[cpu].root, va, new_va, frame) : -EINVAL;
    }
    }
}

static int op_pages(struct guest *g)
{
    mfn_t mfn = pick_frame(g);

    switch (next() % 3) {
    case 0: {
        struct page_info *pg = get_page_mfn(mfn, &g->mm);
        if (!pg)
            return -EINVAL;
        if (next() % 4 == 0)
            release_domain_page(pg);
        put_page(pg);
        return 0;
    }
    case 1: {
        struct page_info *pg =
            g->pages < MAX_PAGES - 1 ? alloc_domain_pages(&g->mm, 0, next() & 1 ? 22 : 0, 0) : NULL;
        if (!pg)
            return -ENOMEM;
        note_new_frame(g, pg);
        return 0;
    }
    default:
        if (freeze_page(&g->mm, mfn))
            return -EINVAL;
        if (next() & 1) {
            unfreeze_page(&g->mm, mfn);
        } else {
            free_frozen_page(mfn);
        }
        return 0;
    }
}

static int op_descriptors(struct guest *g)
{
    mfn_t mfn = pick_frame(g);

    switch (next() % 3) {
    case 0:
        if (g->descs == MAX_HELD || !mfn_valid(mfn) ||
            get_page_and_type(mfn_to_page(mfn), &g->mm, PGT_seg_desc))
            return -EINVAL;
        g->desc[g->descs++] = mfn;
        return 0;
    case 1:
        if (!g->descs)
            return -EINVAL;
        put_page_and_type(mfn_to_page(g->desc[--g->descs]));
        return 0;
    default:
        return desc_update(&g->mm, mfn_to_paddr(mfn) + 8 * pick_slot(), (u64)next16() << 40);
    }
}

static void op_touch(unsigned cpu)
{
    if (cpus[cpu].g)
        fake_tlb_walk(cpu, cpus[cpu].root, pick_va());
}

static int step(unsigned op, struct guest *g, unsigned cpu)
{
    mfn_t mfn;

    switch (op) {
    case 0:
    case 1:
        op_guest_write(g);
        return 0;
    case 2:
        op_build(g);
        return 0;
    case 3:
    case 4:
        return op_update(g);
    case 5:
        return cpus[cpu].g ? op_update_va(cpus[cpu].g, cpus[cpu].root) : -EINVAL;
    case 6:
        return op_emulated(g);
    case 7:
    case 8:
        return op_pin(g);
    case 9:
        mfn = pick_table(g);
        return pt_unpin(&g->mm, mfn);
    case 10:
        mfn = pick_table(g);
        return switch_root(cpu, g, mfn);
    case 11:
        return next() % 8 ? 0 : op_idle(cpu);
    case 12:
        return op_grant(g, cpu);
    case 13:
        return op_pages(g);
    case 14:
        return op_descriptors(g);
    default:
        op_touch(cpu);
        return 0;
    }
}

static void begin(void)
{
    static bool registered;

    fake_reset();
    if (!registered) {
        mm_audit_register(report_refs);
        registered = true;
        (void)mm_audit();
    }
    bad = 0;
    memset(cpus, 0, sizeof(cpus));
    for (unsigned d = 0; d < DOMAINS; d++) {
        struct guest *g = &guests[d];

        mm_owner_init(&g->mm, (u16)d);
        g->mm.max_pages = MAX_PAGES;
        g->mm.may_map_mmio = d == 0;
        g->pages = g->descs = 0;
        for (unsigned i = 0; i < PAGES; i++)
            note_new_frame(g, alloc_domain_pages(&g->mm, 0, 0, 0));
    }
}

static void check(void)
{
    u64 differences = mm_audit();

    bad += (unsigned)differences;
    bad += fake_tlb_violations();
}

static void end(u64 free_before)
{
    for (unsigned cpu = 0; cpu < FAKE_CPUS; cpu++) {
        fake_set_cpu(cpu);
        op_idle(cpu);
    }
    fake_set_cpu(0);
    for (unsigned d = 0; d < DOMAINS; d++)
        while (guests[d].descs)
            put_page_and_type(mfn_to_page(guests[d].desc[--guests[d].descs]));
    for (unsigned d = 0; d < DOMAINS; d++) {
        guests[d].mm.dying = true;
        while (mm_relinquish(&guests[d].mm) == -ERESTART)
            ;
        check();
    }
    for (unsigned d = 0; d < DOMAINS; d++) {
        if (mm_owner_has_frames(&guests[d].mm)) {
            fprintf(stderr, "domain %u still has %lu frames\n", d, guests[d].mm.tot_pages);
            bad++;
        } else {
            mm_owner_free(&guests[d].mm);
        }
    }
    if (free_page_count() != free_before) {
        fprintf(stderr, "%ld frames lost\n", (long)(free_before - free_page_count()));
        bad++;
    }
}

unsigned mm_ops_run(const u8 *bytes, size_t n, unsigned audit_every)
{
    static bool warmed_up;
    unsigned done = 0;

    if (!warmed_up) {
        fake_reset();
        (void)mm_audit(); /* takes its memory */
        warmed_up = true;
    }
    u64 free_before = free_page_count();
    begin();
    in = bytes;
    in_end = bytes + n;
    fake_preempt_every(next() % 8);
    while (in < in_end && !bad) {
        unsigned op = next() % 16, cpu = next() % FAKE_CPUS;
        struct guest *g = pick_guest();

        fake_set_cpu(cpu);
        if (pt_unfinished(&g->mm) && next() % 4)
            while (pt_finish(&g->mm) == -ERESTART)
                ;
        if (!step(op, g, cpu))
            mm_ops_done[op]++;
        if (++done % audit_every == 0)
            check();
    }
    check();
    end(free_before);
    return bad;
}
