/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_NET_TAP_H
#define HOSPES_NET_TAP_H

#include "dom0/backends/net/device.h"

/*
 * In the broker: makes the device's tap, as a port of its bridge, and up. fd[] gets device->queues
 * descriptors, non-blocking, each a queue; the interface ends with the last of them. 0, or -1 and a line in
 * why[].
 */
int net_tap_make(const struct net_device *device, int *fd, char *why, size_t why_size);

#endif
