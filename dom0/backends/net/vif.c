/* SPDX-License-Identifier: MIT */
#include "dom0/backends/net/vif.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/if.h>
#include <linux/if_tun.h>

#include "dom0/backends/net/queue.h"
#include "dom0/backends/net/requests.h"

#define NODE_BYTES 1024

/* A string node of ours; "" if there is none. */
static int read_text(struct backend_dev *dev, const char *node, char text[NODE_BYTES])
{
    int error = backend_read_string(dev, node, text, NODE_BYTES);

    if (error == ENOENT) {
        text[0] = '\0';
        return 0;
    }
    if (error)
        backend_dev_fail(dev, error, "%s", node);
    return error ? -1 : 0;
}

/* ---- nodes that may change while the device runs ---- */

static int read_rate(struct vif *vif)
{
    char text[NODE_BYTES];

    if (read_text(vif->dev, "rate", text) != 0)
        return -1;
    if (net_rate_parse(&vif->rate, text, loop_now_ns()))
        return 0;
    backend_dev_fail(vif->dev, 0, "rate: expected BYTES,USECS");
    return -1;
}

static int read_antispoof(struct vif *vif)
{
    char on[NODE_BYTES], mac[NODE_BYTES], ip[NODE_BYTES];

    if (read_text(vif->dev, "antispoof", on) != 0 || read_text(vif->dev, "mac", mac) != 0 ||
        read_text(vif->dev, "ip", ip) != 0)
        return -1;
    vif->antispoof.on = strcmp(on, "1") == 0;
    if (!vif->antispoof.on || net_antispoof_parse(&vif->antispoof, mac, ip))
        return 0;
    backend_dev_fail(vif->dev, 0, "antispoof: mac or ip cannot be understood");
    return -1;
}

static int ask_broker(struct vif *vif, enum net_request op, struct broker_reply *reply)
{
    struct net_request_device request = {vif->dev->domid, vif->dev->devid};
    int error = broker_call(backend_env(vif->dev)->broker, op, &request, sizeof(request), reply);

    if (error == 0)
        return 0;
    if (reply->len > 0 && reply->data[reply->len - 1] == '\0')
        backend_dev_fail(vif->dev, error, "%s", (const char *)reply->data);
    else
        backend_dev_fail(vif->dev, error, "the broker refused");
    return -1;
}

static void vif_changed(struct backend_dev *dev, const char *node)
{
    struct vif *vif = dev->priv;
    struct broker_reply reply = {0};

    if (strcmp(node, "rate") == 0) {
        if (read_rate(vif) == 0)
            for (unsigned int i = 0; i < vif->queues; i++)
                net_queue_kick(vif->queue[i]);
    } else if (strcmp(node, "forward") == 0) {
        (void)ask_broker(vif, NET_FORWARD, &reply);
    } else if (read_antispoof(vif) == 0 && strcmp(node, "ip") == 0) {
        (void)ask_broker(vif, NET_FORWARD, &reply);
    }
}

/* ---- the device ---- */

/* queues: a decimal digit */
static int offer(struct backend_dev *dev, unsigned int queues)
{
    const char max_queues[] = {(char)('0' + queues), '\0'};
    const struct backend_value values[] = {
        {"feature-sg", "1"},
        {"feature-gso-tcpv4", "1"},
        {"feature-gso-tcpv6", "1"},
        {"feature-ipv6-csum-offload", "1"},
        {"feature-rx-copy", "1"},
        {"feature-rx-flip", "0"},
        {"feature-split-event-channels", "1"},
        {"feature-persistent", "1"},
        {"multi-queue-max-queues", max_queues},
        {"hotplug-status", "connected"},
    };
    int error = backend_write_all(dev, XSC_NO_TX, values, sizeof(values) / sizeof(values[0]));

    if (error)
        backend_dev_fail(dev, error, "the features cannot be written");
    return error ? -1 : 0;
}

static void set_carrier(struct vif *vif, bool on)
{
    unsigned int carrier = on;

    (void)ioctl(vif->tap[0], TUNSETCARRIER, &carrier);
}

/* Takes over the descriptors. */
static int open_taps(struct vif *vif)
{
    struct broker_reply reply = {0};
    void *journal;

    if (ask_broker(vif, NET_OPEN, &reply) != 0)
        return -1;
    if (reply.nfds < 2 || reply.nfds > NET_QUEUES_MAX + 1) {
        backend_dev_fail(vif->dev, 0, "the broker's answer makes no sense");
        return -1;
    }
    vif->taps = reply.nfds - 1;
    memcpy(vif->tap, reply.fds + 1, vif->taps * sizeof(vif->tap[0]));
    set_carrier(vif, false);
    journal =
        mmap(NULL, vif->taps * sizeof(*vif->journal), PROT_READ | PROT_WRITE, MAP_SHARED, reply.fds[0], 0);
    close(reply.fds[0]);
    if (journal == MAP_FAILED) {
        backend_dev_fail(vif->dev, errno, "the journal");
        return -1;
    }
    vif->journal = journal;
    return 0;
}

