/* SPDX-License-Identifier: MIT */
/* Linux's bzImage: a boot stub for real machines around a packed ELF kernel; only the latter is of use here.
 */
#ifndef HYP_LIB_BZIMAGE_H
#define HYP_LIB_BZIMAGE_H

#include "lib/types.h"

struct bzimage {
    const u8 *payload;
    size_t payload_size;  /* without the length word at its end */
    size_t unpacked_size; /* as that word says; hostile images lie */
    const char *format;   /* "xz", "gzip", ... by its first bytes; "ELF" when it is not packed */
};

bool bzimage_is(const u8 *image, size_t size);
/* NULL, or what is wrong. */
const char *bzimage_parse(const u8 *image, size_t size, struct bzimage *bz);
/* Unpacks into `out` of bz->unpacked_size bytes. NULL, or what is wrong: among it a format other than xz. */
const char *bzimage_unpack(const struct bzimage *bz, u8 *out);

#endif
