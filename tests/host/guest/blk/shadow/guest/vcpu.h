/* SPDX-License-Identifier: MIT */
#ifndef GUEST_VCPU_H
#define GUEST_VCPU_H

/* Stands in for guest/vcpu.h on the host: all that ask are on vCPU 0. */

struct vcpu_local {
    unsigned id;
};

static inline struct vcpu_local *this_vcpu(void)
{
    static struct vcpu_local vcpu;

    return &vcpu;
}

#endif
