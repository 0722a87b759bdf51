/* SPDX-License-Identifier: MIT */
#include "dom0/toolstack/build.h"

#include <string.h>
#include <sys/mman.h>

/*
 * The guest's memory is mapped in two pieces, each in one go: what the initial mapping holds from the kernel
 * to the stack, and what lies behind it. Files are read straight into the mappings: one copy, no buffer
 * between.
 */
struct window {
    uint64_t pfn;
    uint64_t pages;
    unsigned char *va;
};

static int window_map(struct toolstack *ts, const struct build *b, struct window *w)
{
    if (w->pages == 0)
        return 0;
    w->va =
        hv_map(&ts->hv, b->domid, PROT_READ | PROT_WRITE, (const xen_pfn_t *)b->mfn_of + w->pfn, w->pages);
    return w->va ? 0 : build_failed(b, "mapping of the guest's memory");
}

static void window_unmap(struct toolstack *ts, struct window *w)
{
    hv_unmap(&ts->hv, w->va, w->pages);
    w->va = NULL;
}

static void *page_in(const struct window *w, uint64_t pfn)
{
    return w->va + (pfn - w->pfn) * LAYOUT_PAGE_BYTES;
}

static const struct window *window_of(const struct window w[2], uint64_t pfn)
{
    return w[1].pages && pfn >= w[1].pfn ? &w[1] : &w[0];
}

static int read_kernel(const struct build *b, const struct window *w)
{
    for (size_t i = 0; i < b->image.segment_count; i++) {
        const struct kernel_segment *s = &b->image.segments[i];
        unsigned char *dst = w->va + (s->paddr - w->pfn * LAYOUT_PAGE_BYTES);

        if (kernel_read_segment(&b->elf, b->cfg->kernel, s, dst) != 0)
            return -1;
    }
    return 0;
}

static int read_ramdisk(const struct build *b, const struct window *w)
{
    unsigned char *dst = page_in(w, b->layout.initrd_pfn);
    size_t len = b->ramdisk.len;

    if (kernel_bytes_read(&b->ramdisk, b->cfg->ramdisk, 0, dst, len) != 0)
        return -1;
    memset(dst + len, 0, b->layout.initrd_pages * LAYOUT_PAGE_BYTES - len);
    return 0;
}

/* start_info and the two rings lie together; the stack has a page behind the tables. */
static void write_pages(const struct build *b, const struct window *w, uint64_t shared_info_mfn)
{
    const struct build_layout *l = &b->layout;

    memset(page_in(w, l->start_info_pfn), 0, LAYOUT_PAGE_BYTES);
    memset(page_in(w, l->store_pfn), 0, LAYOUT_PAGE_BYTES);
    memset(page_in(w, l->console_pfn), 0, LAYOUT_PAGE_BYTES);
    memset(page_in(w, l->stack_pfn), 0, LAYOUT_PAGE_BYTES);
    build_write_start_info(b, shared_info_mfn, page_in(w, l->start_info_pfn));
}

static void write_p2m(const struct build *b, const struct window *w)
{
    const struct build_layout *l = &b->layout;
    unsigned char *dst = page_in(w, l->p2m_pfn);
    size_t bytes = l->nr_pages * sizeof(*b->mfn_of);

    memcpy(dst, b->mfn_of, bytes);
    /* What is no frame must not look like frame 0. */
    memset(dst + bytes, 0xff, l->p2m_pages * LAYOUT_PAGE_BYTES - bytes);
}

static int fill_windows(const struct build *b, const struct window w[2], uint64_t shared_info_mfn)
{
    const struct build_layout *l = &b->layout;

    if (read_kernel(b, &w[0]) != 0)
        return -1;
    if (l->initrd_pages && read_ramdisk(b, window_of(w, l->initrd_pfn)) != 0)
        return -1;
    write_pages(b, &w[0], shared_info_mfn);
    write_p2m(b, window_of(w, l->p2m_pfn));
    layout_fill_tables(l, b->mfn_of, page_in(&w[0], l->main.tables_pfn),
                       l->p2m.pages ? page_in(&w[1], l->p2m.tables_pfn) : NULL);
    return 0;
}

int build_copy_image(struct toolstack *ts, struct build *b, uint64_t shared_info_mfn)
{
    const struct build_layout *l = &b->layout;
    struct window w[2] = {
        {.pfn = l->kernel_pfn, .pages = l->stack_pfn + 1 - l->kernel_pfn},
        {.pfn = l->main.pages},
    };
    int rc = -1;

    if (l->initrd_pages && !l->initrd_mapped)
        w[1].pages += l->initrd_pages;
    if (l->p2m.pages)
        w[1].pages += l->p2m_pages + l->p2m.tables;
    b->store_mfn = b->mfn_of[l->store_pfn];
    b->console_mfn = b->mfn_of[l->console_pfn];
    if (window_map(ts, b, &w[0]) == 0 && window_map(ts, b, &w[1]) == 0)
        rc = fill_windows(b, w, shared_info_mfn);
    window_unmap(ts, &w[1]);
    window_unmap(ts, &w[0]);
    return rc;
}