static void vif_remove(struct backend_dev *dev)
{
    struct vif *vif = dev->priv;

    if (!vif)
        return;
    if (vif->journal)
        munmap(vif->journal, vif->taps * sizeof(*vif->journal));
    for (unsigned int i = 0; i < vif->taps; i++)
        close(vif->tap[i]);
    free(vif);
    dev->priv = NULL;
}

/* The broker keeps ports, a lease and a journal for the device from when it was asked to open it. */
static void vif_gone(struct backend_dev *dev)
{
    struct net_request_device request = {dev->domid, dev->devid};

    vif_remove(dev);
    (void)broker_call(backend_env(dev)->broker, NET_CLOSE, &request, sizeof(request), NULL);
}

static int vif_probe(struct backend_dev *dev)
{
    struct net_service *service = backend_env(dev)->priv;
    struct vif *vif = calloc(1, sizeof(*vif));

    if (!vif) {
        backend_dev_fail(dev, ENOMEM, "no memory");
        return -1;
    }
    dev->priv = vif;
    vif->dev = dev;
    vif->service = service;
    vif->buffers = service->buffers;
    if (read_rate(vif) == 0 && read_antispoof(vif) == 0 && open_taps(vif) == 0 && offer(dev, vif->taps) == 0)
        return 0;
    vif_gone(dev);
    return -1;
}

/* ---- connecting ---- */

/* A flag of the frontend's; absent: `otherwise`. */
static int front_flag(struct backend_dev *dev, const char *node, bool otherwise, bool *flag)
{
    uint64_t value = otherwise;
    int error = backend_read_front(dev, node, 1, &value);

    if (error && error != ENOENT) {
        backend_dev_fail(dev, error, "%s of the frontend", node);
        return -1;
    }
    *flag = value != 0;
    return 0;
}

static int front_number(struct backend_dev *dev, const char *node, uint32_t *number)
{
    uint64_t value;
    int error = backend_read_front(dev, node, UINT32_MAX, &value);

    if (error == 0)
        *number = (uint32_t)value;
    return error;
}

static int read_offers(struct vif *vif)
{
    struct backend_dev *dev = vif->dev;
    bool copies, notifies, no_checksum;

    if (front_flag(dev, "request-rx-copy", false, &copies) != 0 ||
        front_flag(dev, "feature-rx-notify", false, &notifies) != 0 ||
        front_flag(dev, "feature-no-csum-offload", false, &no_checksum) != 0 ||
        front_flag(dev, "feature-ipv6-csum-offload", false, &vif->offers.checksum_v6) != 0 ||
        front_flag(dev, "feature-sg", false, &vif->offers.scatter) != 0 ||
        front_flag(dev, "feature-gso-tcpv4", false, &vif->offers.gso_v4) != 0 ||
        front_flag(dev, "feature-gso-tcpv6", false, &vif->offers.gso_v6) != 0 ||
        front_flag(dev, "feature-persistent", false, &vif->persistent) != 0)
        return -1;
    vif->offers.checksum_v4 = !no_checksum;
    if (!copies || !notifies) {
        backend_dev_fail(dev, EOPNOTSUPP, "a frontend without %s",
                         copies ? "feature-rx-notify" : "request-rx-copy");
        return -1;
    }
    return 0;
}

static int read_queues(struct vif *vif)
{
    uint32_t queues = 1;
    int error = front_number(vif->dev, "multi-queue-num-queues", &queues);

    if ((error && error != ENOENT) || queues == 0 || queues > vif->taps) {
        backend_dev_fail(vif->dev, error, "multi-queue-num-queues of the frontend: 1 to %u was offered",
                         vif->taps);
        return -1;
    }
    vif->queues = queues;
    return 0;
}

/* Where the frontend keeps its rings: next to its state, or with several queues in a directory of each. */
struct front_queue {
    uint32_t tx_ref, rx_ref, tx_port, rx_port;
};

static int queue_node(struct vif *vif, unsigned int number, const char *node, uint32_t *value)
{
    char path[64];

    if (vif->queues == 1)
        return front_number(vif->dev, node, value);
    snprintf(path, sizeof(path), "queue-%u/%s", number, node);
    return front_number(vif->dev, path, value);
}

