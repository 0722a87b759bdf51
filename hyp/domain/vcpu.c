/* SPDX-License-Identifier: MIT */
/* The context of a vCPU: set by the toolstack or by its own domain, read back, reset. Roots and the shared
 * record. */
#include "cpu/processor.h"
#include "cpu/smp.h"
#include "domain/debugreg.h"
#include "domain/domain.h"
#include "domain/fpu.h"
#include "domain/life.h"
#include "lib/errno.h"
#include "lib/string.h"
#include "mm/alloc.h"
#include "mm/page.h"
#include "mm/pagetable.h"

#define LEGACY_VCPUS 32 /* XEN_LEGACY_MAX_VCPUS: have their record in shared_info */

struct vcpu_info dummy_vcpu_info = {.evtchn_upcall_mask = 1};

static void use_default_info(struct vcpu *v)
{
    v->info = v->id < LEGACY_VCPUS ? &v->domain->shared_info->vcpu_info[v->id] : &dummy_vcpu_info;
    v->info_mfn = MFN_NONE;
}

static void reset_registers(struct vcpu *v)
{
    memset(&v->regs, 0, sizeof(v->regs));
    memset(v->traps, 0, sizeof(v->traps));
    v->event_cb = v->failsafe_cb = v->syscall_cb = v->sysenter_cb = v->syscall32_cb = v->nmi_cb =
        (struct callback){0};
    v->kernel_mode = true;
    v->ts = v->nmi_pending = v->nmi_masked = v->segments_bad = false;
    v->fs_base = v->gs_base_kernel = v->gs_base_user = 0;
    v->kernel_sp = 0;
    v->kernel_ss = 0;
    v->iopl = 0;
    v->io_bitmap_va = v->io_bitmap_ports = 0;
    v->cr4 = vcpu_guest_cr4(0);
    debugreg_reset(v);
}

int vcpu_create(struct domain *d, unsigned id, struct vcpu **out)
{
    struct vcpu *v = hyp_zalloc(sizeof(*v));
    int rc;

    if (!v)
        return -ENOMEM;
    v->id = id;
    v->domain = d;
    v->pause_flags = VPF_DOWN | (d->pause_count ? VPF_DOM_PAUSED : 0);
    v->guest_l4 = v->guest_l4_user = MFN_NONE;
    use_default_info(v);
    reset_registers(v);
    rc = fpu_vcpu_create(v);
    if (!rc) {
        rc = desc_window_create(v);
        if (rc)
            fpu_vcpu_free(v);
    }
    if (rc) {
        hyp_free(v);
        return rc;
    }
    *out = v;
    return 0;
}

void vcpu_destroy(struct vcpu *v)
{
    desc_window_free(v);
    fpu_vcpu_free(v);
    hyp_free(v);
}

/* --- roots
 * ------------------------------------------------------------------------------------------------------ */

static void put_root(mfn_t root)
{
    if (!mfn_eq(root, MFN_NONE))
        pt_put_root(root);
}

int vcpu_set_kernel_root(struct vcpu *v, mfn_t l4)
{
    mfn_t old = v->guest_l4;
    int rc = mfn_eq(l4, old) ? 0 : pt_get_root(mm_of(v->domain), l4);

    if (rc)
        return rc;
    v->guest_l4 = l4;
    vcpu_invalidate_ldt(v);
    vcpu_load_root(v);
    if (!mfn_eq(l4, old))
        put_root(old);
    return 0;
}

int vcpu_set_user_root(struct vcpu *v, mfn_t l4)
{
    mfn_t old = v->guest_l4_user;
    int rc = mfn_eq(l4, MFN_NONE) || mfn_eq(l4, old) ? 0 : pt_get_root(mm_of(v->domain), l4);

    if (rc || mfn_eq(l4, old))
        return rc;
    v->guest_l4_user = l4;
    put_root(old);
    return 0;
}

static void drop_roots(struct vcpu *v)
{
    put_root(v->guest_l4_user);
    put_root(v->guest_l4);
    v->guest_l4 = v->guest_l4_user = MFN_NONE;
}

static void no_work(void *)
{
}

/* The vCPU is off every CPU. */
void vcpu_reset(struct vcpu *v)
{
    drop_roots(v);
    vcpu_destroy_gdt(v);
    vcpu_invalidate_ldt(v);
    v->ldt_base = 0;
    v->ldt_entries = 0;
    if (!mfn_eq(v->info_mfn, MFN_NONE)) {
        mfn_t mfn = v->info_mfn;

        use_default_info(v);
        /* Who raises an event at this moment may be about to write to the old place; with interrupts off, so
         * that a call waits for it. */
        smp_call(&cpu_online_mask, no_work, NULL);
        put_page_and_type(mfn_to_page(mfn));
    }
    v->runstate_guest = v->time_info_guest = 0;
    v->initialised = false;
    reset_registers(v);
    fpu_vcpu_reset(v);
}

/* --- contexts
 * --------------------------------------------------------------------------------------------------- */

