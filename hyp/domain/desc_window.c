/* SPDX-License-Identifier: MIT */
/*
 * The window of descriptor tables that each vCPU has in the hypervisor's address space: 14 pages of the
 * guest's GDT, 2 of the hypervisor's, 16 of the guest's LDT. Guests' frames are there only with a descriptor
 * type use (seg_desc), so they hold nothing that could harm when loaded, and no guest can write to them. The
 * entries are not global: the CR3 load at each switch of vCPUs drops what another CPU's TLB may have kept.
 *
 * Windows are numbered; a number is used again when its vCPU is gone.
 */
#include "cpu/paging.h"
#include "domain/domain.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "cpu/traps.h"
#include "mm/flush.h"
#include "mm/pagetable.h"

#define NR_WINDOWS 65536
#define WINDOW_PTE (PTE_P | PTE_RW | PTE_A | PTE_D | PTE_NX)

static u64 window_used[BITS_TO_WORDS(NR_WINDOWS)];
static struct spinlock window_lock = SPINLOCK_INIT(LOCK_VMAP);

/* Where a guest has no GDT page: descriptors that cannot be loaded (#GP), rather than a page fault in the
 * window. */
static const u64 no_descriptors[PAGE_SIZE / 8] __aligned(PAGE_SIZE);

static u64 gdt_pte(mfn_t frame)
{
    if (mfn_eq(frame, MFN_NONE))
        return pte_make(virt_to_mfn(no_descriptors), WINDOW_PTE & ~PTE_RW);
    return pte_make(frame, WINDOW_PTE);
}

static unsigned window_number(const struct vcpu *v)
{
    return (unsigned)((v->desc_base - DESC_BASE) / DESC_WINDOW_SIZE);
}

int desc_window_create(struct vcpu *v)
{
    spin_lock(&window_lock);
    unsigned long n = find_next_zero_bit(window_used, NR_WINDOWS, 0);
    if (n < NR_WINDOWS)
        set_bit(window_used, n);
    spin_unlock(&window_lock);
    if (n >= NR_WINDOWS)
        return -ENOMEM;

    v->desc_base = DESC_BASE + n * DESC_WINDOW_SIZE;
    v->desc_l1 = hyp_l1_entry(v->desc_base, true);
    if (!v->desc_l1) {
        atomic_test_and_clear_bit(window_used, n);
        return -ENOMEM;
    }
    memset(v->desc_l1, 0, (DESC_GDT_PAGES + DESC_LDT_PAGES) * sizeof(u64));
    for (unsigned i = 0; i < ARRAY_SIZE(v->gdt_frames); i++)
        v->gdt_frames[i] = MFN_NONE;
    /* A CPU that loads the vCPU puts its own descriptors behind the guest's. */
    for (unsigned i = 0; i < DESC_GDT_PAGES; i++)
        WRITE_ONCE(v->desc_l1[i], gdt_pte(MFN_NONE));
    return 0;
}

void desc_window_free(struct vcpu *v)
{
    if (!v->desc_l1)
        return;
    vcpu_destroy_gdt(v);
    vcpu_invalidate_ldt(v);
    memset(v->desc_l1, 0, (DESC_GDT_PAGES + DESC_LDT_PAGES) * sizeof(u64));
    v->desc_l1 = NULL;
    spin_lock(&window_lock);
    clear_bit(window_used, window_number(v));
    spin_unlock(&window_lock);
}

static void put_gdt_frames(const mfn_t *frames)
{
    for (unsigned i = 0; i < FIRST_RESERVED_GDT_PAGE; i++)
        if (!mfn_eq(frames[i], MFN_NONE))
            put_page_and_type(mfn_to_page(frames[i]));
}

/* Puts frames (NULL: none) into the window; the old ones' uses go afterwards. */
static void install_gdt(struct vcpu *v, const mfn_t *frames, unsigned entries)
{
    mfn_t old[FIRST_RESERVED_GDT_PAGE];

    memcpy(old, v->gdt_frames, sizeof(old));
    for (unsigned i = 0; i < FIRST_RESERVED_GDT_PAGE; i++) {
        v->gdt_frames[i] = frames ? frames[i] : MFN_NONE;
        __atomic_exchange_n(&v->desc_l1[i], gdt_pte(v->gdt_frames[i]), __ATOMIC_SEQ_CST);
    }
    v->gdt_entries = entries;
    if (v == current)
        flush_local();
    put_gdt_frames(old);
}

int vcpu_set_gdt(struct vcpu *v, const u64 *mfns, unsigned entries)
{
    mfn_t frames[FIRST_RESERVED_GDT_PAGE];
    unsigned pages = (entries + 511) / 512;

    if (entries > FIRST_RESERVED_GDT_ENTRY)
        return -EINVAL;
    for (unsigned i = 0; i < FIRST_RESERVED_GDT_PAGE; i++)
        frames[i] = MFN_NONE;
    for (unsigned i = 0; i < pages; i++) {
        mfn_t mfn = mfn_of(mfns[i]);

        if (!mfn_valid(mfn) || get_page_and_type(mfn_to_page(mfn), mm_of(v->domain), PGT_seg_desc)) {
            put_gdt_frames(frames);
            return -EINVAL;
        }
        frames[i] = mfn;
    }
    install_gdt(v, frames, entries);
    return 0;
}

void vcpu_destroy_gdt(struct vcpu *v)
{
    install_gdt(v, NULL, 0);
}

bool vcpu_invalidate_ldt(struct vcpu *v)
{
    bool any = false;

    /* On every switch of roots: most guests have no LDT, and then nothing is there. */
    if (likely(!v->ldt_entries))
        return false;
    for (unsigned i = DESC_GDT_PAGES; i < DESC_GDT_PAGES + DESC_LDT_PAGES; i++) {
        u64 pte = READ_ONCE(v->desc_l1[i]);

        if (!(pte & PTE_P))
            continue;
        __atomic_exchange_n(&v->desc_l1[i], 0, __ATOMIC_SEQ_CST);
        put_page_and_type(mfn_to_page(pte_mfn(pte)));
        any = true;
    }
    return any;
}

void vcpu_set_ldt(struct vcpu *v, u64 base, unsigned entries)
{
    bool flush = vcpu_invalidate_ldt(v);

    v->ldt_base = base;
    v->ldt_entries = entries;
    if (v != current)
        return;
    if (flush)
        flush_local();
    traps_load_ldt(v->desc_base + DESC_GDT_PAGES * PAGE_SIZE, entries);
}

bool desc_map_ldt_page(struct vcpu *v, u64 offset)
{
    unsigned page = (unsigned)(offset / PAGE_SIZE);
    struct pt_walk w;

    if (offset >= DESC_LDT_PAGES * PAGE_SIZE || offset / 8 >= v->ldt_entries)
        return false;
    if (READ_ONCE(v->desc_l1[DESC_GDT_PAGES + page]) & PTE_P)
        return false; /* it is there: the fault has another reason */
    pt_lookup(v->guest_l4, v->ldt_base + page * PAGE_SIZE, &w);
    if (!w.present || !mfn_valid(pte_mfn(w.l1e)))
        return false;
    if (get_page_and_type(mfn_to_page(pte_mfn(w.l1e)), mm_of(v->domain), PGT_seg_desc))
        return false;
    WRITE_ONCE(v->desc_l1[DESC_GDT_PAGES + page], pte_make(pte_mfn(w.l1e), WINDOW_PTE));
    return true;
}
