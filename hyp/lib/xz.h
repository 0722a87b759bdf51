/* SPDX-License-Identifier: MIT */
/* .xz files: one stream, LZMA2 with or without the x86 filter, check none or CRC32. That is what Linux
 * kernels are packed with. */
#ifndef HYP_LIB_XZ_H
#define HYP_LIB_XZ_H

#include "lib/types.h"

bool xz_is_stream(const u8 *in, size_t in_size);
/*
 * Unpacks the whole of `in` into `out`. *out_size is the room and becomes what was written. NULL, or what is
 * wrong with the data. One at a time: the decoder's model is not on the stack.
 */
const char *xz_decode(const u8 *in, size_t in_size, u8 *out, size_t *out_size);

#endif
