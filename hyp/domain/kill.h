/* SPDX-License-Identifier: MIT */
/* Inside the domain room: steps of a domain's end. */
#ifndef HYP_DOMAIN_KILL_H
#define HYP_DOMAIN_KILL_H

#include "domain/domain.h"

void kill_init(void);
/* Every room's state of d, in reverse order. -ERESTART: call again. */
int kill_units(struct domain *d);

#endif
