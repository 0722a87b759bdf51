/* SPDX-License-Identifier: MIT */
/* Parts of HYPERVISOR_memory_op. */
#ifndef HYP_HYPERCALLS_MEMORY_OP_H
#define HYP_HYPERCALLS_MEMORY_OP_H

#include <xen/memory.h>
#include "hypercalls/hypercalls.h"
#include "mm/alloc.h"

/* The command argument: operation in the low bits, how many extents a preempted call had done above. */
#define MEMOP_CMD_BITS 6
#define MEMOP_CMD_MASK ((1ul << MEMOP_CMD_BITS) - 1)

static inline long memory_op_continue(unsigned cmd, u64 done, u64 arg)
{
    return hypercall_continue(__HYPERVISOR_memory_op, 2, cmd | done << MEMOP_CMD_BITS, arg, 0, 0, 0);
}

/* Largest extent that the caller may ask for. */
static inline unsigned memory_op_max_order(void)
{
    return current->domain->privileged ? 18 : 9;
}
/* From XENMEMF_* bits: address limit (0: none) or an error that refuses the request. */
int memory_op_flags(u32 mem_flags, unsigned *address_bits);

/* memory_op_reservation.c: increase, decrease, populate: extents done, or a continuation. */
long memory_op_reservation(unsigned cmd, u64 start, u64 arg);
long memory_op_claim(u64 arg);
/* memory_op_exchange.c */
long memory_op_exchange(u64 arg);
/* memory_op_map.c: E820 maps, the machine-to-physical table. */
long memory_op_memory_map(u64 arg);
long memory_op_machine_memory_map(u64 arg);
long memory_op_set_memory_map(u64 arg);
long memory_op_machphys_mapping(u64 arg);
long memory_op_machphys_mfn_list(u64 arg);
/* memory_op_resource.c */
long memory_op_acquire_resource(u64 start, u64 arg);

#endif
