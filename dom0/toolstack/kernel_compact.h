/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_TOOLSTACK_KERNEL_COMPACT_H
#define HOSPES_TOOLSTACK_KERNEL_COMPACT_H

#include <elf.h>
#include <stdio.h>

#include "dom0/toolstack/kernel.h"

/*
 * A smaller ELF image that loads the same: only what a builder reads (segments to load, and notes), and of
 * each segment no more than its last byte that is not zero. A Linux kernel loses half of its length.
 */
struct kernel_compact {
    const struct kernel_bytes *elf; /* borrowed */
    Elf64_Ehdr ehdr;
    Elf64_Phdr phdrs[KERNEL_MAX_SEGMENTS];
    uint64_t from[KERNEL_MAX_SEGMENTS]; /* where the bytes of each come from */
    unsigned int count;
};

/* elf has passed kernel_parse(). 0, or -1 after a report. */
int kernel_compact_plan(struct kernel_compact *compact, const struct kernel_bytes *elf, const char *path);

/* Writes the image; -1 with errno. */
int kernel_compact_write(const struct kernel_compact *compact, FILE *f);

#endif