static int check_context(const struct vcpu_guest_context *c)
{
    const u64 addresses[] = {
        c->event_callback_eip, c->failsafe_callback_eip, c->syscall_callback_eip, c->fs_base,
        c->gs_base_kernel,     c->gs_base_user,          c->user_regs.rip};

    for (unsigned i = 0; i < ARRAY_SIZE(addresses); i++)
        if (!is_canonical(addresses[i]))
            return -EINVAL;
    for (unsigned i = 0; i < NR_GUEST_TRAPS; i++)
        if (!is_canonical(c->trap_ctxt[i].address))
            return -EINVAL;
    if (c->gdt_ents > FIRST_RESERVED_GDT_ENTRY || c->ldt_ents > 8192)
        return -EINVAL;
    if (c->ldt_ents && (c->ldt_base & (PAGE_SIZE - 1)))
        return -EINVAL;
    return !(c->flags & VGCF_in_kernel) && !c->ctrlreg[1] ? -EINVAL : 0;
}

static void import_registers(struct vcpu *v, const struct vcpu_guest_context *c)
{
    v->regs = c->user_regs;
    v->regs.cs |= 3;
    v->regs.ss |= 3;
    v->regs.entry_vector = v->regs.error_code = 0;
    v->regs.rflags =
        (c->user_regs.rflags & ~(X86_EFLAGS_IOPL | X86_EFLAGS_VM | X86_EFLAGS_VIF | X86_EFLAGS_VIP)) |
        X86_EFLAGS_IF | X86_EFLAGS_RES1;
    v->iopl = (c->user_regs.rflags >> 12) & 3;
    v->kernel_mode = c->flags & VGCF_in_kernel;
    v->kernel_ss = (u16)(c->kernel_ss | 3);
    v->kernel_sp = c->kernel_sp;
    v->fs_base = c->fs_base;
    v->gs_base_kernel = c->gs_base_kernel;
    v->gs_base_user = c->gs_base_user;
    v->ts = c->ctrlreg[0] & CR0_TS;
    v->cr4 = vcpu_guest_cr4(c->ctrlreg[4]);
    for (unsigned i = 0; i < 8; i++) {
        u64 dr = c->debugreg[i];

        if (i != 4 && i != 5 && !debugreg_check(i, &dr))
            v->debugreg[i] = dr;
    }
    if (c->flags & VGCF_I387_VALID)
        fpu_import_fxsave(v, &c->fpu_ctxt);
}

static void import_handlers(struct vcpu *v, const struct vcpu_guest_context *c)
{
    for (unsigned i = 0; i < NR_GUEST_TRAPS; i++)
        v->traps[i] = (struct trap_entry){
            .address = c->trap_ctxt[i].address, .cs = c->trap_ctxt[i].cs, .flags = c->trap_ctxt[i].flags};
    v->event_cb = (struct callback){c->event_callback_eip, true};
    v->failsafe_cb = (struct callback){c->failsafe_callback_eip, c->flags & VGCF_failsafe_disables_events};
    v->syscall_cb = (struct callback){c->syscall_callback_eip, c->flags & VGCF_syscall_disables_events};
}

static int import_roots(struct vcpu *v, const struct vcpu_guest_context *c)
{
    struct mm_owner *mm = mm_of(v->domain);
    mfn_t kernel = mfn_of(xen_cr3_to_pfn(c->ctrlreg[3])), user = mfn_of(xen_cr3_to_pfn(c->ctrlreg[1]));
    int rc;

    if (mfn_eq(v->guest_l4, MFN_NONE)) {
        rc = pt_get_root(mm, kernel);
        if (rc)
            return rc;
        v->guest_l4 = kernel;
    }
    if (c->ctrlreg[1] && mfn_eq(v->guest_l4_user, MFN_NONE)) {
        rc = pt_get_root(mm, user);
        if (rc)
            return rc;
        v->guest_l4_user = user;
    }
    return 0;
}

static int import_descriptors(struct vcpu *v, const struct vcpu_guest_context *c)
{
    int rc = vcpu_set_gdt(v, c->gdt_frames, (unsigned)c->gdt_ents);

    if (!rc)
        vcpu_set_ldt(v, c->ldt_base, (unsigned)c->ldt_ents);
    return rc;
}

static u64 root_as_cr3(mfn_t root)
{
    return mfn_eq(root, MFN_NONE) ? 0 : xen_pfn_to_cr3(mfn_x(root));
}

/* Whether c names the tables that v has already: those of a running vCPU are not exchanged. */
static bool same_tables(const struct vcpu *v, const struct vcpu_guest_context *c)
{
    if (c->ctrlreg[3] != root_as_cr3(v->guest_l4) || c->ctrlreg[1] != root_as_cr3(v->guest_l4_user))
        return false;
    if (c->gdt_ents != v->gdt_entries || c->ldt_ents != v->ldt_entries)
        return false;
    for (unsigned i = 0; i < (v->gdt_entries + 511) / 512; i++)
        if (c->gdt_frames[i] != mfn_x(v->gdt_frames[i]))
            return false;
    return !v->ldt_entries || c->ldt_base == v->ldt_base;
}

