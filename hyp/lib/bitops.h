/* SPDX-License-Identifier: MIT */
/* Bits in arrays of 64-bit words. The plain forms need a lock; atomic_* ones do not. */
#ifndef HYP_LIB_BITOPS_H
#define HYP_LIB_BITOPS_H

#include "lib/types.h"

#define BITS_TO_WORDS(n) (((n) + 63) / 64)

static inline bool test_bit(const u64 *map, unsigned long bit)
{
    return (READ_ONCE(map[bit / 64]) >> (bit % 64)) & 1;
}
static inline void set_bit(u64 *map, unsigned long bit)
{
    map[bit / 64] |= 1UL << (bit % 64);
}
static inline void clear_bit(u64 *map, unsigned long bit)
{
    map[bit / 64] &= ~(1UL << (bit % 64));
}
/* Atomic; return the old value. */
static inline bool atomic_test_and_set_bit(u64 *map, unsigned long bit)
{
    return (__atomic_fetch_or(&map[bit / 64], 1UL << (bit % 64), __ATOMIC_SEQ_CST) >> (bit % 64)) & 1;
}
static inline bool atomic_test_and_clear_bit(u64 *map, unsigned long bit)
{
    return (__atomic_fetch_and(&map[bit / 64], ~(1UL << (bit % 64)), __ATOMIC_SEQ_CST) >> (bit % 64)) & 1;
}
/* First set / clear bit at or after start; `size` when there is none. */
unsigned long find_next_bit(const u64 *map, unsigned long size, unsigned long start);
unsigned long find_next_zero_bit(const u64 *map, unsigned long size, unsigned long start);

typedef struct {
    u64 bits[BITS_TO_WORDS(NR_CPUS)];
} cpumask_t;

static inline bool cpumask_test(const cpumask_t *m, unsigned cpu)
{
    return test_bit(m->bits, cpu);
}
static inline void cpumask_set(cpumask_t *m, unsigned cpu)
{
    __atomic_fetch_or(&m->bits[cpu / 64], 1UL << (cpu % 64), __ATOMIC_SEQ_CST);
}
static inline void cpumask_clear(cpumask_t *m, unsigned cpu)
{
    __atomic_fetch_and(&m->bits[cpu / 64], ~(1UL << (cpu % 64)), __ATOMIC_SEQ_CST);
}
static inline bool cpumask_empty(const cpumask_t *m)
{
    for (size_t i = 0; i < ARRAY_SIZE(m->bits); i++)
        if (READ_ONCE(m->bits[i]))
            return false;
    return true;
}
#define for_each_cpu(cpu, mask)                                                      \
    for ((cpu) = (unsigned)find_next_bit((mask)->bits, NR_CPUS, 0); (cpu) < NR_CPUS; \
         (cpu) = (unsigned)find_next_bit((mask)->bits, NR_CPUS, (cpu) + 1UL))

#endif
