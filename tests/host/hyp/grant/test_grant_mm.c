/* SPDX-License-Identifier: MIT */
/*
 * Grants over the real memory room: two domains that grant to each other, map, overwrite entries, free frames
 * and turn frames into tables, in random order, while CPUs remember every translation that they could have
 * used. The auditor must find every reference, no CPU may reach a frame whose grant has ended, and all memory
 * must come back when both have died.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "fake.h"
#include "cpu/percpu.h"
#include "cpu/softirq.h"
#include "grant/table.h"
#include "lib/errno.h"
#include "lib/printk.h"
#include "mm/alloc.h"
#include "mm/pagetable.h"

#define DOMAINS 2
#define FRAMES  32 /* of each: 0 L4, 1 L3, 2 L2, 3 L1, the rest data */
#define DATA    4
#define GRANTED 16 /* from here on mapped through grants only */
#define SLOTS   32 /* L1 entries that are used, from index 64 on */
#define REFS    8u

u32 softirq_pending[NR_CPUS];

static struct guest {
    struct domain d;
    struct vcpu v;
    mfn_t frame[FRAMES];
} guests[DOMAINS];

static struct mapping {
    bool used;
    u32 handle;
    u64 addr, bus;
    u32 flags;
} mappings[DOMAINS][SLOTS];

/* --- domains --- */

bool domain_ref(struct domain *d)
{
    d->refs++;
    return true;
}

void domain_put(struct domain *d)
{
    BUG_ON(!d->refs);
    d->refs--;
}

struct domain *domain_get(u16 domid)
{
    if (domid < 1 || domid > DOMAINS)
        return NULL;
    guests[domid - 1].d.refs++;
    return &guests[domid - 1].d;
}

struct domain *domain_get_next(unsigned domid)
{
    return domain_get((u16)MAX(domid, 1U));
}

static void report_roots(void)
{
    for (unsigned i = 0; i < DOMAINS; i++)
        if (!mfn_eq(guests[i].v.guest_l4, MFN_NONE))
            mm_audit_add_ref(guests[i].v.guest_l4, PGT_l4);
}

static u64 *words(mfn_t mfn)
{
    return mfn_to_virt(mfn);
}

static struct grant_entry_v1 *entry_of(struct guest *g, u32 ref)
{
    return (struct grant_entry_v1 *)&g->d.grant->shared[0][ref];
}

static void begin(struct guest *g, u16 id)
{
    const struct xen_domctl_createdomain cfg = {.max_grant_frames = 4, .max_maptrack_frames = 4};

    memset(g, 0, sizeof(*g));
    g->d.id = id;
    g->d.refs = 1;
    g->v.domain = &g->d;
    mm_owner_init(&g->d.mm, id);
    g->d.mm.max_pages = FRAMES + 4;
    cpumask_set(&g->d.mm.dirty_cpus, id);
    assert_int_equal(grant_unit.domain_create(&g->d, &cfg), 0);
    assert_int_equal(grant_table_grow(&g->d, 1), 0);
    for (unsigned i = 0; i < FRAMES; i++) {
        struct page_info *pg = alloc_domain_pages(&g->d.mm, 0, 0, 0);

        assert_non_null(pg);
        g->frame[i] = page_to_mfn(pg);
    }
    for (unsigned i = 0; i < 3; i++)
        words(g->frame[i])[0] = pte_make(g->frame[i + 1], PTE_P | PTE_RW | PTE_US | PTE_A);
    /* The L1 table is linked twice: everything in it has two addresses. */
    words(g->frame[2])[1] = words(g->frame[2])[0];
    assert_int_equal(pt_get_root(&g->d.mm, g->frame[0]), 0);
    g->v.guest_l4 = g->frame[0];
}

static void finish(struct guest *g)
{
    g->d.mm.dying = true;
    assert_int_equal(grant_unit.domain_kill(&g->d), 0);
    pt_put_root(g->v.guest_l4);
    g->v.guest_l4 = MFN_NONE;
    while (mm_relinquish(&g->d.mm) == -ERESTART)
        ;
}

