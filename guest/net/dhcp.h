/* SPDX-License-Identifier: MIT */
#ifndef GUEST_NET_DHCP_H
#define GUEST_NET_DHCP_H

#include "guest/net/stack.h"

/*
 * Gets address, mask and gateway from a server and keeps them renewed; asks anew when the link comes up. The
 * address is taken as offered: nobody is asked whether it is in use. 0 or a negative errno.
 */
int dhcp_start(struct netstack *ns);

#endif
