/* SPDX-License-Identifier: MIT */
/* The machine's memory map: brought into order, so that everybody else may trust it. */
#include "boot/protocol.h"

/* Where two entries overlap, the one that allows less wins: firmware's maps do overlap. */
static unsigned severity(u32 type)
{
    static const u8 known[] = {
        [E820_RAM] = 0, [E820_ACPI] = 1, [E820_NVS] = 2, [E820_RESERVED] = 3, [E820_UNUSABLE] = 4};

    return type && type < ARRAY_SIZE(known) ? known[type] : 3;
}

bool e820_add(struct boot_info *bi, u64 addr, u64 size, u32 type)
{
    const u64 limit = 1UL << 52; /* physical addresses have no more bits */

    if (!size || addr >= limit)
        return true;
    if (bi->e820_count == E820_MAX)
        return false;
    bi->e820[bi->e820_count++] = (struct e820_entry){
        .addr = addr,
        .size = MIN(size, limit - addr),
        .type = type,
    };
    return true;
}

static u64 entry_end(const struct e820_entry *e)
{
    return e->addr + e->size;
}

/* The most severe type that covers `at` (0: none), and how far up to the next edge of any entry that stays
 * so. */
static u32 type_at(const struct e820_entry *in, unsigned n, u64 at, u64 *edge)
{
    const struct e820_entry *best = NULL;

    *edge = ~0UL;
    for (unsigned i = 0; i < n; i++) {
        const struct e820_entry *e = &in[i];

        if (e->addr > at) {
            *edge = MIN(*edge, e->addr);
        } else if (entry_end(e) > at) {
            *edge = MIN(*edge, entry_end(e));
            if (!best || severity(e->type) > severity(best->type))
                best = e;
        }
    }
    return best ? best->type : 0;
}

void e820_sanitize(struct boot_info *bi)
{
    static struct e820_entry in[E820_MAX];
    unsigned n = bi->e820_count, out = 0;
    u64 edge;

    for (unsigned i = 0; i < n; i++)
        in[i] = bi->e820[i];
    for (u64 at = 0; at != ~0UL; at = edge) {
        u32 type = type_at(in, n, at, &edge);
        struct e820_entry *last = out ? &bi->e820[out - 1] : NULL;

        if (!type)
            continue;
        if (last && last->type == type && entry_end(last) == at)
            last->size += edge - at;
        else if (out < E820_MAX)
            bi->e820[out++] = (struct e820_entry){.addr = at, .size = edge - at, .type = type};
    }
    bi->e820_count = out;
}
