/* SPDX-License-Identifier: MIT */
#include "sched/watchdog.h"
#include <xen/sched.h>
#include "cpu/clock.h"
#include "lib/errno.h"
#include "lib/printk.h"
#include "sched/timer.h"

#define SECOND 1000000000UL

static void ran_out(void *data)
{
    struct domain *d = data;

    gprintk(LOG_WARNING, "d%u: a watchdog ran out\n", d->id);
    domain_shutdown(d, SHUTDOWN_watchdog);
}

static int take_free(struct domain *d)
{
    int id = -ENOSPC;

    spin_lock(&d->lock);
    for (int i = 0; i < NR_WATCHDOGS && id < 0; i++)
        if (!(d->watchdogs_taken & 1u << i))
            id = i;
    if (id >= 0)
        d->watchdogs_taken |= (u8)(1u << id);
    spin_unlock(&d->lock);
    return id;
}

/* Two vCPUs of a domain that free and take one timer at once may leave it unarmed: their own affair. */
int watchdog_arm(struct domain *d, u32 id, u32 seconds)
{
    bool taken;
    int rc;

    if (id > NR_WATCHDOGS)
        return -EINVAL;
    if (!id) {
        rc = take_free(d);
        if (rc >= 0)
            timer_set(&d->watchdog[rc], now() + seconds * SECOND);
        return rc < 0 ? rc : rc + 1;
    }
    id--;
    spin_lock(&d->lock);
    taken = d->watchdogs_taken & 1u << id;
    if (!seconds)
        d->watchdogs_taken &= (u8) ~(1u << id);
    spin_unlock(&d->lock);
    if (!taken)
        return -EINVAL;
    if (seconds)
        timer_set(&d->watchdog[id], now() + seconds * SECOND);
    else
        timer_stop(&d->watchdog[id]);
    return 0;
}

static int watchdog_domain_create(struct domain *d, const struct xen_domctl_createdomain *)
{
    for (unsigned i = 0; i < NR_WATCHDOGS; i++)
        timer_setup(&d->watchdog[i], ran_out, d);
    return 0;
}

static int watchdog_domain_kill(struct domain *d)
{
    for (unsigned i = 0; i < NR_WATCHDOGS; i++)
        timer_stop(&d->watchdog[i]);
    return 0;
}

const struct domain_unit watchdog_unit = {
    .domain_create = watchdog_domain_create,
    .domain_kill = watchdog_domain_kill,
};
