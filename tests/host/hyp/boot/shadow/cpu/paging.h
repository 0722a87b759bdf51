/* SPDX-License-Identifier: MIT */
/* Stands in front of the real header: the direct map is a small arena, and the image has a place that the
 * test chose. */
#ifndef SHADOW_CPU_PAGING_H
#define SHADOW_CPU_PAGING_H

#include "lib/types.h"

extern u8 arena[];
extern const char __text_start[], __image_end[];

static inline void *paddr_to_virt(paddr_t p)
{
    return arena + p;
}
static inline paddr_t virt_to_paddr(const void *va)
{
    if (va == (const void *)__text_start)
        return 0x200000;
    if (va == (const void *)__image_end)
        return 0x2aa123;
    return (paddr_t)((const u8 *)va - arena);
}

#endif
