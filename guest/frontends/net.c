/* SPDX-License-Identifier: MIT */
/* A card and its thread, which follows the states of the backend. */
#include "guest/frontends/net_internal.h"
#include "guest/grant.h"
#include "guest/guest.h"
#include "guest/heap.h"
#include "guest/time.h"

void net_news(struct net_device *dev, enum net_news news)
{
    __atomic_fetch_or(&dev->news, (unsigned)news, __ATOMIC_RELEASE);
    waitq_wake(&dev->wait);
}

void net_fault(struct net_device *dev, enum net_fault fault)
{
    unsigned none = NET_FAULT_NONE;

    __atomic_compare_exchange_n(&dev->fault, &none, (unsigned)fault, false, __ATOMIC_RELAXED,
                                __ATOMIC_RELAXED);
    net_news(dev, NET_NEWS_FAULT);
}

void net_state(struct net_device *dev, struct net_state *state)
{
    spin_lock(&dev->lock);
    *state = dev->state;
    spin_unlock(&dev->lock);
}

void net_counters(struct net_device *dev, struct net_counters *sum)
{
    *sum = (struct net_counters){.connections = dev->connections, .held = dev->nr_held};
    for (unsigned i = 0; i < NET_MAX_QUEUES && dev->queues[i]; i++) {
        struct net_queue *q = dev->queues[i];

        spin_lock(&q->tx_lock);
        sum->tx_frames += q->n.tx_frames;
        sum->tx_bytes += q->n.tx_bytes;
        sum->tx_refused += q->tx.refused;
        sum->kicks += q->n.kicks;
        spin_unlock(&q->tx_lock);
        sum->rx_frames += q->n.rx_frames;
        sum->rx_bytes += q->n.rx_bytes;
        sum->rx_refused += q->rx.refused;
        sum->rx_too_long += q->rx.too_long;
        sum->tx_events += q->n.tx_events;
        sum->rx_events += q->n.rx_events;
    }
}

/* --- the card's thread --- */

static bool is_same(const struct net_state *a, const struct net_state *b)
{
    return memcmp(a->mac, b->mac, sizeof(a->mac)) == 0 && a->mtu == b->mtu && a->up == b->up &&
           a->disabled == b->disabled && a->sg == b->sg && a->csum_blank == b->csum_blank &&
           a->split == b->split && a->queues == b->queues;
}

/* Looks at the nodes, and tells the user if anything is different from before. */
static void refresh(struct net_device *dev)
{
    struct net_state state, old;

    net_state(dev, &old);
    state = old;
    state.queues = dev->nr_queues;
    state.disabled = dev->fault != NET_FAULT_NONE;
    net_read_nodes(dev, &state);
    if (is_same(&state, &old))
        return;
    spin_lock(&dev->lock);
    dev->state = state;
    spin_unlock(&dev->lock);
    dev->handlers.changed(dev->handlers.ctx, &state);
}

static void disconnect(struct net_device *dev)
{
    if (!dev->nr_queues)
        return;
    net_disconnect(dev);
    refresh(dev);
}

/* The toolstack takes the device away when it is not `online` any more: then Closed is the last word. */
static void offer_again(struct net_device *dev)
{
    uint64_t online;

    if (xenbus_read_uint(XENBUS_NO_TX, &online, "%s/online", dev->xb.back) == 0 && online == 1)
        xenbus_set_state(XENBUS_NO_TX, &dev->xb, XenbusStateInitialising);
}

static void follow_backend(struct net_device *dev)
{
    switch (xenbus_backend_state(&dev->xb)) {
    case XenbusStateInitWait:
        if (dev->nr_queues) {
            disconnect(dev);
            xenbus_set_state(XENBUS_NO_TX, &dev->xb, XenbusStateInitialising);
        }
        if (net_connect(dev) != 0)
            xenbus_set_state(XENBUS_NO_TX, &dev->xb, XenbusStateClosed);
        break;
    case XenbusStateClosing:
    case XenbusStateClosed:
        if (dev->nr_queues) {
            disconnect(dev);
            offer_again(dev);
        }
        break;
    case XenbusStateUnknown:
        disconnect(dev);
        break;
    default:
        break;
    }
}

