/* SPDX-License-Identifier: MIT */
/* Debug registers of a guest: watchpoints may only watch the guest's half of the address space. */
#ifndef HYP_DOMAIN_DEBUGREG_H
#define HYP_DOMAIN_DEBUGREG_H

#include "domain/domain.h"

/* `nr` 0-3, 6, 7, of current. -ENODEV no such register, -EPERM hypervisor address or general detect, -EINVAL
 * reserved bits. */
int debugreg_set(struct vcpu *v, unsigned nr, u64 val);
/* Checks only; for contexts from the toolstack. */
int debugreg_check(unsigned nr, u64 *val);
void debugreg_load(const struct vcpu *v);
void debugreg_unload(const struct vcpu *v);
void debugreg_reset(struct vcpu *v);

#endif