/* --- operations --- */

static unsigned seed;
static unsigned pick(unsigned n)
{
    return (unsigned)rand_r(&seed) % n;
}

static u64 va_of(unsigned slot)
{
    return (64UL + slot) << PAGE_SHIFT;
}

static void do_map(struct guest *g)
{
    unsigned slot = pick(SLOTS);
    struct mapping *m = &mappings[g - guests][slot];
    struct grant_batch b = {0};
    struct gnttab_map_grant_ref op = {.ref = pick(REFS), .dom = (u16)(1 + pick(DOMAINS))};

    if (m->used)
        return;
    op.flags = pick(32) & (GNTMAP_device_map | GNTMAP_host_map | GNTMAP_readonly | GNTMAP_contains_pte);
    op.host_addr = op.flags & GNTMAP_contains_pte ? mfn_to_paddr(g->frame[3]) + 8 * (64 + slot) : va_of(slot);
    grant_map(&b, &op);
    grant_batch_end(&b);
    if (op.status == GNTST_okay)
        *m = (struct mapping){true, op.handle, op.host_addr, op.dev_bus_addr, op.flags};
}

/* All addresses of the slot on the CPU of the domain. */
static void touch(struct guest *g, unsigned slot)
{
    fake_tlb_walk(g->d.id, g->v.guest_l4, va_of(slot));
    fake_tlb_walk(g->d.id, g->v.guest_l4, va_of(slot) + (1UL << 21));
}

static bool only_granted(mfn_t frame)
{
    for (unsigned d = 0; d < DOMAINS; d++)
        for (unsigned i = GRANTED; i < FRAMES; i++)
            if (mfn_eq(guests[d].frame[i], frame))
                return true;
    return false;
}

static unsigned ended; /* last mappings of a frame that were taken away */

static void do_unmap(struct guest *g)
{
    struct gnttab_unmap_grant_ref op[3];
    struct grant_unmap_state st[3];
    struct mapping *m[3];

    for (unsigned i = 0; i < 3; i++) {
        m[i] = &mappings[g - guests][pick(SLOTS)];
        op[i] = (struct gnttab_unmap_grant_ref){
            .host_addr = m[i]->addr, .dev_bus_addr = m[i]->bus, .handle = m[i]->handle};
        grant_unmap(&op[i], &st[i]);
    }
    grant_unmap_finish(st, 3);
    for (unsigned i = 0; i < 3; i++) {
        mfn_t frame = paddr_to_mfn(m[i]->bus);

        if (op[i].status != GNTST_okay)
            continue;
        m[i]->used = false;
        /* No mapping is left but the owner's reference: no CPU may know the frame. */
        if (only_granted(frame) && (mfn_to_page(frame)->count_info & PGC_count_mask) == 1) {
            assert_false(fake_tlb_knows(frame));
            ended++;
        }
    }
}

static void do_entry(struct guest *g)
{
    struct grant_entry_v1 *e = entry_of(g, pick(REFS));
    u16 in_use = e->flags & (GTF_reading | GTF_writing);

    e->domid = (u16)(1 + pick(DOMAINS));
    e->frame = (u32)mfn_x(g->frame[pick(FRAMES)]);
    e->flags = (u16)(in_use | (pick(6) ? GTF_permit_access : 0) | (pick(3) ? 0 : GTF_readonly));
}

static void do_copy(void)
{
    struct grant_batch b = {0};

    for (unsigned i = 0; i < 3; i++) {
        struct gnttab_copy op = {.len = 64, .flags = GNTCOPY_source_gref | GNTCOPY_dest_gref};

        op.source.u.ref = pick(REFS);
        op.source.domid = (u16)(1 + pick(DOMAINS));
        op.dest.u.ref = pick(REFS);
        op.dest.domid = (u16)(1 + pick(DOMAINS));
        grant_copy(&b, &op);
    }
    grant_batch_end(&b);
}

