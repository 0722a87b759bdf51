/* SPDX-License-Identifier: MIT */
#include "dom0/backends/net/queue.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>

#include "dom0/backends/net/queue_pass.h"

/* How long packets wait for a guest that gives no room, before they are dropped. */
#define STALL_NS (INT64_C(10) * 1000 * 1000 * 1000)

static void fail(struct net_queue *queue, const char *which, const char *why)
{
    if (queue->failed)
        return;
    queue->failed = true;
    loop_timer_set(queue->more, 0);
    loop_timer_set(queue->stall, 0);
    loop_remove(queue->readable);
    queue->readable = NULL;
    backend_dev_fail(queue->vif->dev, 0, "%s of queue %u: %s", which, queue->number, why);
}

/* ---- from the guest ---- */

/* True: the port is to be unmasked. */
static bool transmit(struct net_queue *queue)
{
    int64_t due = 0;
    bool idle = net_transmit_pass(queue, &due);

    if (queue->tx.ring.broken) {
        fail(queue, "transmit ring", queue->tx.ring.why);
        return false;
    }
    if (idle)
        return true;
    loop_timer_set(queue->more, due > 0 ? due : 1);
    /* While this waits for its rate, events must still tell of room for received packets. */
    return due > 0 && !queue->rx_port;
}

/* ---- to the guest ---- */

static void watch_tap(struct net_queue *queue, bool on)
{
    if (queue->stopped != on)
        return;
    queue->stopped = !on;
    queue->stall_mark = queue->rx.ring.next;
    loop_set_events(queue->readable, on ? EPOLLIN : 0);
    loop_timer_set(queue->stall, on ? 0 : loop_now_ns() + STALL_NS);
}

static void receive(struct net_queue *queue)
{
    unsigned int missing;

    if (queue->failed)
        return;
    missing = net_receive_pass(queue);
    if (queue->rx.ring.broken)
        fail(queue, "receive ring", queue->rx.ring.why);
    else
        watch_tap(queue, missing == 0);
}

static void tap_readable(void *arg, uint32_t events)
{
    if (events & (EPOLLERR | EPOLLHUP))
        fail(arg, "tap", "the interface is gone");
    else
        receive(arg);
}

static void stalled(void *arg)
{
    struct net_queue *queue = arg;

    if (queue->rx.ring.next == queue->stall_mark)
        net_receive_drop(queue);
    queue->stall_mark = queue->rx.ring.next;
    loop_timer_set(queue->stall, loop_now_ns() + STALL_NS);
}

/* ---- events ---- */

static bool rx_event(void *arg)
{
    struct net_queue *queue = arg;

    if (queue->stopped)
        receive(queue);
    return !queue->failed;
}

static bool tx_event(void *arg)
{
    struct net_queue *queue = arg;

    if (queue->failed)
        return false;
    return transmit(queue);
}

/* One channel for both: what it says of one ring is not known. */
static bool common_event(void *arg)
{
    rx_event(arg);
    return tx_event(arg);
}

static void more_to_transmit(void *arg)
{
    struct net_queue *queue = arg;

    if (queue->rx_port ? tx_event(queue) : common_event(queue))
        guest_port_unmask(queue->tx_port);
}

/* ---- life ---- */

/* Pages of both rings' slots that are mapped at most; a batch that finds some not mapped takes one mapping.
 */
#define RING_PAGES    NET_RING_SLOTS
#define RING_MAPPINGS 16u

static int open_pages(struct net_queue *queue)
{
    const struct backend_dev *dev = queue->vif->dev;
    struct guest_access *access = backend_env(dev)->access;
    const struct persistent_bounds tx = {PROT_READ, RING_PAGES, RING_MAPPINGS};
    const struct persistent_bounds rx = {PROT_READ | PROT_WRITE, RING_PAGES, RING_MAPPINGS};

    if (!queue->vif->persistent)
        return 0;
    queue->tx_pages = persistent_new(access, dev->domid, &tx);
    queue->rx_pages = persistent_new(access, dev->domid, &rx);
    if (queue->tx_pages && queue->rx_pages)
        return 0;
    errno = ENOMEM;
    return -1;
}

static int open_ports(struct net_queue *queue, const struct net_queue_spec *spec)
{
    const struct backend_dev *dev = queue->vif->dev;
    struct guest_access *access = backend_env(dev)->access;
    bool split = spec->rx_port != 0;

    queue->tx_port =
        guest_port_bind(access, dev->domid, spec->tx_port, split ? tx_event : common_event, queue);
    if (!queue->tx_port)
        return -1;
    if (!split) {
        queue->notify_rx = queue->tx_port;
        return 0;
    }
    queue->rx_port = guest_port_bind(access, dev->domid, spec->rx_port, rx_event, queue);
    queue->notify_rx = queue->rx_port;
    return queue->rx_port ? 0 : -1;
}

static int open_loop(struct net_queue *queue)
{
    struct loop *loop = backend_env(queue->vif->dev)->loop;

    queue->more = loop_timer_new(loop, more_to_transmit, queue);
    queue->stall = loop_timer_new(loop, stalled, queue);
    if (!queue->more || !queue->stall) {
        errno = ENOMEM;
        return -1;
    }
    queue->readable = loop_add(loop, queue->tap, EPOLLIN, tap_readable, queue);
    return queue->readable ? 0 : -1;
}

struct net_queue *net_queue_start(struct vif *vif, const struct net_queue_spec *spec)
{
    struct net_queue *queue = calloc(1, sizeof(*queue));
    int error;

    if (!queue)
        return NULL;
    queue->vif = vif;
    queue->gnttab = guest_access_gnttab(backend_env(vif->dev)->access);
    queue->number = spec->number;
    queue->tap = spec->tap;
    net_tx_attach(&queue->tx, spec->tx, &vif->journal[spec->number][0]);
    net_rx_attach(&queue->rx, spec->rx, &vif->journal[spec->number][1]);
    if (open_pages(queue) == 0 && open_loop(queue) == 0 && open_ports(queue, spec) == 0) {
        /* Whoever was before us may have been stopped between an answer and the event. */
        guest_port_notify(queue->tx_port);
        if (queue->rx_port)
            guest_port_notify(queue->rx_port);
        return queue;
    }
    error = errno;
    net_queue_stop(queue);
    errno = error;
    return NULL;
}

void net_queue_stop(struct net_queue *queue)
{
    if (!queue)
        return;
    guest_port_unbind(queue->tx_port);
    guest_port_unbind(queue->rx_port);
    loop_remove(queue->readable);
    loop_timer_free(queue->more);
    loop_timer_free(queue->stall);
    persistent_free(queue->tx_pages);
    persistent_free(queue->rx_pages);
    free(queue->held);
    free(queue);
}

void net_queue_kick(struct net_queue *queue)
{
    if (!queue->failed && loop_timer_is_set(queue->more))
        loop_timer_set(queue->more, 1);
}
