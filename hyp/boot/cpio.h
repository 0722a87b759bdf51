/* SPDX-License-Identifier: MIT */
/* Reading of cpio archives in the "newc" form, from memory; nothing is copied. */
#ifndef HYP_BOOT_CPIO_H
#define HYP_BOOT_CPIO_H

#include "lib/types.h"

struct cpio_entry {
    const u8 *data;
    u64 size;
};

bool cpio_is_archive(const u8 *archive, u64 size);
/* The first entry of that name. False: not there, or the archive is damaged before it. */
bool cpio_find(const u8 *archive, u64 size, const char *name, struct cpio_entry *entry);

#endif
