/* SPDX-License-Identifier: MIT */
/*
 * One operation of a toolstack at a time: domctl, sysctl and platform_op. Nobody waits for the lock, because
 * its holder may itself wait for the vCPU that wants it (domain_pause): who does not get it returns to the
 * guest and tries again.
 */
#ifndef HYP_HYPERCALLS_CONTROL_H
#define HYP_HYPERCALLS_CONTROL_H

#include <xen/domctl.h>
#include "domain/domain.h"

/* LOCK_DOMCTL. False: somebody has it. */
bool __must_check control_lock(void);
void control_unlock(void);

/* --- domctl: one function a sub-operation. The control lock is held, `d` is referenced.
 * ---------------------------- */

enum domctl_flags {
    DOMCTL_NOT_SELF = 1,    /* -EINVAL for the caller's own domain (it would wait for itself) */
    DOMCTL_COPY_BACK = 2,   /* copy the operation back on success */
    DOMCTL_COPY_ALWAYS = 4, /* ... and on failure */
};
/* 0, -errno, or -ERESTART: run the hypercall again. Results go into *op. */
typedef long domctl_fn(struct domain *d, struct xen_domctl *op);

/* The vCPU that an operation names; NULL: none. */
static inline struct vcpu *vcpu_of(struct domain *d, u32 id)
{
    return id < d->max_vcpus ? d->vcpu[id] : NULL;
}

/* domctl_life.c */
long domctl_create(struct xen_domctl *op);
domctl_fn domctl_destroy, domctl_pause, domctl_unpause, domctl_resume, domctl_max_vcpus, domctl_max_mem,
    domctl_set_handle, domctl_set_time_offset, domctl_set_tsc, domctl_get_tsc, domctl_set_width,
    domctl_get_width;
/* domctl_vcpu.c */
domctl_fn domctl_set_context, domctl_get_context, domctl_vcpu_info, domctl_set_affinity, domctl_get_affinity,
    domctl_set_node_affinity, domctl_get_node_affinity, domctl_scheduler, domctl_trigger;
/* domctl_state.c */
domctl_fn domctl_set_ext_context, domctl_get_ext_context, domctl_set_xstate, domctl_get_xstate,
    domctl_set_msrs, domctl_get_msrs;
/* domctl_memory.c */
domctl_fn domctl_page_types, domctl_hypercall_page, domctl_iomem, domctl_ioport, domctl_irq;
/* domctl_policy.c */
domctl_fn domctl_get_policy, domctl_set_policy;

/* What hypercall_unknown() counted, onto the console. */
void hypercall_unknown_dump(void);

/* Writes the contents of a hypercall page. */
void hypercall_page_fill(u8 *page);

/* What getdomaininfo and getdomaininfolist report. */
void domain_info_fill(struct domain *d, struct xen_domctl_getdomaininfo *info);

/* Bitmaps of the interface: `n` bits of `map`. Bits beyond either side's end are ignored or zero. -EFAULT. */
long bitmap_from_guest(u64 *map, unsigned n, const struct xenctl_bitmap *from);
long bitmap_to_guest(const struct xenctl_bitmap *to, const u64 *map, unsigned n);

#endif
