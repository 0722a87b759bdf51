/* SPDX-License-Identifier: MIT */
#include "guest/grant.h"
#include "guest/guest.h"
#include "guest/mm.h"
#include "guest/spinlock.h"

#define MAX_FRAMES    64u
#define REFS_A_FRAME  (PAGE_SIZE / sizeof(struct grant_entry_v1))
#define RESERVED_REFS 8u

static struct spinlock lock;
static struct grant_entry_v1 *table;
static unsigned nr_refs;
static uint64_t used[MAX_FRAMES * PAGE_SIZE / sizeof(struct grant_entry_v1) / 64];
static unsigned hint;

/* Asks the hypervisor for the table's frames. */
static bool setup_table(xen_pfn_t *frames, unsigned n)
{
    struct gnttab_setup_table setup = {.dom = DOMID_SELF, .nr_frames = n};

    set_xen_guest_handle(setup.frame_list, frames);
    return !hv_grant_table_op(GNTTABOP_setup_table, &setup, 1) && setup.status == GNTST_okay;
}

bool grant_init(unsigned nr_frames)
{
    struct gnttab_query_size query = {.dom = DOMID_SELF};
    xen_pfn_t frames[MAX_FRAMES];

    if (hv_grant_table_op(GNTTABOP_query_size, &query, 1) || query.status != GNTST_okay)
        return false;
    if (!nr_frames || nr_frames > query.max_nr_frames)
        nr_frames = query.max_nr_frames;
    if (nr_frames > MAX_FRAMES)
        nr_frames = MAX_FRAMES;
    if (!setup_table(frames, nr_frames))
        return false;
    table = map_frames(frames, nr_frames, PTE_RW | PTE_NX, DOMID_SELF);
    if (!table)
        return false;
    nr_refs = nr_frames * (unsigned)REFS_A_FRAME;
    used[0] = (1ul << RESERVED_REFS) - 1;
    return true;
}

void grant_suspend(void)
{
    for (unsigned i = 0; i < nr_refs / REFS_A_FRAME; i++)
        mm_set_pte((unsigned long)table + i * PAGE_SIZE, 0);
}

void grant_resume(void)
{
    unsigned n = nr_refs / (unsigned)REFS_A_FRAME;
    xen_pfn_t frames[MAX_FRAMES];

    if (!n)
        return;
    if (!setup_table(frames, n))
        panic("the grant table of %u frames cannot be had again", n);
    for (unsigned i = 0; i < n; i++)
        if (mm_set_pte((unsigned long)table + i * PAGE_SIZE, make_pte(frames[i], PTE_RW | PTE_NX)))
            panic("frame %u of the grant table cannot be mapped again", i);
}

unsigned grant_refs(void)
{
    return nr_refs;
}

struct grant_entry_v1 *grant_entry(grant_ref_t ref)
{
    return ref < nr_refs ? &table[ref] : NULL;
}

int grant_alloc(void)
{
    int ref = -XEN_ENOSPC;

    spin_lock(&lock);
    for (unsigned i = 0; i < nr_refs; i++) {
        unsigned r = (hint + i) % nr_refs;

        if (used[r / 64] >> (r % 64) & 1)
            continue;
        used[r / 64] |= 1ul << (r % 64);
        hint = r + 1;
        ref = (int)r;
        break;
    }
    spin_unlock(&lock);
    return ref;
}

void grant_free(grant_ref_t ref)
{
    spin_lock(&lock);
    used[ref / 64] &= ~(1ul << (ref % 64));
    spin_unlock(&lock);
}

void grant_access(grant_ref_t ref, domid_t dom, unsigned long mfn, unsigned flags)
{
    table[ref].domid = dom;
    table[ref].frame = (uint32_t)mfn;
    __atomic_store_n(&table[ref].flags, (uint16_t)(GTF_permit_access | flags), __ATOMIC_RELEASE);
}

bool grant_end(grant_ref_t ref)
{
    uint16_t flags = __atomic_load_n(&table[ref].flags, __ATOMIC_ACQUIRE);

    do {
        if (flags & (GTF_reading | GTF_writing))
            return false;
    } while (!__atomic_compare_exchange_n(&table[ref].flags, &flags, 0, false, __ATOMIC_SEQ_CST,
                                          __ATOMIC_ACQUIRE));
    return true;
}