int vcpu_set_context(struct vcpu *v, const struct vcpu_guest_context *c)
{
    int rc = check_context(c);

    if (rc)
        return rc;
    if (v->initialised) {
        if (!same_tables(v, c))
            return -EOPNOTSUPP;
        import_registers(v, c);
        import_handlers(v, c);
        return 0;
    }
    /* A preempted call comes back here and finds the roots that it has already. */
    rc = import_roots(v, c);
    if (rc == -ERESTART)
        return rc;
    if (!rc)
        rc = import_descriptors(v, c);
    if (rc) {
        drop_roots(v);
        return rc;
    }
    import_registers(v, c);
    import_handlers(v, c);
    v->initialised = true;
    return 0;
}

void vcpu_get_context(struct vcpu *v, struct vcpu_guest_context *c)
{
    memset(c, 0, sizeof(*c));
    c->flags = VGCF_I387_VALID | (v->kernel_mode ? VGCF_in_kernel : 0) |
               (v->failsafe_cb.mask_events ? VGCF_failsafe_disables_events : 0) |
               (v->syscall_cb.mask_events ? VGCF_syscall_disables_events : 0) |
               (READ_ONCE(v->pause_flags) & VPF_DOWN ? 0 : VGCF_online);
    fpu_export_fxsave(v, &c->fpu_ctxt);
    c->user_regs = v->regs;
    c->user_regs.rflags = (c->user_regs.rflags & ~X86_EFLAGS_IOPL) | ((u64)v->iopl << 12);
    for (unsigned i = 0; i < NR_GUEST_TRAPS; i++) {
        c->trap_ctxt[i].vector = (u8)i;
        c->trap_ctxt[i].flags = v->traps[i].flags;
        c->trap_ctxt[i].cs = v->traps[i].cs;
        c->trap_ctxt[i].address = v->traps[i].address;
    }
    c->ldt_base = v->ldt_base;
    c->ldt_ents = v->ldt_entries;
    c->gdt_ents = v->gdt_entries;
    for (unsigned i = 0; i < (v->gdt_entries + 511) / 512; i++)
        c->gdt_frames[i] = mfn_x(v->gdt_frames[i]);
    c->kernel_ss = v->kernel_ss;
    c->kernel_sp = v->kernel_sp;
    c->ctrlreg[0] = CR0_PG | CR0_PE | (v->ts ? CR0_TS : 0);
    c->ctrlreg[3] = root_as_cr3(v->guest_l4);
    c->ctrlreg[1] = root_as_cr3(v->guest_l4_user);
    c->ctrlreg[4] = v->cr4;
    for (unsigned i = 0; i < 8; i++)
        c->debugreg[i] = v->debugreg[i];
    c->event_callback_eip = v->event_cb.address;
    c->failsafe_callback_eip = v->failsafe_cb.address;
    c->syscall_callback_eip = v->syscall_cb.address;
    c->vm_assist = v->domain->vm_assist;
    c->fs_base = v->fs_base;
    c->gs_base_kernel = v->gs_base_kernel;
    c->gs_base_user = v->gs_base_user;
}

/* --- the record shared with the guest
 * ----------------------------------------------------------------------------- */

/* The domain's lock is held: two vCPUs may do this for a third, and one may wake it. */
static int register_info(struct vcpu *v, mfn_t mfn, unsigned offset)
{
    struct vcpu_info *info;

    if (!mfn_eq(v->info_mfn, MFN_NONE))
        return -EINVAL;
    /* Only of itself, or of one that is not running. */
    if (v != current && !(READ_ONCE(v->pause_flags) & VPF_DOWN))
        return -EINVAL;
    if (!mfn_valid(mfn) || get_page_and_type(mfn_to_page(mfn), mm_of(v->domain), PGT_writable))
        return -EINVAL;
    info = (struct vcpu_info *)((char *)mfn_to_virt(mfn) + offset);
    if (v->info == &dummy_vcpu_info) {
        memset(info, 0, sizeof(*info));
        info->evtchn_upcall_mask = 1;
    } else {
        memcpy(info, v->info, sizeof(*info));
    }
    v->info_mfn = mfn;
    WRITE_ONCE(v->info, info);
    smp_mb();
    /* Someone may have set a bit in the old place a moment ago: look at every word. */
    WRITE_ONCE(info->evtchn_pending_sel, ~0UL);
    WRITE_ONCE(info->evtchn_upcall_pending, 1);
    return 0;
}

int vcpu_register_info(struct vcpu *v, mfn_t mfn, unsigned offset)
{
    int rc;

    if (offset > PAGE_SIZE - sizeof(struct vcpu_info))
        return -ENXIO;
    if (offset % sizeof(u64))
        return -EINVAL;
    spin_lock(&v->domain->lock);
    rc = register_info(v, mfn, offset);
    spin_unlock(&v->domain->lock);
    return rc;
}
