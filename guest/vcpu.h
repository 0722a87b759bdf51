/* SPDX-License-Identifier: MIT */
#ifndef GUEST_VCPU_H
#define GUEST_VCPU_H

#include <stdbool.h>
#include <stdint.h>
#include <xen/xen.h>
#include "guest/layout.h"

/* A fault that an entry of the exception table caught (guest/traps.h). */
struct fault {
    bool seen;
    unsigned vector;
    unsigned error;
    uint64_t cr2; /* page faults only */
    uint64_t rip;
};

/* What each vCPU has of its own. */
struct vcpu_local {
    unsigned id;
    struct vcpu_info *info;
    struct fault fault;
    unsigned long user_return_sp; /* where user_leave() unwinds to; 0: not in user_call() */
};

/* At the lowest address of every stack of kernel mode: the beginning of the thread that runs on it. */
struct stack_head {
    struct vcpu_local *vcpu;
};

extern char guest_boot_stack[GUEST_STACK_SIZE];

static inline uintptr_t stack_base(void)
{
    return (uintptr_t)__builtin_frame_address(0) & ~(GUEST_STACK_SIZE - 1ul);
}

static inline struct vcpu_local *this_vcpu(void)
{
    return ((struct stack_head *)stack_base())->vcpu;
}

/* Masks delivery of events to this vCPU; returns the mask before. */
static inline uint8_t upcall_mask_set(uint8_t mask)
{
    return __atomic_exchange_n(&this_vcpu()->info->evtchn_upcall_mask, mask, __ATOMIC_SEQ_CST);
}

/* Back to what upcall_mask_set() returned; what came in meanwhile is delivered. */
void upcall_mask_restore(uint8_t mask);

#endif
