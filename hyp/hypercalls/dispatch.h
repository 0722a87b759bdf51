/* SPDX-License-Identifier: MIT */
/* Start-up of the hypercall room. */
#ifndef HYP_HYPERCALLS_DISPATCH_H
#define HYP_HYPERCALLS_DISPATCH_H

void hypercalls_init(void);

#endif
