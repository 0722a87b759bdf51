/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a kernel file: found, unpacked and parsed, or refused. What is accepted is laid out, and the
 * layout must keep its promises: everything inside the guest, tables inside the mapping.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "dom0/toolstack/build_layout.h"
#include "dom0/toolstack/kernel.h"
#include "dom0/toolstack/report.h"

#define GUEST_PAGES (64ULL << 8)
/* Larger claims only cost time here. */
#define UNPACK_LIMIT ((size_t)4 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void drop(void *arg, const char *line)
{
    (void)arg;
    if (strchr(line, '\n'))
        abort();
}

static void lay_out(const struct kernel_image *image)
{
    struct build_layout layout;
    uint64_t need, *mfn_of, *main_tables, *p2m_tables;

    if (layout_compute(&layout, image, GUEST_PAGES, 12345, &need))
        return;
    if (layout.stack_pfn >= layout.main.pages || layout.p2m_pfn + layout.p2m_pages > GUEST_PAGES ||
        layout.initrd_pfn + layout.initrd_pages > GUEST_PAGES || layout.main.pages > GUEST_PAGES ||
        layout.p2m.tables_pfn + layout.p2m.tables > GUEST_PAGES)
        abort();
    mfn_of = calloc(GUEST_PAGES, sizeof(*mfn_of));
    main_tables = malloc(layout.main.tables * LAYOUT_PAGE_BYTES);
    p2m_tables = malloc(layout.p2m.tables * LAYOUT_PAGE_BYTES + 1);
    if (mfn_of && main_tables && p2m_tables)
        layout_fill_tables(&layout, mfn_of, main_tables, p2m_tables);
    free(mfn_of);
    free(main_tables);
    free(p2m_tables);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kernel_bytes file = {.data = data, .len = size, .fd = -1};
    struct kernel_payload payload;
    struct kernel_image image;
    unsigned char *elf;

    report_set_sink(drop, NULL);
    if (size == 0 || kernel_find_payload(&file, "fuzz", &payload) != 0 || payload.unpacked_len > UNPACK_LIMIT)
        return 0;
    elf = malloc(payload.unpacked_len);
    if (elf && kernel_unpack(&payload, "fuzz", elf) == 0) {
        struct kernel_bytes bytes = {.data = elf, .len = payload.unpacked_len, .fd = -1};

        if (kernel_parse(&bytes, "fuzz", &image) == 0)
            lay_out(&image);
    }
    free(elf);
    return 0;
}
