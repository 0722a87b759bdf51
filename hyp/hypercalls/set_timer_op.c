/* SPDX-License-Identifier: MIT */
/* HYPERVISOR_set_timer_op: the older form of the single-shot timer. */
#include "cpu/clock.h"
#include "hypercalls/hypercalls.h"
#include "hypercalls/vcpu_timer.h"

#define FAR_FUTURE (1UL << 50) /* about 13 days */
#define SOON       (100 * 1000 * 1000UL)

long do_set_timer_op(u64 timeout, u64, u64, u64, u64)
{
    struct vcpu *v = current;
    ns_t t;

    if (!timeout) {
        vcpu_timer_stop_singleshot(v);
        return 0;
    }
    /* A time that has wrapped, or one that means "no timer": an event soon serves the first and costs the
     * second little. */
    t = now();
    if ((s64)timeout < 0 || (timeout > t && timeout - t >= FAR_FUTURE))
        timeout = t + SOON;
    vcpu_timer_set_singleshot(v, timeout);
    return 0;
}
