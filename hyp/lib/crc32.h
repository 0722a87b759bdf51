/* SPDX-License-Identifier: MIT */
/* CRC-32 as Ethernet, gzip and xz use it (polynomial 0x04c11db7, reflected). */
#ifndef HYP_LIB_CRC32_H
#define HYP_LIB_CRC32_H

#include "lib/types.h"

/* Of the whole, when the parts are fed one after the other; begin with 0. */
u32 crc32(u32 crc, const u8 *data, size_t n);

#endif
