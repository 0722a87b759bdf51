/* SPDX-License-Identifier: MIT */
#ifndef GUEST_NET_NETIF_H
#define GUEST_NET_NETIF_H

/* A card with a stack on it, as the command line says: what an application starts with. */

#include "guest/frontends/net.h"
#include "guest/net/stack.h"
#include "guest/thread.h"

struct netif {
    struct netstack *ns;
    struct net_device *dev;
    /* private */
    unsigned id;
    bool was_up, rearmed;
    struct waitq wait;
};

/*
 * Opens vif `id` and gives it an address: ip=ADDR/LEN and gw=ADDR on the command line (ip1= and gw1= for vif
 * 1, and so on), or by DHCP without an ip=, or with ip=dhcp. 0 or a negative errno, with a line on the
 * console.
 */
int netif_open(struct netif **nif, unsigned id);

/* Waits for link and address until system time deadline (0: for ever), and prints what there is; false if
 * not. */
bool netif_wait(struct netif *nif, uint64_t deadline);

/* Disconnects the card in good order. Nobody may be sending; the stack stays, with its link down. */
void netif_close(struct netif *nif);

/* One line each of what was counted, without what is 0. */
void netif_print_counters(struct netif *nif);

#endif
