/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_TOOLSTACK_KERNEL_NOTES_H
#define HOSPES_TOOLSTACK_KERNEL_NOTES_H

#include <gelf.h>
#include <stdbool.h>
#include <stdint.h>

#include "dom0/toolstack/kernel.h"

/* What the Xen notes of a kernel say (<xen/elfnote.h>), absent numbers as 0. */
struct kernel_notes {
    bool has_entry, has_virt_base, has_paddr_offset, has_hypercall_page, has_p2m_base, mod_start_pfn;
    uint64_t entry, virt_base, paddr_offset, hypercall_page, p2m_base;
    char guest_os[32];
    char xen_version[32];
    char loader[32];
};

/*
 * Reads the notes from the PT_NOTE segments, or, when they have none of Xen's, from SHT_NOTE sections. 0, or
 * -1 after a report: no Xen notes at all, a note of impossible size, or a kernel that asks for what a PV
 * guest cannot have.
 */
int kernel_notes_read(Elf *elf, const struct kernel_bytes *bytes, const char *path,
                      struct kernel_notes *notes);

#endif
