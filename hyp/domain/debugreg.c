/* SPDX-License-Identifier: MIT */
#include "domain/debugreg.h"
#include "lib/errno.h"

#define DR6_RESET  0xffff0ff0UL
#define DR7_RESET  0x400UL
#define DR7_ACTIVE 0xffUL
#define DR7_GD     (1UL << 13)
#define DR7_ZERO   0xd800UL /* bits 11, 12, 14, 15: read as zero */
#define DR_IO      2u

#define WRITE_DR(nr, v)                                \
    case nr:                                           \
        __asm__ volatile("mov %0, %%dr" #nr ::"r"(v)); \
        break

static void write_dr(unsigned nr, u64 v)
{
    switch (nr) {
        WRITE_DR(0, v);
        WRITE_DR(1, v);
        WRITE_DR(2, v);
        WRITE_DR(3, v);
        WRITE_DR(6, v);
        WRITE_DR(7, v);
    }
}

/* I/O watchpoints would need CR4.DE; without it the encoding is undefined. */
static int check_dr7(u64 *val)
{
    if (*val >> 32)
        return -EINVAL;
    if (*val & DR7_GD)
        return -EPERM;
    *val = (*val & ~(DR7_ZERO & ~DR7_RESET)) | DR7_RESET;
    for (unsigned i = 0; i < 4; i++)
        if ((*val & (3UL << (i * 2))) && ((*val >> (16 + i * 4)) & 3) == DR_IO)
            return -EPERM;
    return 0;
}

int debugreg_check(unsigned nr, u64 *val)
{
    switch (nr) {
    case 0 ... 3:
        if (!is_canonical(*val))
            return -EPERM;
        return *val >= HYP_VIRT_START && *val < HYP_VIRT_END ? -EPERM : 0;
    case 6:
        if (*val >> 32)
            return -EINVAL;
        *val = (*val & 0xe00fUL) | DR6_RESET;
        return 0;
    case 7:
        return check_dr7(val);
    default:
        return -ENODEV;
    }
}

int debugreg_set(struct vcpu *v, unsigned nr, u64 val)
{
    int rc = debugreg_check(nr, &val);
    bool was_active = v->debugreg[7] & DR7_ACTIVE;

    if (rc)
        return rc;
    v->debugreg[nr] = val;
    if (nr == 7 && (val & DR7_ACTIVE))
        debugreg_load(v);
    else if (nr == 7 && was_active)
        write_dr(7, DR7_RESET);
    else if (was_active)
        write_dr(nr, val);
    return 0;
}

void debugreg_load(const struct vcpu *v)
{
    if (!(v->debugreg[7] & DR7_ACTIVE))
        return;
    for (unsigned i = 0; i < 4; i++)
        write_dr(i, v->debugreg[i]);
    write_dr(6, v->debugreg[6]);
    write_dr(7, v->debugreg[7]);
}

void debugreg_unload(const struct vcpu *v)
{
    if (v->debugreg[7] & DR7_ACTIVE)
        write_dr(7, DR7_RESET);
}

void debugreg_reset(struct vcpu *v)
{
    for (unsigned i = 0; i < 6; i++)
        v->debugreg[i] = 0;
    v->debugreg[6] = DR6_RESET;
    v->debugreg[7] = DR7_RESET;
}
