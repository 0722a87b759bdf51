/* SPDX-License-Identifier: MIT */
/*
 * The ports of a domain: private to event/.
 *
 * Locking. A port's slot changes only under the lock of its domain; what two domains share (an interdomain
 * binding) changes only under both locks. So whoever holds ONE of the two knows that the binding stays, and
 * with it the peer's slot and the peer itself: a send takes the sender's lock alone. Buckets of slots appear
 * on demand and go with the domain, so that an interrupt handler may follow a port to its slot without any
 * lock.
 */
#ifndef HYP_EVENT_PORTS_H
#define HYP_EVENT_PORTS_H

#include "event/evtchn.h"

#define EVTCHN_MAX_PORT   ((u32)EVTCHN_2L_NR_CHANNELS - 1)
#define EVTCHN_BUCKET     128u
#define EVTCHN_NR_BUCKETS ((EVTCHN_MAX_PORT + 1) / EVTCHN_BUCKET)

struct evtchn {
    u8 state; /* EVTCHNSTAT_* */
    u16 vcpu; /* the one to notify; read without a lock by senders */
    union {
        u16 unbound_for; /* EVTCHNSTAT_unbound: the domid that may bind */
        struct {
            struct domain *dom; /* alive as long as the binding is: no reference of its own */
            u32 port;
        } peer;
        u32 pirq;
        u32 virq;
    };
};

struct evtchn_domain {
    struct spinlock lock; /* LOCK_EVTCHN: all of this, and virq_to_port of every vCPU */
    u32 max_port;         /* highest port the domain may have */
    u32 first_free;       /* no free port is below */
    u32 in_use;           /* without port 0, which nobody gets */
    bool dying;           /* no new ports */
    u64 used[BITS_TO_WORDS(EVTCHN_MAX_PORT + 1)];
    struct evtchn *bucket[EVTCHN_NR_BUCKETS];
};

/* NULL: beyond the limit, or nothing was ever bound near there. */
static inline struct evtchn *evtchn_slot(const struct evtchn_domain *e, u32 port)
{
    struct evtchn *b;

    if (unlikely(port > e->max_port))
        return NULL;
    b = READ_ONCE(e->bucket[port / EVTCHN_BUCKET]);
    return likely(b) ? &b[port % EVTCHN_BUCKET] : NULL;
}

/* Makes the lowest free port what `chn` says, lock held. 0, -EINVAL dying, -ENOSPC at the limit, -EAGAIN:
 * unlock and ask evtchn_try_again(). */
int evtchn_port_take(struct evtchn_domain *e, struct evtchn chn, u32 *port);
/* Lock held: the slot is closed, the pending bit cleared. */
void evtchn_port_release(struct domain *d, u32 port);
/* After an attempt that gave *rc: true when a bucket was missing and is there now, so that the caller tries
 * once more. */
bool evtchn_try_again(struct evtchn_domain *e, int *rc);

/* 2-level delivery (two_level.c); any context, no lock needed for the words themselves. */
void evtchn_raise(struct domain *d, const struct evtchn *chn, u32 port);
void evtchn_raise_if_pending(struct domain *d, const struct evtchn *chn, u32 port);

/* True for VIRQs of which a domain has one, not one per vCPU. */
bool virq_is_global(u32 virq);

/* Both locks with interrupts off; the flags to give back. a == b takes one. */
u64 evtchn_lock_both(struct evtchn_domain *a, struct evtchn_domain *b);
void evtchn_unlock_both(struct evtchn_domain *a, struct evtchn_domain *b, u64 flags);

#endif
