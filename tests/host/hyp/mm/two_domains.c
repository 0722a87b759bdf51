/* SPDX-License-Identifier: MIT */
#include "two_domains.h"
#include <string.h>

struct owner_frames a, b;

static struct {
    mfn_t mfn;
    u64 type;
} held[64];
static unsigned nr_held;
static u64 free_before;

static void report(void)
{
    for (unsigned i = 0; i < nr_held; i++)
        mm_audit_add_ref(held[i].mfn, held[i].type);
}

void hold(mfn_t mfn, u64 type)
{
    held[nr_held].mfn = mfn;
    held[nr_held++].type = type;
}

void drop(mfn_t mfn, u64 type)
{
    for (unsigned i = 0; i < nr_held; i++) {
        if (mfn_eq(held[i].mfn, mfn) && held[i].type == type) {
            held[i] = held[--nr_held];
            return;
        }
    }
    fail_msg("the test does not hold frame %#lx", mfn_x(mfn));
}

static void begin(struct owner_frames *o, u16 id)
{
    mm_owner_init(&o->mm, id);
    o->mm.max_pages = FRAMES + 8;
    o->mm.may_map_mmio = o == &a;
    for (unsigned i = 0; i < FRAMES; i++) {
        struct page_info *pg = alloc_domain_pages(&o->mm, 0, 0, 0);
        assert_non_null(pg);
        o->frame[i] = page_to_mfn(pg);
    }
}

int two_domains_setup(void **state)
{
    static bool registered;

    (void)state;
    fake_reset();
    fake_verbose = true;
    if (!registered)
        mm_audit_register(report);
    registered = true;
    nr_held = 0;
    (void)mm_audit();
    free_before = free_page_count();
    begin(&a, 1);
    begin(&b, 2);
    cpumask_set(&a.mm.dirty_cpus, 0);
    cpumask_set(&b.mm.dirty_cpus, 1);
    return 0;
}

int two_domains_teardown(void **state)
{
    struct owner_frames *const all[] = {&a, &b};

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        all[i]->mm.dying = true;
        while (mm_relinquish(&all[i]->mm) == -ERESTART)
            ;
    }
    for (unsigned i = 0; i < 2; i++) {
        if (mm_owner_has_frames(&all[i]->mm))
            return -1;
        mm_owner_free(&all[i]->mm);
    }
    return mm_audit() == 0 && free_page_count() == free_before ? 0 : -1;
}

u64 *table(mfn_t mfn)
{
    return mfn_to_virt(mfn);
}

int update(struct owner_frames *o, paddr_t ptr, u64 val)
{
    return pt_update_entry(&o->mm, &o->mm, ptr, val, false);
}

void build_tree(struct owner_frames *o)
{
    table(o->frame[0])[0] = pte_make(o->frame[1], PTE_P | PTE_RW | PTE_US);
    table(o->frame[1])[0] = pte_make(o->frame[2], PTE_P | PTE_RW | PTE_US);
    table(o->frame[2])[0] = pte_make(o->frame[3], PTE_P | PTE_RW | PTE_US);
    for (unsigned i = 0; i < 4; i++)
        table(o->frame[3])[i] = pte_make(o->frame[8 + i], PTE_P | PTE_RW);
}

u64 type_of(mfn_t mfn)
{
    return frame_table[mfn_x(mfn)].type_info & PGT_type_mask;
}

u64 uses_of(mfn_t mfn)
{
    return frame_table[mfn_x(mfn)].type_info & PGT_count_mask;
}

u64 refs_of(mfn_t mfn)
{
    return frame_table[mfn_x(mfn)].count_info & PGC_count_mask;
}
