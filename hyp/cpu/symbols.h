/* SPDX-License-Identifier: MIT */
/* Names for addresses in the image's text; the table is made at link time by mk/symbols.py. */
#ifndef HYP_CPU_SYMBOLS_H
#define HYP_CPU_SYMBOLS_H

#include "lib/types.h"

/* Writes "function+0x12/0x40" (offset, size), or the bare address when the table has nothing. Returns buf. */
const char *symbol_describe(u64 addr, char *buf, size_t size);
bool symbol_is_text(u64 addr);

#endif
