/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_NET_FORWARD_H
#define HOSPES_NET_FORWARD_H

#include <stddef.h>
#include <stdint.h>

#include "dom0/backends/net/device.h"

#define NET_FORWARDS_MAX 64u

/* One port of dom0's that leads to a guest. */
struct net_forward {
    const char *protocol; /* "tcp", "udp" */
    uint16_t port, guest_port;
};

/* Parses "tcp:8080:80 udp:53:53". How many, or -1. */
int net_forward_parse(struct net_forward forwards[NET_FORWARDS_MAX], const char *text);

/* The first IPv4 address of the node "ip", without a length, in out[16]; -1 if there is none. */
int net_forward_address(char out[16], const char *ip);

/*
 * In the broker: connections to the ports that the device's node `forward` names, at any address of dom0's
 * but the loopback ones, go to the guest's address. Replaces what was there for the device. 0, or -1 and a
 * line in why[], and then there is none for it.
 */
int net_forward_set(const struct net_device *device, char *why, size_t why_size);

/* Ends it for one device, or for all (and what a daemon before us has left). */
void net_forward_clear(uint32_t domid, uint32_t devid);
void net_forward_clear_all(void);

#endif
