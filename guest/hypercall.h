/* SPDX-License-Identifier: MIT */
#ifndef GUEST_HYPERCALL_H
#define GUEST_HYPERCALL_H

/*
 * Hypercalls by bare SYSCALL. The result is what the hypervisor returned: negative values are
 * -errno (<xen/errno.h>). All pointers are virtual addresses of the caller. The hypervisor may
 * change the argument registers, so each is an in-out operand.
 */

#include <stddef.h>
#include <stdint.h>
#include <xen/xen.h>
#include <xen/errno.h>
#include <xen/sched.h>
#include <xen/vcpu.h>
#include <xen/event_channel.h>
#include <xen/grant_table.h>
#include <xen/memory.h>
#include <xen/callback.h>
#include <xen/physdev.h>
#include <xen/version.h>

static inline long hypercall5(unsigned long nr, unsigned long a1, unsigned long a2, unsigned long a3,
                              unsigned long a4, unsigned long a5)
{
    long ret;
    register unsigned long r10 asm("r10") = a4;
    register unsigned long r8 asm("r8") = a5;

    asm volatile("syscall"
                 : "=a"(ret), "+D"(a1), "+S"(a2), "+d"(a3), "+r"(r10), "+r"(r8)
                 : "0"(nr)
                 : "rcx", "r11", "memory");
    return ret;
}

static inline long hypercall3(unsigned long nr, unsigned long a1, unsigned long a2, unsigned long a3)
{
    long ret;

    asm volatile("syscall"
                 : "=a"(ret), "+D"(a1), "+S"(a2), "+d"(a3)
                 : "0"(nr)
                 : "rcx", "r8", "r10", "r11", "memory");
    return ret;
}

static inline long hypercall2(unsigned long nr, unsigned long a1, unsigned long a2)
{
    return hypercall3(nr, a1, a2, 0);
}

static inline long hypercall1(unsigned long nr, unsigned long a1)
{
    return hypercall3(nr, a1, 0, 0);
}

static inline long hypercall4(unsigned long nr, unsigned long a1, unsigned long a2, unsigned long a3,
                              unsigned long a4)
{
    return hypercall5(nr, a1, a2, a3, a4, 0);
}

static inline long hv_set_trap_table(const struct trap_info *table)
{
    return hypercall1(__HYPERVISOR_set_trap_table, (unsigned long)table);
}

/* done may be NULL; dom is DOMID_SELF or the owner of the frames to map. */
static inline long hv_mmu_update(const struct mmu_update *req, unsigned n, unsigned *done, domid_t dom)
{
    return hypercall4(__HYPERVISOR_mmu_update, (unsigned long)req, n, (unsigned long)done, dom);
}

static inline long hv_mmuext_op(const struct mmuext_op *op, unsigned n, unsigned *done, domid_t dom)
{
    return hypercall4(__HYPERVISOR_mmuext_op, (unsigned long)op, n, (unsigned long)done, dom);
}

static inline long hv_update_va_mapping(unsigned long va, uint64_t pte, unsigned long flags)
{
    return hypercall3(__HYPERVISOR_update_va_mapping, va, pte, flags);
}

static inline long hv_update_va_mapping_otherdomain(unsigned long va, uint64_t pte, unsigned long flags,
                                                    domid_t dom)
{
    return hypercall4(__HYPERVISOR_update_va_mapping_otherdomain, va, pte, flags, dom);
}

static inline long hv_set_gdt(const unsigned long *mfns, unsigned entries)
{
    return hypercall2(__HYPERVISOR_set_gdt, (unsigned long)mfns, entries);
}

static inline long hv_update_descriptor(uint64_t maddr, uint64_t desc)
{
    return hypercall2(__HYPERVISOR_update_descriptor, maddr, desc);
}

static inline long hv_stack_switch(unsigned long ss, unsigned long sp)
{
    return hypercall2(__HYPERVISOR_stack_switch, ss, sp);
}

static inline long hv_set_callbacks(unsigned long event, unsigned long failsafe, unsigned long sysc)
{
    return hypercall3(__HYPERVISOR_set_callbacks, event, failsafe, sysc);
}

static inline long hv_fpu_taskswitch(int set)
{
    return hypercall1(__HYPERVISOR_fpu_taskswitch, (unsigned long)set);
}

static inline long hv_set_debugreg(unsigned reg, unsigned long value)
{
    return hypercall2(__HYPERVISOR_set_debugreg, reg, value);
}

static inline long hv_get_debugreg(unsigned reg)
{
    return hypercall1(__HYPERVISOR_get_debugreg, reg);
}

static inline long hv_memory_op(unsigned cmd, void *arg)
{
    return hypercall2(__HYPERVISOR_memory_op, cmd, (unsigned long)arg);
}

static inline long hv_multicall(struct multicall_entry *calls, unsigned n)
{
    return hypercall2(__HYPERVISOR_multicall, (unsigned long)calls, n);
}

/* Absolute system time in ns; 0 stops the timer. */
static inline long hv_set_timer_op(uint64_t when)
{
    return hypercall1(__HYPERVISOR_set_timer_op, when);
}

static inline long hv_xen_version(int cmd, void *arg)
{
    return hypercall2(__HYPERVISOR_xen_version, (unsigned long)(long)cmd, (unsigned long)arg);
}

static inline long hv_console_io(int cmd, unsigned long count, void *buf)
{
    return hypercall3(__HYPERVISOR_console_io, (unsigned long)(long)cmd, count, (unsigned long)buf);
}

static inline long hv_grant_table_op(unsigned cmd, void *arg, unsigned count)
{
    return hypercall3(__HYPERVISOR_grant_table_op, cmd, (unsigned long)arg, count);
}

static inline long hv_vm_assist(unsigned cmd, unsigned type)
{
    return hypercall2(__HYPERVISOR_vm_assist, cmd, type);
}

static inline long hv_vcpu_op(int cmd, unsigned vcpu, void *arg)
{
    return hypercall3(__HYPERVISOR_vcpu_op, (unsigned long)(long)cmd, vcpu, (unsigned long)arg);
}

static inline long hv_set_segment_base(unsigned which, unsigned long base)
{
    return hypercall2(__HYPERVISOR_set_segment_base, which, base);
}

static inline long hv_sched_op(int cmd, void *arg)
{
    return hypercall2(__HYPERVISOR_sched_op, (unsigned long)(long)cmd, (unsigned long)arg);
}

static inline long hv_callback_op(int cmd, void *arg)
{
    return hypercall2(__HYPERVISOR_callback_op, (unsigned long)(long)cmd, (unsigned long)arg);
}

static inline long hv_event_channel_op(int cmd, void *arg)
{
    return hypercall2(__HYPERVISOR_event_channel_op, (unsigned long)(long)cmd, (unsigned long)arg);
}

static inline long hv_physdev_op(int cmd, void *arg)
{
    return hypercall2(__HYPERVISOR_physdev_op, (unsigned long)(long)cmd, (unsigned long)arg);
}

/* The cheapest hypercall; entering the hypervisor also delivers pending events. */
static inline void hv_deliver_events(void)
{
    hv_xen_version(XENVER_version, NULL);
}

#endif
