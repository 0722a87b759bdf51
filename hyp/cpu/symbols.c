/* SPDX-License-Identifier: MIT */
/* Binary search in the table of functions. */
#include "cpu/symbols.h"
#include "lib/printk.h"

extern const u64 symbol_count;
extern const u32 symbol_offsets[], symbol_names[];
extern const char symbol_strings[];
extern const char __text_start[], __text_end[];

bool symbol_is_text(u64 addr)
{
    return addr >= (u64)__text_start && addr < (u64)__text_end;
}

const char *symbol_describe(u64 addr, char *buf, size_t size)
{
    u64 offset = addr - (u64)__text_start, low = 0, high = symbol_count, end;

    if (!symbol_is_text(addr) || !symbol_count || offset < symbol_offsets[0]) {
        snprintf(buf, size, "%#lx", addr);
        return buf;
    }
    /* symbol_offsets[low] <= offset < symbol_offsets[high] */
    while (high - low > 1) {
        u64 mid = low + (high - low) / 2;

        if (symbol_offsets[mid] <= offset)
            low = mid;
        else
            high = mid;
    }
    end = high < symbol_count ? symbol_offsets[high] : (u64)(__text_end - __text_start);
    snprintf(buf, size, "%s+%#lx/%#lx", symbol_strings + symbol_names[low], offset - symbol_offsets[low],
             end - symbol_offsets[low]);
    return buf;
}
