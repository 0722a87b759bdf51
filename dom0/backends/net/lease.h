/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_NET_LEASE_H
#define HOSPES_NET_LEASE_H

#include <stdint.h>

#include "dom0/backends/net/device.h"

/*
 * In the broker: a guest with a fixed address gets it by DHCP as well. dnsmasq (/etc/init.d/bridge) reads
 * a file for each device; one that runs elsewhere, or none, is no error.
 */
void net_lease_set(const struct net_device *device);
void net_lease_clear(uint32_t domid, uint32_t devid);
void net_lease_clear_all(void);

#endif