static int read_queue(struct vif *vif, unsigned int number, struct front_queue *queue)
{
    int error = queue_node(vif, number, "tx-ring-ref", &queue->tx_ref);

    if (!error)
        error = queue_node(vif, number, "rx-ring-ref", &queue->rx_ref);
    if (!error) {
        error = queue_node(vif, number, "event-channel-tx", &queue->tx_port);
        if (!error)
            error = queue_node(vif, number, "event-channel-rx", &queue->rx_port);
        if (error == ENOENT) {
            queue->rx_port = 0;
            error = queue_node(vif, number, "event-channel", &queue->tx_port);
        }
    }
    if (error)
        backend_dev_fail(vif->dev, error, "the frontend's nodes of queue %u", number);
    return error ? -1 : 0;
}

static int map_rings(struct vif *vif, const struct front_queue *front)
{
    uint32_t refs[2 * NET_QUEUES_MAX];

    for (unsigned int i = 0; i < vif->queues; i++) {
        refs[2 * i] = front[i].tx_ref;
        refs[2 * i + 1] = front[i].rx_ref;
    }
    vif->rings = guest_map(backend_env(vif->dev)->access, vif->dev->domid, refs, 2 * vif->queues,
                           PROT_READ | PROT_WRITE);
    if (vif->rings)
        return 0;
    backend_dev_fail(vif->dev, errno, "the rings cannot be mapped");
    return -1;
}

/* Packets for the guest only go to queues that it reads. */
static int set_tap(struct vif *vif, unsigned int queues)
{
    for (unsigned int i = 1; i < vif->taps; i++) {
        struct ifreq ifr = {.ifr_flags = i < queues ? IFF_ATTACH_QUEUE : IFF_DETACH_QUEUE};

        /* EINVAL: it is so already. */
        if (ioctl(vif->tap[i], TUNSETQUEUE, &ifr) != 0 && errno != EINVAL)
            return -1;
    }
    return ioctl(vif->tap[0], TUNSETOFFLOAD, (unsigned long)net_offload_tap_flags(&vif->offers));
}

static int start_queues(struct vif *vif, const struct front_queue *front)
{
    uint8_t *page = vif->rings;

    for (unsigned int i = 0; i < vif->queues; i++, page += (size_t)2 * NET_PAGE_SIZE) {
        struct net_queue_spec spec = {
            .number = i,
            .tx_port = front[i].tx_port,
            .rx_port = front[i].rx_port,
            .tx = (netif_tx_sring_t *)page,
            .rx = (netif_rx_sring_t *)(page + NET_PAGE_SIZE),
            .tap = vif->tap[i],
        };

        vif->queue[i] = net_queue_start(vif, &spec);
        if (!vif->queue[i]) {
            backend_dev_fail(vif->dev, errno, "the event channels or memory of queue %u", i);
            return -1;
        }
    }
    return 0;
}

static bool vif_disconnect(struct backend_dev *dev)
{
    struct vif *vif = dev->priv;

    set_carrier(vif, false);
    for (unsigned int i = 0; i < vif->queues; i++) {
        net_queue_stop(vif->queue[i]);
        vif->queue[i] = NULL;
    }
    guest_unmap(backend_env(dev)->access, vif->rings, 2 * vif->queues);
    vif->rings = NULL;
    vif->queues = 0;
    return true;
}

static int vif_connect(struct backend_dev *dev)
{
    struct vif *vif = dev->priv;
    struct front_queue front[NET_QUEUES_MAX];
    int rc;

    /* What a journal says belongs to rings that are no more. */
    if (!dev->resumed)
        memset(vif->journal, 0, vif->taps * sizeof(*vif->journal));
    rc = read_offers(vif) == 0 && read_queues(vif) == 0 ? 0 : -1;
    for (unsigned int i = 0; rc == 0 && i < vif->queues; i++)
        rc = read_queue(vif, i, &front[i]);
    if (rc == 0 && set_tap(vif, vif->queues) != 0) {
        backend_dev_fail(dev, errno, "the tap");
        rc = -1;
    }
    if (rc == 0 && map_rings(vif, front) == 0 && start_queues(vif, front) == 0) {
        set_carrier(vif, true);
        return 0;
    }
    vif_disconnect(dev);
    return -1;
}

static const char *const vif_nodes[] = {"rate", "antispoof", "ip", "mac", "forward", NULL};

const struct backend_ops vif_ops = {
    .kind = "hospes-vif",
    .nodes = vif_nodes,
    .probe = vif_probe,
    .connect = vif_connect,
    .disconnect = vif_disconnect,
    .remove = vif_gone,
    .changed = vif_changed,
};
