/* SPDX-License-Identifier: MIT */
#include "domain/dom0_memory.h"
#include "lib/printk.h"
#include "lib/string.h"
#include "mm/alloc.h"

#define MAX_CHUNKS 4096

static struct chunk {
    u64 pfn, mfn, pages;
} chunks[MAX_CHUNKS];
static unsigned chunk_count;

static void add_chunk(u64 pfn, u64 mfn, u64 pages)
{
    struct chunk *last = chunk_count ? &chunks[chunk_count - 1] : NULL;

    if (last && last->mfn + last->pages == mfn)
        last->pages += pages;
    else
        chunks[chunk_count++] = (struct chunk){pfn, mfn, pages};
    for (u64 i = 0; i < pages; i++)
        set_m2p(mfn_of(mfn + i), pfn + i);
}

bool dom0_memory_alloc(struct domain *d, u64 pages)
{
    unsigned order = MAX_ORDER;

    for (u64 pfn = 0; pfn < pages;) {
        struct page_info *pg;

        while (order && (1UL << order) > pages - pfn)
            order--;
        pg = alloc_domain_pages(&d->mm, order, 0, ALLOC_OVER_MAX | ALLOC_NO_SCRUB);
        if (!pg && order) {
            order--;
            continue;
        }
        if (!pg || chunk_count == MAX_CHUNKS)
            return false;
        add_chunk(pfn, mfn_x(page_to_mfn(pg)), 1UL << order);
        pfn += 1UL << order;
    }
    return true;
}

/* Pages of one chunk from pfn on; 0: none. */
static u64 find_run(u64 pfn, u64 *mfn)
{
    static unsigned hint;

    if (hint >= chunk_count || pfn < chunks[hint].pfn)
        hint = 0;
    for (; hint < chunk_count; hint++) {
        const struct chunk *c = &chunks[hint];

        if (pfn >= c->pfn && pfn < c->pfn + c->pages) {
            *mfn = c->mfn + (pfn - c->pfn);
            return c->pages - (pfn - c->pfn);
        }
    }
    return 0;
}

mfn_t dom0_pfn_to_mfn(u64 pfn)
{
    u64 mfn;

    BUG_ON(!find_run(pfn, &mfn));
    return mfn_of(mfn);
}

void dom0_memory_write(u64 paddr, const void *src, u64 n)
{
    const char *from = src;

    while (n) {
        u64 mfn, offset = paddr & (PAGE_SIZE - 1), run = find_run(paddr >> PAGE_SHIFT, &mfn), bytes;
        char *to;

        BUG_ON(!run);
        bytes = MIN(n, run * PAGE_SIZE - offset);
        to = (char *)mfn_to_virt(mfn_of(mfn)) + offset;
        if (from) {
            memcpy(to, from, bytes);
            from += bytes;
        } else {
            memset(to, 0, bytes);
        }
        paddr += bytes;
        n -= bytes;
    }
}

void dom0_write_p2m(u64 paddr, u64 pages)
{
    u64 *list = NULL;

    for (u64 pfn = 0; pfn < pages; pfn++) {
        u64 mfn = 0;

        if (pfn % (PAGE_SIZE / 8) == 0)
            list = mfn_to_virt(dom0_pfn_to_mfn((paddr >> PAGE_SHIFT) + pfn / (PAGE_SIZE / 8)));
        BUG_ON(!find_run(pfn, &mfn));
        list[pfn % (PAGE_SIZE / 8)] = mfn;
    }
}
