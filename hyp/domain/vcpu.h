/* SPDX-License-Identifier: MIT */
/* Making and freeing vCPUs: for domain.c. */
#ifndef HYP_DOMAIN_VCPU_H
#define HYP_DOMAIN_VCPU_H

#include "domain/domain.h"

/* Down and without a context; d->shared_info must exist. */
int vcpu_create(struct domain *d, unsigned id, struct vcpu **out);
/* Its roots and tables must be gone: vcpu_reset(). */
void vcpu_destroy(struct vcpu *v);

#endif
