/* SPDX-License-Identifier: MIT */
/*
 * Access to guest memory through the page tables that are loaded. Each instruction that may fault has an
 * entry in .ex_table {address, where to go on}; interrupts and other faults keep their usual meaning.
 */
#include "cpu/features.h"
#include "lib/errno.h"
#include "mm/guest_access.h"

#define EX_TABLE(from, to) ".pushsection .ex_table,\"a\"\n.balign 8\n.quad " from ", " to "\n.popsection\n"

/* Supervisor accesses to user pages are allowed between the two. */
static inline void access_begin(void)
{
    if (features.smap)
        __asm__ volatile("stac" ::: "memory", "cc");
}
static inline void access_end(void)
{
    if (features.smap)
        __asm__ volatile("clac" ::: "memory", "cc");
}

/* Returns the number of bytes not copied. */
static size_t copy(void *dst, const void *src, size_t n)
{
    size_t words = n / 8, rest = n & 7;

    access_begin();
    __asm__ volatile("1: rep movsq\n"
                     "   mov %[rest], %[n]\n"
                     "2: rep movsb\n"
                     "   jmp 4f\n"
                     /* The words that are left over and the rest. */
                     "3: lea (%[rest], %[n], 8), %[n]\n"
                     "4:\n" EX_TABLE("1b", "3b") EX_TABLE("2b", "4b")
                     : [n] "+&c"(words), "+&D"(dst), "+&S"(src)
                     : [rest] "r"(rest)
                     : "memory");
    access_end();
    return words;
}

size_t copy_from_guest_partial(void *dst, u64 src, size_t n)
{
    return guest_range_ok(src, n) ? copy(dst, (const void *)src, n) : n;
}

int copy_from_guest(void *dst, u64 src, size_t n)
{
    return copy_from_guest_partial(dst, src, n) ? -EFAULT : 0;
}

int copy_to_guest(u64 dst, const void *src, size_t n)
{
    return guest_range_ok(dst, n) && copy((void *)dst, src, n) == 0 ? 0 : -EFAULT;
}

int clear_guest(u64 dst, size_t n)
{
    size_t left = n;
    void *d = (void *)dst;

    if (!guest_range_ok(dst, n))
        return -EFAULT;
    access_begin();
    __asm__ volatile("1: rep stosb\n"
                     "2:\n" EX_TABLE("1b", "2b")
                     : "+&c"(left), "+&D"(d)
                     : "a"(0)
                     : "memory");
    access_end();
    return left ? -EFAULT : 0;
}

/* One instruction; %[rc] becomes -EFAULT if it faults. */
#define MAY_FAULT(insn)                 \
    "1: " insn "\n"                     \
    "2:\n"                              \
    ".pushsection .text.fixup,\"ax\"\n" \
    "3: mov %[err], %[rc]\n"            \
    "   jmp 2b\n"                       \
    ".popsection\n" EX_TABLE("1b", "3b")

#define DEFINE_GET(bits)                                       \
    int get_guest_u##bits(u##bits *dst, u64 src)               \
    {                                                          \
        u##bits value = 0;                                     \
        int rc = 0;                                            \
                                                               \
        if (!guest_range_ok(src, sizeof(value)))               \
            return -EFAULT;                                    \
        access_begin();                                        \
        __asm__ volatile(MAY_FAULT("mov (%[src]), %[value]")   \
                         : [value] "=&r"(value), [rc] "+r"(rc) \
                         : [src] "r"(src), [err] "i"(-EFAULT)  \
                         : "memory");                          \
        access_end();                                          \
        *dst = value;                                          \
        return rc;                                             \
    }
DEFINE_GET(32)
DEFINE_GET(64)

int put_guest_u64(u64 dst, u64 value)
{
    int rc = 0;

    if (!guest_range_ok(dst, sizeof(u64)))
        return -EFAULT;
    access_begin();
    __asm__ volatile(MAY_FAULT("mov %[value], (%[dst])")
                     : [rc] "+r"(rc)
                     : [value] "r"(value), [dst] "r"(dst), [err] "i"(-EFAULT)
                     : "memory");
    access_end();
    return rc;
}
