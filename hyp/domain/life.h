/* SPDX-License-Identifier: MIT */
/* Inside the domain room: steps of a domain's life. */
#ifndef HYP_DOMAIN_LIFE_H
#define HYP_DOMAIN_LIFE_H

#include "domain/domain.h"

/* Down and without a context; d->shared_info must exist. */
int vcpu_create(struct domain *d, unsigned id, struct vcpu **out);
/* Its roots and tables must be gone: vcpu_reset(). */
void vcpu_destroy(struct vcpu *v);

void kill_init(void);
/* Every room's state of d, in reverse order. -ERESTART: call again. */
int kill_units(struct domain *d);

#endif
