/* SPDX-License-Identifier: MIT */
/* An ELF kernel in memory: its segments, and what its Xen notes demand. Checks everything it reads against
 * the size. */
#ifndef HYP_DOMAIN_ELF_IMAGE_H
#define HYP_DOMAIN_ELF_IMAGE_H

#include "lib/types.h"

#define ELF_MAX_SEGMENTS 16

struct elf_segment {
    u64 paddr, filesz, memsz;
    const u8 *data;
};

struct elf_image {
    struct elf_segment segment[ELF_MAX_SEGMENTS];
    unsigned segment_count;
    u64 pstart, pend; /* pseudo-physical bytes that the segments span */
    u64 entry;
    u64 virt_base, paddr_offset;
    u64 init_p2m;       /* 0: in the initial mapping */
    u64 hypercall_page; /* 0: none */
    bool mod_start_pfn;
};

/* NULL, or the reason (one line, no newline) why it cannot be started as a PV dom0. */
const char *elf_parse(const void *image, u64 size, struct elf_image *out);

#endif
