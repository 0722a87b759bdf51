/* SPDX-License-Identifier: MIT */
/*
 * The only way to guest memory by guest virtual address: the address space that is loaded now (that of
 * `current`). Guest pointers are plain u64 so that they cannot be dereferenced by mistake. Checks the range
 * against the hypervisor's, handles SMAP, and turns a fault into -EFAULT. Copy once, then check the copy.
 */
#ifndef HYP_MM_GUEST_ACCESS_H
#define HYP_MM_GUEST_ACCESS_H

#include "lib/types.h"

int __must_check copy_from_guest(void *dst, u64 src, size_t n);
int __must_check copy_to_guest(u64 dst, const void *src, size_t n);
int __must_check clear_guest(u64 dst, size_t n);
/* Copies what can be copied and returns how many bytes could NOT be copied (for iteration over user
 * instructions). */
size_t copy_from_guest_partial(void *dst, u64 src, size_t n);
/* Naturally aligned single access. */
int __must_check get_guest_u32(u32 *dst, u64 src);
int __must_check get_guest_u64(u64 *dst, u64 src);
int __must_check put_guest_u64(u64 dst, u64 value);
/* A range that may belong to a guest: does not touch the hypervisor's slots (does not say that it is mapped).
 */
static inline bool guest_range_ok(u64 va, size_t n)
{
    u64 end = va + n;

    /* What is between a guest's two parts does not exist, or is the hypervisor's. */
    return end >= va && (end <= LOWER_HALF_END || va >= HYP_VIRT_END);
}

#endif
