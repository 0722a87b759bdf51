/* SPDX-License-Identifier: MIT */
/* Hypercalls on the calling vCPU's own machine state: traps, callbacks, stacks, segments, descriptors,
 * debug registers, FPU, assists, iret. */
#include <xen/callback.h>
#include "cpu/processor.h"
#include "cpu/traps.h"
#include "domain/debugreg.h"
#include "domain/fpu.h"
#include "domain/guest_trap.h"
#include "hypercalls/hypercalls.h"
#include "lib/string.h"
#include "mm/pagetable.h"

long do_set_trap_table(u64 list, u64, u64, u64, u64)
{
    struct vcpu *v = current;

    if (!list) {
        memset(v->traps, 0, sizeof(v->traps));
        return 0;
    }
    for (;; list += sizeof(struct trap_info)) {
        struct trap_info t;

        if (hypercall_preempt_needed())
            return hypercall_continue(__HYPERVISOR_set_trap_table, 1, list, 0, 0, 0, 0);
        if (copy_from_guest(&t, list, sizeof(t)))
            return -EFAULT;
        if (t.address == 0)
            return 0;
        if (!is_canonical(t.address))
            return -EINVAL;
        v->traps[t.vector] = (struct trap_entry){.address = t.address, .cs = t.cs, .flags = t.flags};
    }
}

long do_stack_switch(u64 ss, u64 sp, u64, u64, u64)
{
    current->kernel_ss = (u16)(ss | 3);
    current->kernel_sp = sp;
    return 0;
}

static struct callback *callback_of(struct vcpu *v, unsigned type)
{
    struct callback *const callbacks[] = {
        [CALLBACKTYPE_event] = &v->event_cb,       [CALLBACKTYPE_failsafe] = &v->failsafe_cb,
        [CALLBACKTYPE_syscall] = &v->syscall_cb,   [CALLBACKTYPE_syscall32] = &v->syscall32_cb,
        [CALLBACKTYPE_sysenter] = &v->sysenter_cb, [CALLBACKTYPE_nmi] = &v->nmi_cb,
    };

    return type < ARRAY_SIZE(callbacks) ? callbacks[type] : NULL;
}

static int register_callback(struct vcpu *v, unsigned type, unsigned flags, u64 address)
{
    struct callback *cb = callback_of(v, type);

    if (!is_canonical(address))
        return -EINVAL;
    if (!cb)
        return (int)hypercall_unknown(__HYPERVISOR_callback_op, type);
    *cb = (struct callback){.address = address, .mask_events = flags & CALLBACKF_mask_events};
    return 0;
}

long do_set_callbacks(u64 event, u64 failsafe, u64 syscall, u64, u64)
{
    struct vcpu *v = current;

    /* The old form cannot fail: a bad address leaves that callback as it was. */
    (void)register_callback(v, CALLBACKTYPE_event, CALLBACKF_mask_events, event);
    (void)register_callback(v, CALLBACKTYPE_failsafe, 0, failsafe);
    (void)register_callback(v, CALLBACKTYPE_syscall, 0, syscall);
    return 0;
}

long do_callback_op(u64 cmd, u64 arg, u64, u64, u64)
{
    struct callback_register r;
    struct callback_unregister u;

    switch (cmd) {
    case CALLBACKOP_register:
        if (copy_from_guest(&r, arg, sizeof(r)))
            return -EFAULT;
        return register_callback(current, r.type, r.flags, r.address);
    case CALLBACKOP_unregister:
        if (copy_from_guest(&u, arg, sizeof(u)))
            return -EFAULT;
        if (!callback_of(current, u.type))
            return hypercall_unknown(__HYPERVISOR_callback_op, u.type);
        if (u.type != CALLBACKTYPE_nmi)
            return -EINVAL;
        current->nmi_cb.address = 0;
        return 0;
    default:
        return hypercall_unknown(__HYPERVISOR_callback_op, cmd);
    }
}

/* The user's GS selector, from a descriptor table; a bad one gives the null selector and no error. */
static void load_user_gs_selector(u16 sel)
{
    u64 flags = local_irq_save();

    __asm__ volatile("swapgs" ::: "memory");
    if (sel <= 3 || load_gs(sel)) {
        load_gs(0);
        wrmsr(MSR_GS_BASE, 0);
    }
    __asm__ volatile("swapgs" ::: "memory");
    local_irq_restore(flags);
}

long do_set_segment_base(u64 which, u64 base, u64, u64, u64)
{
    if (which <= SEGBASE_GS_KERNEL && !is_canonical(base))
        return -EINVAL;
    switch (which) {
    case SEGBASE_FS:
        wrmsr(MSR_FS_BASE, base);
        return 0;
    case SEGBASE_GS_USER: /* the caller is in kernel mode: the user's base is the one that waits */
        wrmsr(MSR_KERNEL_GS_BASE, base);
        return 0;
    case SEGBASE_GS_KERNEL:
        wrmsr(MSR_GS_BASE, base);
        return 0;
    case SEGBASE_GS_USER_SEL:
        load_user_gs_selector((u16)base);
        return 0;
    default:
        return -EINVAL;
    }
}

long do_fpu_taskswitch(u64 set, u64, u64, u64, u64)
{
    current->ts = set != 0;
    if (set)
        fpu_set_ts();
    else
        fpu_clear_ts();
    return 0;
}

long do_set_debugreg(u64 nr, u64 value, u64, u64, u64)
{
    return nr > 7 ? -ENODEV : debugreg_set(current, (unsigned)nr, value);
}

long do_get_debugreg(u64 nr, u64, u64, u64, u64)
{
    if (nr > 7 || nr == 4 || nr == 5)
        return -ENODEV;
    return (long)current->debugreg[nr];
}

#define VALID_ASSISTS                                                                      \
    ((1UL << VMASST_TYPE_4gb_segments) | (1UL << VMASST_TYPE_4gb_segments_notify) |        \
     (1UL << VMASST_TYPE_writable_pagetables) | (1UL << VMASST_TYPE_pae_extended_cr3) |    \
     (1UL << VMASST_TYPE_architectural_iopl) | (1UL << VMASST_TYPE_runstate_update_flag) | \
     (1UL << VMASST_TYPE_m2p_strict))

long do_vm_assist(u64 cmd, u64 type, u64, u64, u64)
{
    struct domain *d = current->domain;

    if (type > 63 || !(VALID_ASSISTS & (1UL << type)))
        return -EINVAL;
    switch (cmd) {
    case VMASST_CMD_enable:
        __atomic_fetch_or(&d->vm_assist, 1UL << type, __ATOMIC_SEQ_CST);
        return 0;
    case VMASST_CMD_disable:
        __atomic_fetch_and(&d->vm_assist, ~(1UL << type), __ATOMIC_SEQ_CST);
        return 0;
    default:
        return hypercall_unknown(__HYPERVISOR_vm_assist, cmd);
    }
}

long do_iret(u64, u64, u64, u64, u64)
{
    do_guest_iret(guest_regs());
    return (long)guest_regs()->rax;
}

long do_set_gdt(u64 list, u64 entries_arg, u64, u64, u64)
{
    u64 frames[FIRST_RESERVED_GDT_PAGE];
    u32 entries = (u32)entries_arg;

    if (entries > FIRST_RESERVED_GDT_ENTRY)
        return -EINVAL;
    if (copy_from_guest(frames, list, (entries + 511) / 512 * sizeof(u64)))
        return -EFAULT;
    return vcpu_set_gdt(current, frames, entries);
}

long do_update_descriptor(u64 addr, u64 desc, u64, u64, u64)
{
    return desc_update(mm_of(current->domain), addr, desc);
}
