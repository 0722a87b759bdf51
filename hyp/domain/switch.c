/* SPDX-License-Identifier: MIT */
/*
 * Which vCPU's state a CPU holds, on which root it runs, and which GS base is active: decided here and
 * nowhere else.
 *
 * The active GS base belongs to the guest's present mode, the other one waits in MSR_KERNEL_GS_BASE.
 */
#include "cpu/features.h"
#include "cpu/processor.h"
#include "cpu/traps.h"
#include "cpu/paging.h"
#include "domain/debugreg.h"
#include "domain/domain.h"
#include "domain/fpu.h"
#include "domain/guest_trap.h"
#include "domain/above.h"
#include "lib/printk.h"
#include "mm/flush.h"
#include "mm/page.h"

#define CR4_SHOWN      (CR4_PAE | CR4_MCE | CR4_OSFXSR | CR4_OSXMMEXCPT)
#define CR4_FROM_GUEST (CR4_TSD | CR4_DE | CR4_FSGSBASE)

void save_selectors(struct cpu_user_regs *regs)
{
    __asm__ volatile("mov %%ds, %0" : "=rm"(regs->ds));
    __asm__ volatile("mov %%es, %0" : "=rm"(regs->es));
    __asm__ volatile("mov %%fs, %0" : "=rm"(regs->fs));
    __asm__ volatile("mov %%gs, %0" : "=rm"(regs->gs));
}

static void swapgs(void)
{
    __asm__ volatile("swapgs" ::: "memory");
}

static void save_segments(struct vcpu *v)
{
    u64 active = rdmsr(MSR_GS_BASE), other = rdmsr(MSR_KERNEL_GS_BASE);

    save_selectors(&v->regs);
    v->fs_base = rdmsr(MSR_FS_BASE);
    v->gs_base_kernel = v->kernel_mode ? active : other;
    v->gs_base_user = v->kernel_mode ? other : active;
}

/*
 * A selector of the guest's LDT or GDT may have become bad meanwhile; the guest then finds the null selector,
 * and the failsafe callback says so. Bases are written after selectors, because loading a selector overwrites
 * its base.
 */
static void load_segments(struct vcpu *v)
{
    struct cpu_user_regs *r = &v->regs;
    bool bad = false;

    bad |= load_ds(r->ds) != 0;
    bad |= load_es(r->es) != 0;
    bad |= load_fs(r->fs) != 0;
    bad |= load_gs(r->gs) != 0;
    wrmsr(MSR_FS_BASE, v->fs_base);
    wrmsr(MSR_GS_BASE, v->kernel_mode ? v->gs_base_kernel : v->gs_base_user);
    wrmsr(MSR_KERNEL_GS_BASE, v->kernel_mode ? v->gs_base_user : v->gs_base_kernel);
    if (bad)
        v->segments_bad = true;
}

void vcpu_load_root(struct vcpu *v)
{
    load_cr3(mfn_to_paddr(v->kernel_mode ? v->guest_l4 : v->guest_l4_user));
}

/* OSXSAVE is the guest's word only: the hypervisor itself keeps it on. */
u64 vcpu_guest_cr4(u64 wanted)
{
    u64 own = CR4_TSD | CR4_DE | (features.fsgsbase ? CR4_FSGSBASE : 0) | (features.xsave ? CR4_OSXSAVE : 0);

    return (wanted & own) | CR4_SHOWN;
}

void vcpu_load_cr4(struct vcpu *v)
{
    u64 real = read_cr4(), want = (real & ~CR4_FROM_GUEST) | (v->cr4 & CR4_FROM_GUEST);

    if (want != real)
        write_cr4(want);
}

void toggle_guest_mode(struct vcpu *v)
{
    v->kernel_mode = !v->kernel_mode;
    swapgs();
    if (!mfn_eq(v->guest_l4, v->guest_l4_user))
        vcpu_load_root(v);
}

static void unload(struct vcpu *v)
{
    v->regs = *guest_regs();
    save_segments(v);
    fpu_save(v);
    debugreg_unload(v);
}

/* The hypervisor's descriptors behind the guest's: those of the CPU it now runs on. The root is loaded after
 * this, which flushes the window. */
static void load_hyp_gdt_page(struct vcpu *v, unsigned cpu)
{
    u64 pte = pte_make(traps_gdt_frame(cpu, 0), PTE_P | PTE_RW | PTE_A | PTE_D | PTE_NX);

    if (v->desc_l1[FIRST_RESERVED_GDT_PAGE] != pte)
        WRITE_ONCE(v->desc_l1[FIRST_RESERVED_GDT_PAGE], pte);
}

static void load(struct vcpu *v)
{
    unsigned cpu = this_cpu_id();

    *guest_regs() = v->regs;
    load_hyp_gdt_page(v, cpu);
    cpumask_set(&v->domain->mm.dirty_cpus, cpu);
    smp_mb(); /* the mask before the first walk of its tables */
    vcpu_load_root(v);
    traps_load_gdt(v->desc_base);
    traps_load_ldt(v->desc_base + 16 * PAGE_SIZE, v->ldt_entries);
    vcpu_load_cr4(v);
    load_segments(v);
    fpu_restore(v);
    debugreg_load(v);
    if (features.rdtscp)
        wrmsr(MSR_TSC_AUX, v->msr_tsc_aux);
}

static void load_idle(void)
{
    load_cr3(hyp_l4_paddr());
    traps_load_gdt(0);
    traps_load_ldt(0, 0);
}

void context_switch(struct vcpu *prev, struct vcpu *next)
{
    unsigned cpu = this_cpu_id();
    u64 flags = local_irq_save();

    ASSERT(current == prev && prev != next);
    if (!is_idle_vcpu(prev))
        unload(prev);
    get_cpu_info()->vcpu = next;
    next->cpu = cpu;
    if (is_idle_vcpu(next))
        load_idle();
    else
        load(next);
    if (!is_idle_vcpu(prev) && prev->domain != next->domain)
        cpumask_clear(&prev->domain->mm.dirty_cpus, cpu);
    sched_context_saved(prev);
    local_irq_restore(flags);
}
