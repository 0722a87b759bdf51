/* SPDX-License-Identifier: MIT */
#include "guest/events.h"
#include "guest/frontends/net_internal.h"

/* Slots are given back in lots of this many, so that a busy backend never runs out of them. */
#define POST_EVERY 32u

#define ETH_HEADER 14u
#define VLAN_TAG   4u

static void post(struct net_queue *q)
{
    if (net_rx_post(&q->rx) && q->dev->rx_notify)
        event_send(q->rx_port);
}

/* Takes one frame; false if there is none, or no use in going on. */
static bool take(struct net_queue *q)
{
    const struct net_handlers *user = &q->dev->handlers;
    size_t longest = (size_t)__atomic_load_n(&q->dev->state.mtu, __ATOMIC_RELAXED) + ETH_HEADER + VLAN_TAG;
    struct net_rx_frame frame;
    enum net_fault fault;

    switch (net_rx_take(&q->rx, q->frame, longest, &frame, &fault)) {
    case NET_RX_FRAME:
        q->n.rx_frames++;
        q->n.rx_bytes += frame.len;
        user->receive(user->ctx, q->frame, frame.len, frame.csum);
        return true;
    case NET_RX_DROP:
        return true;
    case NET_RX_BROKEN:
        spin_lock(&q->tx_lock);
        q->live = false;
        spin_unlock(&q->tx_lock);
        net_fault(q->dev, fault);
        return false;
    case NET_RX_EMPTY:
        break;
    }
    return false;
}

/* Ends also when the queue is to stop: a backend may produce for ever. */
void net_rx_run(struct net_queue *q)
{
    do {
        unsigned taken = 0;

        while (__atomic_load_n(&q->live, __ATOMIC_RELAXED) && take(q)) {
            if (++taken % POST_EVERY == 0) {
                post(q);
                thread_yield();
            }
        }
        if (!__atomic_load_n(&q->live, __ATOMIC_RELAXED))
            return;
        if (taken % POST_EVERY)
            post(q);
    } while (net_rx_arm(&q->rx));
}
