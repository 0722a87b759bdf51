/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_NET_REQUESTS_H
#define HOSPES_NET_REQUESTS_H

#include "dom0/backends/common/broker.h"

/*
 * What hospes-netd's worker can have done by its broker. A request only names a device; all else is read from
 * the device's nodes in the store, which only dom0 can write, by the broker itself.
 */
enum net_request {
    /*
     * Makes the device's interface: a tap with as many queues as the node `queues` says, MTU, bridge, up.
     * Answer: descriptors of the journal and then of each queue. The interface lives as long as these.
     */
    NET_OPEN = 1,
    /* Port forwarding and the address for DHCP, as the nodes say now. */
    NET_FORWARD,
    /* The device is gone: forwarding ends, the journal is removed. */
    NET_CLOSE,
};

struct net_request_device {
    uint32_t domid, devid;
};

/* On failure the answer's data is a line for the operator (terminated). */

broker_handler net_broker_handle;
int net_broker_prepare(void *arg);
void net_broker_worker_gone(void *arg);

#endif
