/* SPDX-License-Identifier: MIT */
#ifndef HOSPES_NET_ANTISPOOF_H
#define HOSPES_NET_ANTISPOOF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dom0/backends/net/headers.h"

#define NET_ADDRESSES_MAX 16

/* An address, or a network of them. IPv4 stands as ::ffff:a.b.c.d/(96 + length). */
struct net_address {
    uint8_t bytes[16];
    uint8_t bits;
};

/*
 * Who a guest may claim to be:
 *
 *  - the source of every frame, and the sender in an ARP packet, is the vif's MAC;
 *  - with a list of addresses there is only IPv4, IPv6 and ARP, no VLAN tag, and
 *      IPv4, ARP  the sender is in the list, or 0.0.0.0 (in IPv4 only for DHCP: UDP from port 68 to 67)
 *      IPv6       the source is in the list, or the link-local address made of the MAC (EUI-64), or ::; a
 *                 neighbour advertisement only advertises one of these
 */
struct net_antispoof {
    bool on;
    uint8_t mac[6];
    unsigned int addresses; /* 0: any address */
    struct net_address address[NET_ADDRESSES_MAX];
};

bool net_parse_mac(uint8_t mac[6], const char *text);

/* From the nodes "mac" and "ip" (addresses, each with an optional /LENGTH, separated by blanks or commas). */
bool net_antispoof_parse(struct net_antispoof *rule, const char *mac, const char *ip);

/* Whether the frame may pass; `len` bytes of its head, at least an Ethernet header. */
bool net_antispoof_pass(const struct net_antispoof *rule, const uint8_t *head, size_t len);

#endif
