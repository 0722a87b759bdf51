/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_TOOLSTACK_NET_LINK_H
#define HOSPES_TOOLSTACK_NET_LINK_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Network interfaces of dom0, by rtnetlink. Nothing here reports: a failure is -1 with errno as the kernel
 * gave it.
 */
struct net_link;

/* Opens a handle that also hears of interfaces that appear from now on. NULL with errno. */
struct net_link *net_link_open(void);
void net_link_close(struct net_link *net);

/* What the kernel says of one interface. */
struct net_link_info {
    unsigned int index;
    uint32_t mtu;
    unsigned int master; /* index of the bridge it is on, 0 for none */
    bool up;
    bool is_bridge;
};

/* By name; ENODEV when there is none. */
int net_link_get(struct net_link *net, const char *name, struct net_link_info *info);

/* The same, but waits up to timeout_ms for the interface to appear; ETIMEDOUT then. */
int net_link_wait(struct net_link *net, const char *name, int timeout_ms, struct net_link_info *info);

int net_link_set_mtu(struct net_link *net, unsigned int index, uint32_t mtu);
int net_link_set_address(struct net_link *net, unsigned int index, const uint8_t mac[6]);
/* The interface must be down. */
int net_link_rename(struct net_link *net, unsigned int index, const char *name);
int net_link_set_up(struct net_link *net, unsigned int index);
/* Puts it on a bridge (0: takes it off). */
int net_link_set_master(struct net_link *net, unsigned int index, unsigned int master);

/* EEXIST when the name is taken. */
int net_bridge_create(struct net_link *net, const char *name);
/* IPv4 address in network order; EEXIST when it has it already. */
int net_address_add(struct net_link *net, unsigned int index, uint32_t address, unsigned int prefix_len);

/* Whether the kernel could take this as the name of an interface. */
bool net_link_name_valid(const char *name);

#endif
