/* SPDX-License-Identifier: MIT */
/* Basic types. Frame numbers are one-field structs so that a pfn cannot be used where an mfn is meant. */
#ifndef HYP_LIB_TYPES_H
#define HYP_LIB_TYPES_H

#ifndef HYP_HOST_TEST
/* The image is linked as a whole: no symbol is reached through a GOT. This header comes before every file. */
#pragma GCC visibility push(hidden)
#endif

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t s8;
typedef int32_t s32;
typedef int64_t s64;
typedef u64 paddr_t; /* machine address */
typedef u64 ns_t;    /* nanoseconds of system time (since the hypervisor started) */

typedef struct {
    u64 m;
} mfn_t; /* machine frame number */

#define MFN_NONE_VALUE 0xffffffffffUL

static inline mfn_t mfn_of(u64 m)
{
    return (mfn_t){m};
}
static inline u64 mfn_x(mfn_t m)
{
    return m.m;
}
static inline bool mfn_eq(mfn_t a, mfn_t b)
{
    return a.m == b.m;
}
static inline paddr_t mfn_to_paddr(mfn_t m)
{
    return m.m << PAGE_SHIFT;
}
static inline mfn_t paddr_to_mfn(paddr_t p)
{
    return (mfn_t){p >> PAGE_SHIFT};
}
#define MFN_NONE                        (mfn_of(MFN_NONE_VALUE))

#define ARRAY_SIZE(a)                   (sizeof(a) / sizeof((a)[0]))
#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))
#define likely(x)                       __builtin_expect(!!(x), 1)
#define unlikely(x)                     __builtin_expect(!!(x), 0)
#define READ_ONCE(x)                    (*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v)                (*(volatile __typeof__(x) *)&(x) = (v))
#define barrier()                       __asm__ volatile("" ::: "memory")
#define smp_mb()                        __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define MIN(a, b)                       ((a) < (b) ? (a) : (b))
#define MAX(a, b)                       ((a) > (b) ? (a) : (b))
#define ROUND_UP(x, a)                  (((x) + (a)-1) & ~((__typeof__(x))(a)-1))
#define PFN_UP(x)                       (((x) + PAGE_SIZE - 1) >> PAGE_SHIFT)
#define PFN_DOWN(x)                     ((x) >> PAGE_SHIFT)
#define __packed                        __attribute__((packed))
#define __aligned(n)                    __attribute__((aligned(n)))
#define __noreturn                      __attribute__((noreturn))
#define __printf(f, a)                  __attribute__((format(printf, f, a)))
#define __must_check                    __attribute__((warn_unused_result))

static inline bool is_canonical(u64 va)
{
    return (u64)((s64)(va << 16) >> 16) == va;
}

#endif
