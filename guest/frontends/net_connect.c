/* SPDX-License-Identifier: MIT */
/* What frontend and backend tell each other through the store. */
#include "guest/frontends/net_internal.h"
#include "guest/grant.h"
#include "guest/guest.h"
#include "guest/time.h"

#define MTU_DEFAULT 1500u
#define MTU_MIN     68u
#define MTU_MAX     (NET_FRAME_MAX - 18u)
#define PATIENCE_NS (5 * NS_PER_S) /* with a backend that is to close */

/* A number that the backend offers; `otherwise` if it does not. */
static uint64_t offer(struct net_device *dev, const char *node, uint64_t otherwise)
{
    uint64_t value;

    return xenbus_read_uint(XENBUS_NO_TX, &value, "%s/%s", dev->xb.back, node) == 0 ? value : otherwise;
}

static bool parse_mac(const char *text, uint8_t mac[6])
{
    for (unsigned i = 0; i < 6; i++) {
        char digits[3] = {text[0], text[0] ? text[1] : '\0', '\0'}, *end;

        mac[i] = (uint8_t)strtoul(digits, &end, 16);
        if (end != digits + 2 || text[2] != (i < 5 ? ':' : '\0'))
            return false;
        text += 3;
    }
    return !(mac[0] & 1);
}

void net_read_nodes(struct net_device *dev, struct net_state *state)
{
    char text[32];
    uint8_t mac[6];
    uint64_t mtu;

    if ((xenbus_read(XENBUS_NO_TX, text, sizeof(text), "%s/mac", dev->xb.front) >= 0 &&
         parse_mac(text, mac)) ||
        (xenbus_read(XENBUS_NO_TX, text, sizeof(text), "%s/mac", dev->xb.back) >= 0 && parse_mac(text, mac)))
        memcpy(state->mac, mac, sizeof(mac));
    if (xenbus_read_uint(XENBUS_NO_TX, &mtu, "%s/mtu", dev->xb.front) != 0 || mtu < MTU_MIN)
        mtu = MTU_DEFAULT;
    if (mtu > MTU_MAX)
        mtu = MTU_MAX;
    /* A frame of one slot is all that there is without scatter-gather, and the others count on no more than
     * 1500. */
    if (!state->sg && mtu > MTU_DEFAULT)
        mtu = MTU_DEFAULT;
    state->mtu = (uint16_t)mtu;
    state->up = state->queues && offer(dev, "carrier", 1) == 1;
}

/* --- connecting --- */

static int refuse(struct net_device *dev, const char *why, int rc)
{
    printf("net%u: %s (%d)\n", dev->id, why, rc);
    return rc;
}

/* Chooses what both ends can do. */
static void choose(struct net_device *dev, struct net_state *state)
{
    const struct net_options *o = &dev->options;

    state->sg = o->sg && offer(dev, "feature-sg", 0) == 1;
    state->split = o->split && offer(dev, "feature-split-event-channels", 0) == 1;
    state->csum_blank = o->csum && offer(dev, "feature-no-csum-offload", 0) == 0;
    dev->rx_notify = o->rx_notify;
    dev->slot_bytes = o->slot_bytes;
    dev->max_slots = state->sg ? NET_PACKET_SLOTS : 1;
}

static unsigned choose_queues(struct net_device *dev)
{
    uint64_t most = offer(dev, "multi-queue-max-queues", 1);

    return most >= dev->options.queues ? dev->options.queues : most ? (unsigned)most : 1;
}

/* Sets up to n queues up; how many there was memory for. */
static unsigned prepare_queues(struct net_device *dev, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        if (!dev->queues[i])
            dev->queues[i] = net_queue_new(dev, i);
        if (!dev->queues[i] || net_queue_prepare(dev->queues[i]) != 0)
            return i;
    }
    return n;
}

static int write_queue(xenbus_tx_t tx, const struct net_queue *q, const char *dir)
{
    int rc = xenbus_write_uint(tx, q->tx_shared.gref, "%s/tx-ring-ref", dir);

    if (!rc)
        rc = xenbus_write_uint(tx, q->rx_shared.gref, "%s/rx-ring-ref", dir);
    if (q->tx_port == q->rx_port)
        return rc ? rc : xenbus_write_uint(tx, q->rx_port, "%s/event-channel", dir);
    if (!rc)
        rc = xenbus_write_uint(tx, q->tx_port, "%s/event-channel-tx", dir);
    return rc ? rc : xenbus_write_uint(tx, q->rx_port, "%s/event-channel-rx", dir);
}

