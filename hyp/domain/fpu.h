/* SPDX-License-Identifier: MIT */
/* FPU and extended state of vCPUs. Saved and restored whole at each switch; the hypervisor itself uses none
 * of it. */
#ifndef HYP_DOMAIN_FPU_H
#define HYP_DOMAIN_FPU_H

#include "domain/domain.h"

int fpu_vcpu_create(struct vcpu *v); /* -ENOMEM */
void fpu_vcpu_free(struct vcpu *v);
/* Back to the state after reset. Not loaded. */
void fpu_vcpu_reset(struct vcpu *v);
void fpu_save(struct vcpu *v);
void fpu_restore(struct vcpu *v);
void fpu_set_ts(void);
void fpu_clear_ts(void);
/* XSETBV of current. -EINVAL: the guest gets #GP. */
int fpu_set_xcr0(struct vcpu *v, u64 xcr0);
/* A whole XSAVE area in standard format that holds `components` (an XCR0 value). Not loaded. -EINVAL,
 * -EOPNOTSUPP: nothing changed. */
int fpu_import_xsave(struct vcpu *v, u64 xcr0, u64 components, const void *area, size_t size);
/* The 512-byte FXSAVE image of setvcpucontext / getvcpucontext. Not loaded. */
void fpu_import_fxsave(struct vcpu *v, const void *image);
void fpu_export_fxsave(const struct vcpu *v, void *image);

#endif
