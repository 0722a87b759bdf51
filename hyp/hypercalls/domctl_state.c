/* SPDX-License-Identifier: MIT */
/* domctl: the state of a vCPU that vcpu_guest_context has no room for; what save and restore carry over. */
#include "cpu/features.h"
#include "cpu/processor.h"
#include "domain/fpu.h"
#include "hypercalls/control.h"
#include "hypercalls/hypercalls.h"
#include "lib/string.h"
#include "mm/alloc.h"

/* --- callbacks for SYSENTER and 32-bit SYSCALL
 * ------------------------------------------------------------------- */

long domctl_get_ext_context(struct domain *d, struct xen_domctl *op)
{
    struct xen_domctl_ext_vcpucontext *e = &op->u.ext_vcpucontext;
    u32 id = e->vcpu;
    struct vcpu *v = vcpu_of(d, id);

    if (!v || v == current)
        return -ESRCH;
    memset(e, 0, sizeof(*e));
    e->vcpu = id;
    e->size = sizeof(*e);
    vcpu_pause(v);
    e->sysenter_callback_cs = e->syscall32_callback_cs = GUEST_CS64;
    e->sysenter_callback_eip = v->sysenter_cb.address;
    e->sysenter_disables_events = v->sysenter_cb.mask_events;
    e->syscall32_callback_eip = v->syscall32_cb.address;
    e->syscall32_disables_events = v->syscall32_cb.mask_events;
    vcpu_unpause(v);
    return 0;
}

long domctl_set_ext_context(struct domain *d, struct xen_domctl *op)
{
    const struct xen_domctl_ext_vcpucontext *e = &op->u.ext_vcpucontext;
    struct vcpu *v = vcpu_of(d, e->vcpu);

    if (!v || d == current->domain)
        return -ESRCH;
    if (e->size < offsetof(struct xen_domctl_ext_vcpucontext, vmce) ||
        !is_canonical(e->sysenter_callback_eip) || !is_canonical(e->syscall32_callback_eip))
        return -EINVAL;
    vcpu_pause(v);
    v->sysenter_cb = (struct callback){e->sysenter_callback_eip, e->sysenter_disables_events};
    v->syscall32_cb = (struct callback){e->syscall32_callback_eip, e->syscall32_disables_events};
    vcpu_unpause(v);
    return 0;
}

/* --- XSAVE area: XCR0, the components that the area holds, the area itself in standard format
 * --------------------- */

struct xstate_head {
    u64 xcr0, components;
};

static u32 area_size(void)
{
    return features.xsave ? features.xsave_size : 0;
}

long domctl_get_xstate(struct domain *d, struct xen_domctl *op)
{
    struct xen_domctl_vcpuextstate *e = &op->u.vcpuextstate;
    struct vcpu *v = vcpu_of(d, e->vcpu);
    struct xstate_head head;
    u64 dst = (u64)e->buffer.p, size = sizeof(head) + area_size();
    long r = 0;

    if (!v)
        return -ESRCH;
    if (v == current)
        return -EINVAL;
    if ((!e->size && !e->xfeature_mask) || !dst) {
        e->xfeature_mask = features.xcr0_mask;
        e->size = size;
        return 0;
    }
    if (e->size < size || e->xfeature_mask != features.xcr0_mask)
        return -EINVAL;
    vcpu_pause(v);
    head = (struct xstate_head){v->xcr0, features.xcr0_mask};
    if (copy_to_guest(dst, &head, sizeof(head)) || copy_to_guest(dst + sizeof(head), v->xsave, area_size()))
        r = -EFAULT;
    vcpu_unpause(v);
    if (!r)
        e->size = size;
    return r;
}

long domctl_set_xstate(struct domain *d, struct xen_domctl *op)
{
    const struct xen_domctl_vcpuextstate *e = &op->u.vcpuextstate;
    struct vcpu *v = vcpu_of(d, e->vcpu);
    struct xstate_head head;
    u8 *buf;
    long r;

    if (!v)
        return -ESRCH;
    if (e->size < sizeof(head) || e->size > sizeof(head) + area_size())
        return -EINVAL;
    buf = hyp_zalloc(e->size);
    if (!buf)
        return -ENOMEM;
    r = copy_from_guest(buf, (u64)e->buffer.p, e->size) ? -EFAULT : 0;
    memcpy(&head, buf, sizeof(head));
    if (!r && e->size == sizeof(head)) {
        r = head.xcr0 || head.components ? -EINVAL : 0; /* no state: nothing to restore */
    } else if (!r) {
        vcpu_pause(v);
        r = fpu_import_xsave(v, head.xcr0, head.components, buf + sizeof(head), e->size - sizeof(head));
        vcpu_unpause(v);
    }
    hyp_free(buf);
    return r;
}

/* --- MSRs
 * ---------------------------------------------------------------------------------------------------------
 */

#define MSRS_MAX 1 /* TSC_AUX */

long domctl_get_msrs(struct domain *d, struct xen_domctl *op)
{
    struct xen_domctl_vcpu_msrs *m = &op->u.vcpu_msrs;
    struct vcpu *v = vcpu_of(d, m->vcpu);
    xen_domctl_vcpu_msr_t msr = {.index = MSR_TSC_AUX};
    u32 room = m->msr_count;

    if (!v)
        return -ESRCH;
    if (v == current)
        return -EINVAL;
    if (!m->msrs.p) {
        m->msr_count = MSRS_MAX;
        return 0;
    }
    vcpu_pause(v);
    msr.value = v->msr_tsc_aux;
    vcpu_unpause(v);
    m->msr_count = msr.value ? 1 : 0;
    if (!msr.value)
        return 0;
    if (!room)
        return -ENOBUFS;
    return copy_to_guest((u64)m->msrs.p, &msr, sizeof(msr)) ? -EFAULT : 0;
}

long domctl_set_msrs(struct domain *d, struct xen_domctl *op)
{
    struct xen_domctl_vcpu_msrs *m = &op->u.vcpu_msrs;
    struct vcpu *v = vcpu_of(d, m->vcpu);
    long r = 0;

    if (!v)
        return -ESRCH;
    if (m->msr_count > MSRS_MAX)
        return -EINVAL;
    for (u32 i = 0; !r && i < m->msr_count; i++) {
        xen_domctl_vcpu_msr_t msr;

        if (copy_from_guest(&msr, (u64)m->msrs.p + i * sizeof(msr), sizeof(msr)))
            return -EFAULT;
        if (msr.reserved || msr.index != MSR_TSC_AUX || msr.value >> 32 || !features.rdtscp) {
            m->msr_count = i;
            return -EINVAL;
        }
        vcpu_pause(v);
        v->msr_tsc_aux = msr.value;
        vcpu_unpause(v);
    }
    return r;
}