/* What an earlier connection may have left: a mixture would be taken for an error. */
static int remove_old(xenbus_tx_t tx, struct net_device *dev)
{
    static const char *const nodes[] = {"tx-ring-ref",      "rx-ring-ref",      "event-channel",
                                        "event-channel-tx", "event-channel-rx", "multi-queue-num-queues"};
    int rc = 0;

    for (unsigned i = 0; i < ARRAY_SIZE(nodes) && (!rc || rc == -XEN_ENOENT); i++)
        rc = xenbus_rm(tx, "%s/%s", dev->xb.front, nodes[i]);
    for (unsigned i = 0; i < NET_MAX_QUEUES && (!rc || rc == -XEN_ENOENT); i++)
        rc = xenbus_rm(tx, "%s/queue-%u", dev->xb.front, i);
    return rc == -XEN_ENOENT ? 0 : rc;
}

static int write_queues(xenbus_tx_t tx, struct net_device *dev, unsigned n)
{
    char dir[sizeof(dev->xb.front) + 24];
    int rc;

    if (n == 1)
        return write_queue(tx, dev->queues[0], dev->xb.front);
    rc = xenbus_write_uint(tx, n, "%s/multi-queue-num-queues", dev->xb.front);
    for (unsigned i = 0; !rc && i < n; i++) {
        snprintf(dir, sizeof(dir), "%s/queue-%u", dev->xb.front, i);
        rc = write_queue(tx, dev->queues[i], dir);
    }
    return rc;
}

static int write_features(xenbus_tx_t tx, struct net_device *dev, const struct net_state *state)
{
    const struct {
        const char *node;
        bool value;
    } features[] = {
        {"request-rx-copy", true},
        {"feature-rx-notify", dev->rx_notify},
        {"feature-sg", state->sg},
        {"feature-no-csum-offload", !dev->options.csum},
        {"feature-persistent", dev->options.persistent},
    };
    int rc = 0;

    for (unsigned i = 0; !rc && i < ARRAY_SIZE(features); i++)
        rc = xenbus_write_uint(tx, features[i].value, "%s/%s", dev->xb.front, features[i].node);
    return rc;
}

/* All of it in one transaction, so that the backend sees all or nothing. */
static int publish(struct net_device *dev, const struct net_state *state, unsigned n)
{
    xenbus_tx_t tx;
    int rc;

    do {
        rc = xenbus_tx_start(&tx);
        if (rc)
            return rc;
        rc = remove_old(tx, dev);
        if (!rc)
            rc = write_queues(tx, dev, n);
        if (!rc)
            rc = write_features(tx, dev, state);
        if (!rc)
            rc = xenbus_set_state(tx, &dev->xb, XenbusStateConnected);
        if (rc && rc != -XEN_EAGAIN)
            xenbus_tx_end(tx, false);
        else if (!rc)
            rc = xenbus_tx_end(tx, true);
    } while (rc == -XEN_EAGAIN);
    return rc;
}

static void stop_queues(struct net_device *dev, unsigned n)
{
    __atomic_store_n(&dev->nr_queues, 0, __ATOMIC_RELEASE);
    for (unsigned i = 0; i < n; i++)
        net_queue_stop(dev->queues[i]);
}

static void release_queues(struct net_device *dev, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        net_queue_release(dev->queues[i]);
}

int net_connect(struct net_device *dev)
{
    struct net_state state;
    unsigned n;
    int rc = 0;

    net_held_retry();
    if (offer(dev, "feature-rx-copy", 0) != 1)
        return refuse(dev, "the backend cannot copy received frames, which is all that we do",
                      -XEN_EOPNOTSUPP);
    net_state(dev, &state);
    choose(dev, &state);
    spin_lock(&dev->lock);
    dev->state = state;
    spin_unlock(&dev->lock);
    n = prepare_queues(dev, choose_queues(dev));
    if (!n)
        return refuse(dev, "no memory for a queue", -XEN_ENOMEM);
    for (unsigned i = 0; !rc && i < n; i++)
        rc = net_queue_start(dev->queues[i]);
    if (!rc)
        rc = publish(dev, &state, n);
    if (rc) {
        stop_queues(dev, n);
        release_queues(dev, n);
        return refuse(dev, "cannot connect", rc);
    }
    dev->connections++;
    __atomic_store_n(&dev->nr_queues, n, __ATOMIC_RELEASE);
    return 0;
}

/* --- disconnecting --- */

/* Pages are taken back only after the backend had a chance to let go of them. */
void net_disconnect(struct net_device *dev)
{
    const unsigned closing = 1u << XenbusStateClosing, closed = 1u << XenbusStateClosed;
    const unsigned gone =
        1u << XenbusStateUnknown | 1u << XenbusStateInitialising | 1u << XenbusStateInitWait;
    unsigned n = dev->nr_queues;

    stop_queues(dev, n);
    xenbus_set_state(XENBUS_NO_TX, &dev->xb, XenbusStateClosing);
    xenbus_wait_backend(&dev->xb, closing | closed | gone, time_now() + PATIENCE_NS);
    xenbus_set_state(XENBUS_NO_TX, &dev->xb, XenbusStateClosed);
    xenbus_wait_backend(&dev->xb, closed | gone, time_now() + PATIENCE_NS);
    release_queues(dev, n);
    net_held_retry();
}
