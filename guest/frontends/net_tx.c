/* SPDX-License-Identifier: MIT */
#include <xen/errno.h>
#include "guest/events.h"
#include "guest/frontends/net_internal.h"
#include "guest/time.h"

/* Responses are taken when fewer slots than this are free, many at a time. */
#define REAP_BELOW (NET_RING_SLOTS / 2)

/* Takes all responses there are. Locked. */
static int reap(struct net_queue *q)
{
    unsigned before = net_tx_outstanding(&q->tx);
    enum net_fault fault = net_tx_reap(&q->tx);

    q->progress += before - net_tx_outstanding(&q->tx);
    if (!fault)
        return 0;
    q->live = false;
    net_fault(q->dev, fault);
    return -XEN_ENOTCONN;
}

static size_t length(const struct net_frag *frags, unsigned nr_frags)
{
    size_t len = 0;

    for (unsigned i = 0; i < nr_frags; i++)
        len += frags[i].len;
    return len;
}

/* Puts the frame on the ring, if need be after taking responses. -XEN_EAGAIN: an event will come. Locked. */
static int put(struct net_queue *q, const struct net_frag *frags, unsigned nr_frags, enum net_csum csum)
{
    const struct net_device *dev = q->dev;
    int rc = q->live ? 0 : -XEN_ENOTCONN;

    if (!rc && q->tx.nr_free < REAP_BELOW)
        rc = reap(q);
    if (rc)
        return rc;
    for (;;) {
        rc = net_tx_put(&q->tx, frags, nr_frags, csum, dev->slot_bytes, dev->max_slots);
        if (rc != -XEN_EAGAIN || !net_tx_arm(&q->tx))
            return rc;
        rc = reap(q);
        if (rc)
            return rc;
    }
}

static int send_now(struct net_queue *q, const struct net_frag *frags, unsigned nr_frags, enum net_csum csum)
{
    bool notify = false;
    int rc;

    spin_lock(&q->tx_lock);
    rc = put(q, frags, nr_frags, csum);
    if (!rc) {
        q->n.tx_frames++;
        q->n.tx_bytes += length(frags, nr_frags);
        notify = net_tx_push(&q->tx);
    }
    if (notify)
        event_send(q->tx_port);
    spin_unlock(&q->tx_lock);
    return rc;
}

struct sender {
    struct net_queue *q;
    unsigned progress;
};

/* Only a reason to look again under the lock. */
static bool may_have_room(void *arg)
{
    const struct sender *s = arg;

    return !__atomic_load_n(&s->q->live, __ATOMIC_RELAXED) ||
           __atomic_load_n(&s->q->progress, __ATOMIC_RELAXED) != s->progress;
}

/*
 * At most a second at once: if nothing moved in it, the backend is told again, so that neither an event that
 * a dying backend failed to send nor one that we sent to nobody stops a sender for good.
 */
static void wait_for_room(struct sender *s, uint64_t deadline)
{
    uint64_t turn = time_now() + NS_PER_S;

    if (waitq_wait(&s->q->room, may_have_room, s, deadline && deadline < turn ? deadline : turn))
        return;
    spin_lock(&s->q->tx_lock);
    if (s->q->live && s->q->progress == s->progress) {
        s->q->n.kicks++;
        event_send(s->q->tx_port);
    }
    spin_unlock(&s->q->tx_lock);
}

static struct net_queue *queue_of(struct net_device *dev, uint32_t flow)
{
    unsigned n = __atomic_load_n(&dev->nr_queues, __ATOMIC_ACQUIRE);

    /* All bits count, those of ports and addresses as well. */
    return n ? dev->queues[(flow ^ flow >> 16 ^ flow >> 8) % n] : NULL;
}

int net_send(struct net_device *dev, const struct net_frag *frags, unsigned nr_frags, enum net_csum csum,
             uint32_t flow, uint64_t deadline)
{
    struct sender s = {.q = queue_of(dev, flow)};
    int rc;

    if (!s.q)
        return -XEN_ENOTCONN;
    for (;;) {
        s.progress = __atomic_load_n(&s.q->progress, __ATOMIC_RELAXED);
        rc = send_now(s.q, frags, nr_frags, csum);
        if (rc != -XEN_EAGAIN || (deadline && time_now() >= deadline))
            return rc;
        wait_for_room(&s, deadline);
    }
}

void net_tx_poll(struct net_queue *q)
{
    bool progress;

    spin_lock(&q->tx_lock);
    if (q->live)
        reap(q);
    /* Since the last call: a sender may have taken the responses that others wait for. */
    progress = q->progress != q->polled || !q->live;
    q->polled = q->progress;
    spin_unlock(&q->tx_lock);
    if (progress)
        waitq_wake(&q->room);
}