/* The guest changes an entry of its table by itself: clears it or maps a frame of its own. Seldom one that
 * maps a grant: its handle is lost with it. */
static void do_update(struct guest *g)
{
    paddr_t ptr = mfn_to_paddr(g->frame[3]) + 8 * (64 + (pick(150) ? SLOTS + pick(8) : pick(SLOTS)));
    u64 val = pick(2) ? 0 : pte_make(g->frame[pick(GRANTED)], PTE_P | PTE_US | (pick(2) ? PTE_RW : 0));

    (void)pt_update_entry(&g->d.mm, &g->d.mm, ptr, val, false);
}

static void do_pin(struct guest *g)
{
    mfn_t mfn = g->frame[DATA + pick(4)]; /* all zero or data: valid L1 tables now and then */

    if (pick(2))
        (void)pt_pin(&g->d.mm, mfn, PGT_l1);
    else
        (void)pt_unpin(&g->d.mm, mfn);
    if (get_page_and_type(mfn_to_page(mfn), &g->d.mm, PGT_writable) == 0) {
        memset(words(mfn), 0, PAGE_SIZE);
        put_page_and_type(mfn_to_page(mfn));
    }
}

static void do_release(struct guest *g)
{
    unsigned i = FRAMES - 1 - pick(4);
    struct page_info *pg = get_page_mfn(g->frame[i], &g->d.mm), *fresh;

    if (pg) {
        release_domain_page(pg);
        put_page(pg);
    }
    fresh = alloc_domain_pages(&g->d.mm, 0, 0, 0);
    if (fresh) {
        assert_false(fake_tlb_knows(page_to_mfn(fresh)));
        g->frame[i] = page_to_mfn(fresh);
    }
}

static void step(struct guest *g)
{
    fake_set_cpu(g->d.id);
    current = &g->v;
    switch (pick(9)) {
    case 0:
    case 1:
        do_map(g);
        break;
    case 2:
    case 3:
        do_unmap(g);
        break;
    case 4:
        do_entry(g);
        break;
    case 5:
        do_copy();
        break;
    case 6:
        do_update(g);
        break;
    case 7:
        do_pin(g);
        break;
    default:
        do_release(g);
        break;
    }
    touch(g, pick(SLOTS));
}

static void bury_all(void)
{
    for (unsigned i = 0; i < DOMAINS; i++)
        finish(&guests[i]);
    assert_int_equal(mm_audit(), 0);
    for (unsigned i = 0; i < DOMAINS; i++) {
        assert_int_equal(guests[i].d.grant->nr_pinned + guests[i].d.grant->nr_maps, 0);
        assert_int_equal(guests[i].d.refs, 1);
        assert_false(mm_owner_has_frames(&guests[i].d.mm));
        grant_unit.domain_free(&guests[i].d);
        mm_owner_free(&guests[i].d.mm);
    }
}

static int group_setup(void **state)
{
    (void)state;
    fake_reset();
    fake_verbose = true;
    for (unsigned i = 0; i < DOMAINS; i++)
        guests[i].v.guest_l4 = MFN_NONE;
    mm_audit_register(report_roots);
    grant_init();
    return 0;
}

/* Returns how many frames are free in the end. */
static u64 life(unsigned steps)
{
    for (unsigned i = 0; i < DOMAINS; i++)
        begin(&guests[i], (u16)(i + 1));
    memset(mappings, 0, sizeof(mappings));
    ended = 0;
    for (unsigned i = 0; i < steps; i++) {
        step(&guests[pick(DOMAINS)]);
        if (i % 32 == 0)
            assert_int_equal(mm_audit(), 0);
        assert_int_equal(fake_tlb_violations(), 0);
    }
    bury_all();
    return free_page_count();
}

static void random_operations(void **state)
{
    (void)state;
    seed = 1;
    u64 before = life(200); /* the heap has what it keeps */

    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(life(10000), before);
        assert_true(ended > 20);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(random_operations)};

    return cmocka_run_group_tests(tests, group_setup, NULL);
}
