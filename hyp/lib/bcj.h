/* SPDX-License-Identifier: MIT */
/* The x86 "branch" filter of .xz: before packing, targets of CALL and JMP were made absolute; this makes them
 * relative again. */
#ifndef HYP_LIB_BCJ_H
#define HYP_LIB_BCJ_H

#include "lib/types.h"

/* In place; `start` is what the packer took as the position of the first byte (0 but for files with that
 * option). */
void bcj_x86_decode(u8 *data, size_t n, u32 start);

#endif
