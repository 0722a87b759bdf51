/* SPDX-License-Identifier: MIT */
#include "guest/guest.h"
#include "guest/mm.h"
#include "guest/smp.h"
#include "guest/thread_internal.h"
#include "guest/time.h"
#include "guest/traps.h"
#include "guest/vcpu.h"

_Static_assert(SMP_MAX_VCPUS <= XEN_LEGACY_MAX_VCPUS, "vcpu_info is the record in shared_info");

static struct vcpu_local vcpus[SMP_MAX_VCPUS];

extern void guest_secondary_entry(void);
void smp_secondary_start(void) __attribute__((noreturn));

void smp_init(void)
{
    for (unsigned i = 0; i < SMP_MAX_VCPUS; i++)
        vcpus[i] = (struct vcpu_local){.id = i, .info = &shared_info->vcpu_info[i]};
}

struct vcpu_local *smp_vcpu(unsigned vcpu)
{
    return &vcpus[vcpu];
}

unsigned smp_vcpus(void)
{
    unsigned n = 0;

    while (n < SMP_MAX_VCPUS && smp_is_up(n) >= 0)
        n++;
    return n;
}

int smp_is_up(unsigned vcpu)
{
    return (int)hv_vcpu_op(VCPUOP_is_up, vcpu, NULL);
}

void smp_secondary_start(void)
{
    struct thread *self = thread_self();

    traps_init_vcpu();
    time_init_vcpu();
    upcall_mask_set(0);
    self->fn(self->arg);
    upcall_mask_set(1);
    hv_vcpu_op(VCPUOP_down, this_vcpu()->id, NULL);
    panic("vcpu %u came back from down", this_vcpu()->id);
}

static void fill_context(struct vcpu_guest_context *ctx, struct thread *boot)
{
    unsigned long top = (unsigned long)boot + GUEST_STACK_SIZE;

    for (const struct trap_info *t = guest_trap_table; t->address; t++)
        ctx->trap_ctxt[t->vector] = *t;
    ctx->flags = VGCF_IN_KERNEL;
    ctx->user_regs.rip = (unsigned long)guest_secondary_entry;
    ctx->user_regs.rsp = top;
    ctx->user_regs.rflags = 0x200;
    ctx->user_regs.cs = FLAT_KERNEL_CS;
    ctx->user_regs.ss = FLAT_KERNEL_SS;
    ctx->kernel_ss = FLAT_KERNEL_SS;
    ctx->kernel_sp = top;
    ctx->ctrlreg[3] = xen_pfn_to_cr3(virt_to_mfn(mm_root()));
}

int smp_start(unsigned vcpu, void (*fn)(void *), void *arg)
{
    struct thread *boot = page_alloc(__builtin_ctz(GUEST_STACK_SIZE / PAGE_SIZE));
    struct vcpu_guest_context *ctx = page_alloc(1);
    long rc = -XEN_ENOMEM;
    uint8_t mask;

    _Static_assert(sizeof(*ctx) <= 2 * PAGE_SIZE, "the context is built in two pages");
    if (!boot || !ctx || vcpu >= SMP_MAX_VCPUS)
        goto out;
    thread_init(boot, "boot", &vcpus[vcpu]);
    boot->fn = fn;
    boot->arg = arg;
    /* It names a frame, which a suspend in between would change. */
    mask = upcall_mask_set(1);
    fill_context(ctx, boot);
    rc = hv_vcpu_op(VCPUOP_initialise, vcpu, ctx);
    upcall_mask_restore(mask);
    if (!rc)
        rc = hv_vcpu_op(VCPUOP_up, vcpu, NULL);
out:
    if (ctx)
        page_free(ctx, 1);
    if (rc && boot)
        page_free(boot, __builtin_ctz(GUEST_STACK_SIZE / PAGE_SIZE));
    return (int)rc;
}
