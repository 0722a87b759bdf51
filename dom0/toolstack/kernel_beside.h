/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_TOOLSTACK_KERNEL_BESIDE_H
#define HOSPES_TOOLSTACK_KERNEL_BESIDE_H

#include "dom0/toolstack/kernel.h"

/*
 * An unpacked kernel kept beside the packed one, as KERNEL.unpacked: made when a kernel is installed or put
 * on a disc, so that not even the first create after a start has to unpack it. It is an ELF image without the
 * zeroes that end its segments, followed by a trailer that names the packed file it was made from by length
 * and CRC-64. The file is as trustworthy as its directory; the trailer only makes sure that a kernel that was
 * replaced is not taken for its predecessor.
 */
#define KERNEL_BESIDE_SUFFIX ".unpacked"

/*
 * Opens the unpacked image of `file`, which was opened from path. 0; or -1 without a report when there is
 * none, it is not of this file, or others than the owner of `file` may write it.
 */
int kernel_beside_open(struct kernel_bytes *elf, const char *path, const struct kernel_bytes *file);

/* Makes or replaces it. 0, or -1 after a report. */
int kernel_beside_make(const char *path);

#endif
