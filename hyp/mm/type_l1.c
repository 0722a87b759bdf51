/* SPDX-License-Identifier: MIT */
/* What an L1 entry may be, and the references that it holds. */
#include "cpu/platform.h"
#include "mm/pt_internal.h"

/* Set once at boot; the start values suit the host tests. */
u64 l1_disallow_mask = 0;
u64 upper_disallow_mask = PTE_PSE | PTE_PWT | PTE_PCD | PTE_G;
static u64 highest_mfn = PTE_MFN_MASK >> PAGE_SHIFT;

void pt_masks_init(unsigned paddr_bits, bool nx)
{
    u64 never = nx ? 0 : PTE_NX;

    highest_mfn = (1UL << (paddr_bits - PAGE_SHIFT)) - 1;
    l1_disallow_mask = never;
    upper_disallow_mask = PTE_PSE | PTE_PWT | PTE_PCD | PTE_G | never;
}

/* A frame that is no RAM: no references, only permission and cache attributes. */
static int mmio_get(u64 *e, const struct mm_owner *pt, const struct mm_owner *foreign)
{
    mfn_t mfn = pte_mfn(*e);
    const struct mm_owner *user = foreign == &mm_owner_io ? pt : foreign;

    if (!user->may_map_mmio || !pt->may_map_mmio || mfn_x(mfn) > highest_mfn || platform_mmio_denied(mfn)) {
        if (mfn_x(mfn) == PTE_MFN_MASK >> PAGE_SHIFT) /* the guest's "no frame" */
            return -EINVAL;
        gprintk(LOG_DEBUG, "d%u may not map device frame %#lx\n", pt->id, mfn_x(mfn));
        return -EPERM;
    }
    /* Device registers must not be cached: WB becomes UC; WT and WP too. WC, UC- and UC stay. */
    u64 cache = *e & PTE_CACHE;
    if (cache == 0 || cache == PTE_PWT || cache == (PTE_PWT | PTE_PAT))
        *e = (*e & ~PTE_CACHE) | PTE_PWT | PTE_PCD;
    return 0;
}

int l1e_get(u64 *e, struct mm_owner *pt, struct mm_owner *foreign)
{
    u64 v = *e;
    mfn_t mfn = pte_mfn(v);

    if (unlikely(v & l1_disallow_mask) || unlikely((v & PTE_CACHE) && !pt->may_map_mmio)) {
        gprintk(LOG_DEBUG, "d%u: L1 entry %#lx has bits that it may not have\n", pt->id, v);
        return -EINVAL;
    }
    if (unlikely(!mfn_valid(mfn)))
        return mmio_get(e, pt, foreign);

    struct page_info *pg = mfn_to_page(mfn);
    if (unlikely(!get_page(pg, foreign))) {
        gprintk(LOG_DEBUG, "d%u: L1 entry %#lx: frame is not d%u's\n", pt->id, v, foreign->id);
        return -EBUSY;
    }
    if (unlikely((v & PTE_CACHE) && (pg->count_info & PGC_hyp))) {
        put_page(pg);
        return -EACCES;
    }
    if (v & PTE_RW) {
        if (unlikely(!type_get_writable(pg))) {
            gprintk(LOG_DEBUG, "d%u: L1 entry %#lx: frame is in use as type %#lx\n", pt->id, v,
                    pg->type_info);
            put_page(pg);
            return -EBUSY;
        }
        /* From now on the owner's own CPUs are not all that may have a translation. */
        if (unlikely(foreign != pt) && !(READ_ONCE(pg->count_info) & PGC_foreign))
            __atomic_fetch_or(&pg->count_info, PGC_foreign, __ATOMIC_SEQ_CST);
    }
    return 0;
}

void l1e_put(u64 e)
{
    mfn_t mfn = pte_mfn(e);

    if (!(e & PTE_P) || unlikely(!mfn_valid(mfn)))
        return;
    struct page_info *pg = mfn_to_page(mfn);
    if (e & PTE_RW)
        type_put_simple(pg);
    put_page(pg);
}

/* Most tables are nearly empty: of eight entries at once whether there is anything. */
static bool eight_empty(const u64 *e)
{
    return !(e[0] | e[1] | e[2] | e[3] | e[4] | e[5] | e[6] | e[7]);
}

/* Entries [0, n). */
static void put_range(u64 *l1, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        if ((i & 7) == 0 && eight_empty(&l1[i]))
            i += 7;
        else if (l1[i] & PTE_P)
            l1e_put(l1[i]);
    }
}

int l1_validate(struct page_info *pg, struct mm_owner *o)
{
    u64 *l1 = mfn_to_virt(page_to_mfn(pg));

    for (unsigned i = 0; i < 512; i++) {
        if ((i & 7) == 0 && eight_empty(&l1[i])) {
            i += 7;
            continue;
        }
        u64 e = l1[i];
        if (!(e & PTE_P))
            continue;
        u64 n = l1e_adjust(e);
        int rc = l1e_get(&n, o, o);
        if (rc) {
            put_range(l1, i);
            return rc;
        }
        if (n != e)
            WRITE_ONCE(l1[i], n);
    }
    return 0;
}

void l1_devalidate(struct page_info *pg)
{
    put_range(mfn_to_virt(page_to_mfn(pg)), 512);
}