static bool has_news(void *arg)
{
    return __atomic_load_n(&((struct net_device *)arg)->news, __ATOMIC_ACQUIRE) != 0;
}

/* A state that came while another one was dealt with is news again, so none is missed. */
static void card_main(void *arg)
{
    struct net_device *dev = arg;
    unsigned news = 0;

    while (!(news & NET_NEWS_CLOSE)) {
        waitq_wait(&dev->wait, has_news, dev, 0);
        news = __atomic_exchange_n(&dev->news, 0, __ATOMIC_ACQ_REL);
        if (news & NET_NEWS_FAULT && dev->nr_queues) {
            printf("net%u: disabled: the backend (domain %u) sent %s\n", dev->id, dev->xb.backend,
                   net_fault_text(dev->fault));
            disconnect(dev);
        }
        if (news & NET_NEWS_STATE && !dev->fault)
            follow_backend(dev);
        refresh(dev);
    }
    disconnect(dev);
}

/* --- opening and closing --- */

static void backend_changed(struct xenbus_device *xb, enum xenbus_state state)
{
    (void)state;
    net_news(xb->data, NET_NEWS_STATE | NET_NEWS_NODES);
}

static void node_changed(struct xenbus_watch *watch, const char *path)
{
    (void)path;
    net_news(watch->data, NET_NEWS_NODES);
}

static int watch_node(struct net_device *dev, const char *dir, const char *node)
{
    struct xenbus_watch *watch = &dev->watches[dev->nr_watches];
    int rc;

    watch->fn = node_changed;
    watch->data = dev;
    rc = xenbus_watch(watch, "%s/%s", dir, node);
    if (!rc)
        dev->nr_watches++;
    return rc;
}

static void unwatch_all(struct net_device *dev)
{
    while (dev->nr_watches)
        xenbus_unwatch(&dev->watches[--dev->nr_watches]);
}

static int watch_all(struct net_device *dev)
{
    int rc = watch_node(dev, dev->xb.front, "mac");

    if (!rc)
        rc = watch_node(dev, dev->xb.front, "mtu");
    if (!rc)
        rc = watch_node(dev, dev->xb.back, "carrier");
    return rc;
}

static int start(struct net_device *dev)
{
    int rc = xenbus_device_open(&dev->xb, "vif", dev->id);

    if (rc)
        return rc == -XEN_ENOENT ? -XEN_ENODEV : rc;
    rc = watch_all(dev);
    if (!rc) {
        net_news(dev, NET_NEWS_STATE | NET_NEWS_NODES);
        dev->thread = thread_start("net-card", 0, card_main, dev);
        rc = dev->thread ? 0 : -XEN_ENOMEM;
    }
    if (rc) {
        unwatch_all(dev);
        xenbus_device_close(&dev->xb);
    }
    return rc;
}

int net_open(struct net_device **out, unsigned id, const struct net_handlers *handlers)
{
    struct net_device *dev;
    int rc = xenbus_init();

    if (rc)
        return rc;
    if (!grant_refs() && !grant_init(0))
        return -XEN_ENOMEM;
    dev = heap_alloc(sizeof(*dev));
    if (!dev)
        return -XEN_ENOMEM;
    dev->id = id;
    dev->handlers = *handlers;
    dev->xb.changed = backend_changed;
    dev->xb.data = dev;
    net_options_read(&dev->options);
    rc = start(dev);
    if (rc)
        heap_free(dev);
    else
        *out = dev;
    return rc;
}

void net_close(struct net_device *dev)
{
    unwatch_all(dev);
    net_news(dev, NET_NEWS_CLOSE);
    thread_join(dev->thread);
    xenbus_device_close(&dev->xb);
    net_held_retry(dev);
    for (unsigned i = 0; i < NET_MAX_QUEUES; i++)
        if (dev->queues[i])
            net_queue_free(dev->queues[i]);
    heap_free(dev);
}
