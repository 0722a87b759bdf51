/* SPDX-License-Identifier: MIT */
#include "guest/mm.h"
#include "hostile.h"

#define READONLY_FROM (POOL_PAGES * 3 / 4)
#define NO_DOMAIN     0x7e57
#define FIRST_REF     8u

static struct {
    void *page;
    grant_ref_t ref;
} pool[POOL_PAGES];
static domid_t peer;
/* Not granted at all, to somebody else, of a frame that is none, of a page table. */
static grant_ref_t odd_refs[4];

static void grant_page(unsigned i)
{
    grant_access(pool[i].ref, peer, virt_to_mfn(pool[i].page), i < READONLY_FROM ? 0 : GTF_readonly);
}

bool pool_init(domid_t backend)
{
    peer = backend;
    for (unsigned i = 0; i < POOL_PAGES; i++) {
        int ref = grant_alloc();

        pool[i].page = page_alloc(0);
        if (ref < 0 || !pool[i].page)
            return false;
        pool[i].ref = (grant_ref_t)ref;
        grant_page(i);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(odd_refs); i++) {
        int ref = grant_alloc();

        if (ref < 0)
            return false;
        odd_refs[i] = (grant_ref_t)ref;
    }
    grant_access(odd_refs[1], NO_DOMAIN, virt_to_mfn(pool[0].page), 0);
    grant_access(odd_refs[2], peer, 0x7ffffffful, 0);
    grant_access(odd_refs[3], peer, virt_to_mfn(mm_root()), 0);
    return true;
}

void *pool_page(unsigned i)
{
    return pool[i].page;
}

grant_ref_t pool_ref(unsigned i)
{
    return pool[i].ref;
}

grant_ref_t pool_any(void)
{
    return pool[below(READONLY_FROM)].ref;
}

grant_ref_t bad_ref(void)
{
    switch (below(5)) {
    case 0:
        return odd_refs[below(ARRAY_SIZE(odd_refs))];
    case 1:
        return pool[READONLY_FROM + below(POOL_PAGES - READONLY_FROM)].ref;
    case 2:
        return grant_refs() + below(4);
    case 3:
        return pool_any();
    default: {
        /* The first ones are the console's and the store's: a guest that has lost these says nothing more. */
        grant_ref_t ref = (grant_ref_t)odd_number();

        return ref < FIRST_REF ? FIRST_REF : ref;
    }
    }
}

/* The entry is written without a look at whether it is in use, which no honest guest does. */
void pool_shuffle(void)
{
    for (unsigned n = 0; n < 8; n++) {
        unsigned i = below(READONLY_FROM), other = below(POOL_PAGES);
        struct grant_entry_v1 *entry = grant_entry(pool[i].ref);

        switch (below(4)) {
        case 0:
            __atomic_and_fetch(&entry->flags, (uint16_t)~GTF_type_mask, __ATOMIC_SEQ_CST);
            break;
        case 1:
            __atomic_or_fetch(&entry->flags, (uint16_t)GTF_readonly, __ATOMIC_SEQ_CST);
            break;
        case 2:
            __atomic_store_n(&entry->frame, (uint32_t)virt_to_mfn(pool[other].page), __ATOMIC_SEQ_CST);
            break;
        default:
            __atomic_store_n(&entry->domid, NO_DOMAIN, __ATOMIC_SEQ_CST);
        }
    }
}

unsigned pool_restore(void)
{
    unsigned held = 0;

    for (unsigned i = 0; i < POOL_PAGES; i++) {
        if (grant_end(pool[i].ref))
            grant_page(i);
        else
            held++;
    }
    return held;
}
