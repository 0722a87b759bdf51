/* SPDX-License-Identifier: MIT */
/* TLBs that forget nothing unless told to. */
#include <stdio.h>
#include <string.h>
#include "fake.h"
#include "cpu/percpu.h"
#include "mm/flush.h"
#include "mm/pt_internal.h"

#define TLB_SIZE 512

unsigned fake_flushes;
void fake_tlb_reset(void);

static struct fake_tlb {
    struct fake_tlb_entry entry[TLB_SIZE];
    unsigned count;
} tlbs[FAKE_CPUS];

void fake_tlb_reset(void)
{
    for (unsigned cpu = 0; cpu < FAKE_CPUS; cpu++) {
        fake_set_cpu(cpu);
        flush_local();
    }
    fake_set_cpu(0);
    fake_flushes = 0;
}

void hw_flush_tlb(void)
{
    tlbs[this_cpu_id()].count = 0;
    fake_flushes++;
}

void hw_flush_page(u64 va)
{
    (void)va; /* forgets nothing: code under test must not count on it for isolation */
}

void hw_load_cr3(u64 cr3)
{
    (void)cr3;
    tlbs[this_cpu_id()].count = 0;
}

static void remember(unsigned cpu, mfn_t mfn, u8 level, bool writable)
{
    struct fake_tlb *t = &tlbs[cpu];
    struct fake_tlb_entry e = {mfn_x(mfn), level, writable};

    for (unsigned i = 0; i < t->count; i++)
        if (!memcmp(&t->entry[i], &e, sizeof(e)))
            return;
    if (t->count < TLB_SIZE)
        t->entry[t->count++] = e;
}

void fake_tlb_walk(unsigned cpu, mfn_t root, u64 va)
{
    mfn_t table = root;
    bool writable = true;

    for (u8 level = 4; level >= 1; level--) {
        u64 *e = (u64 *)mfn_to_virt(table) + pt_index(va, level);

        if (!(*e & PTE_P))
            return;
        writable = writable && (*e & PTE_RW);
        table = pte_mfn(*e);
        if (!mfn_valid(table))
            return;
        *e |= level == 1 && writable ? PTE_A | PTE_D : PTE_A;
        remember(cpu, table, level - 1, level == 1 && writable);
    }
}

static bool violates(const struct fake_tlb_entry *e)
{
    u64 x = frame_table[e->mfn].type_info, type = x & PGT_type_mask;
    bool in_use = (x & PGT_count_mask) != 0;

    if (e->level == 0)
        return e->writable && in_use && type >= PGT_l1 && type <= PGT_seg_desc;
    return in_use && (type == PGT_writable || (type_is_table(type) && type != PGT_LEVEL(e->level)));
}

unsigned fake_tlb_violations(void)
{
    unsigned n = 0;

    for (unsigned cpu = 0; cpu < FAKE_CPUS; cpu++) {
        for (unsigned i = 0; i < tlbs[cpu].count; i++) {
            const struct fake_tlb_entry *e = &tlbs[cpu].entry[i];

            if (!violates(e))
                continue;
            n++;
            fprintf(stderr, "CPU%u remembers frame %#lx as %s while its type is %#lx\n", cpu, e->mfn,
                    e->level ? "a table" : "writable", frame_table[e->mfn].type_info);
        }
    }
    return n;
}

bool fake_tlb_knows(mfn_t mfn)
{
    for (unsigned cpu = 0; cpu < FAKE_CPUS; cpu++)
        for (unsigned i = 0; i < tlbs[cpu].count; i++)
            if (tlbs[cpu].entry[i].mfn == mfn_x(mfn))
                return true;
    return false;
}
